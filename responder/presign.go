package responder

import (
	"crypto"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// presigned are the hash algorithms by which clients name issuers: SHA-1 since ever, SHA-256 by RFC 9919 §3.1.1.
var presigned = [...]crypto.Hash{crypto.SHA1, crypto.SHA256}

// Presign makes and keeps the answers about a serial before anyone asks: those that are not kept yet and those due for renewal. made
// says whether there were any. more is false when it is of no use to go on with other serials: the issuer is not configured, nobody
// can sign, or the cache is nearly full, so that an answer more drives out one that was asked for.
func (r *Responder) Presign(issuer revocation.IssuerID, serial revocation.Serial) (made, more bool) {
	now := r.now()
	e := r.table.Load().byID[issuer]
	if e == nil {
		return false, false
	}
	for _, hash := range presigned {
		id, err := ocspder.CertIDFor(hash, e.Certificate, serial)
		if err != nil {
			return made, false
		}
		kept, fresh := r.cache.peek(sharedKey(&id), now)
		switch {
		case fresh:
			continue
		case !kept && r.cache.nearlyFull():
			return made, false
		}
		if a, status := r.sharedAnswer(&id, wish{}, now); a == nil && status == ocspder.TryLater {
			return made, false
		}
		made = true
	}
	return made, true
}
