package responder

import (
	"crypto"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// presigned are the hash algorithms by which clients name issuers: SHA-1 since ever, SHA-256 by RFC 9919 §3.1.1.
var presigned = [...]crypto.Hash{crypto.SHA1, crypto.SHA256}

// Presign makes and keeps the answers about a serial before anyone asks, unless there are some that are not due for renewal. It says
// false when it is of no use to go on: the issuer is not configured, nobody can sign, or the cache is nearly full, so that what
// is made drives out what is asked for.
func (r *Responder) Presign(issuer revocation.IssuerID, serial revocation.Serial) bool {
	now := r.now()
	e := r.table.Load().byID[issuer]
	if e == nil || r.cache.nearlyFull() {
		return false
	}
	for _, hash := range presigned {
		id, err := ocspder.CertIDFor(hash, e.Certificate, serial)
		if err != nil {
			return false
		}
		if a, status := r.sharedAnswer(&id, wish{}, now); a == nil && status == ocspder.TryLater {
			return false
		}
	}
	return true
}
