package verify

import (
	"bytes"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// OwnEntries passes on, of the entries of one CRL, those of one CA's certificates: where a certificateIssuer was said, in the
// entry or before it, those with the CA's name, and else all if the CRL's own issuer has that name (RFC 5280 §5.3.3, §7.1). Begin
// and Add are made for [crlder.Decode].
type OwnEntries struct {
	who CRLIssuer
	add func(*revocation.Record) error
	key string // NameKey of the CA's name

	direct  bool   // the CRL's issuer has the CA's name
	last    []byte // the certificateIssuer looked at last, and whether it is the CA
	lastOwn bool
}

// NewOwnEntries makes one for one CRL.
func NewOwnEntries(who CRLIssuer, add func(*revocation.Record) error) *OwnEntries {
	return &OwnEntries{who: who, add: add, key: crlder.NameKey(who.name())}
}

// Begin learns who issued the CRL. A stranger's is refused here, by rule issuer, before its entries are read.
func (o *OwnEntries) Begin(crl *crlder.CRL) error {
	if err := o.who.stranger(crl.RawIssuer); err != nil {
		return err
	}
	o.direct = crlder.NameKey(crl.RawIssuer) == o.key
	return nil
}

// Add takes one entry.
func (o *OwnEntries) Add(r *revocation.Record) error {
	if !o.owns(r.CertificateIssuer) {
		return nil
	}
	return o.add(r)
}

// owns reads a name once where entries carry it on, or say the same one again.
func (o *OwnEntries) owns(issuer []byte) bool {
	switch {
	case issuer == nil:
		return o.direct
	case len(issuer) == 0: // nobody
		return false
	case bytes.Equal(issuer, o.last):
		return o.lastOwn
	}
	o.last, o.lastOwn = issuer, crlder.NameKey(issuer) == o.key
	return o.lastOwn
}
