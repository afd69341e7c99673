package verify

import (
	"crypto/x509"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// CRLView is a decoded CRL and a way to ask it for entries, wherever those are kept. Nothing in it is believed before Revocation
// verified it.
type CRLView struct {
	*crlder.CRL
	Name string // the file or URL it came from, for people

	// Lookup finds the entry of the certificate with a serial that the named issuer (DER of the Name) issued. Names match by
	// RFC 5280 §7.1; an entry without certificateIssuer is of the CRL's own issuer.
	Lookup func(issuer []byte, serial revocation.Serial) (revocation.Entry, bool)

	scope
}

// NewCRLView puts a view together.
func NewCRLView(crl *crlder.CRL, name string, lookup func([]byte, revocation.Serial) (revocation.Entry, bool)) *CRLView {
	return &CRLView{CRL: crl, Name: name, Lookup: lookup, scope: scopeOf(crl.RawIssuer, crl.IDP)}
}

// Collector keeps, while a CRL is decoded, the entries of certain certificates only, so that memory does not grow with the CRL.
type Collector struct {
	wanted map[string]map[string]bool // serials, and the NameKeys of their issuers
	found  map[string]map[string]revocation.Entry
}

// Collect makes a Collector for the entries of these certificates.
func Collect(certificates []*x509.Certificate) *Collector {
	c := &Collector{wanted: map[string]map[string]bool{}, found: map[string]map[string]revocation.Entry{}}
	for _, cert := range certificates {
		serial, err := revocation.SerialFromBig(cert.SerialNumber)
		if err != nil {
			continue // no CRL is read that could list it
		}
		if c.wanted[string(serial)] == nil {
			c.wanted[string(serial)] = map[string]bool{"": true} // "": an entry of the CRL's own issuer
		}
		c.wanted[string(serial)][crlder.NameKey(cert.RawIssuer)] = true
	}
	return c
}

// Add takes one entry; it is the callback of crlder.Decode.
func (c *Collector) Add(r *revocation.Record) error {
	issuers, ok := c.wanted[string(r.Serial)]
	if !ok {
		return nil
	}
	key := ""
	if r.CertificateIssuer != nil {
		key = crlder.NameKey(r.CertificateIssuer)
	}
	if !issuers[key] {
		return nil
	}
	serial := string(r.Serial)
	if c.found[serial] == nil {
		c.found[serial] = map[string]revocation.Entry{}
	}
	entry := entryOf(r)
	if before, twice := c.found[serial][key]; twice {
		entry = worse(before, entry)
	}
	c.found[serial][key] = entry
	return nil
}

// View is the CRL with the entries collected from it.
func (c *Collector) View(crl *crlder.CRL, name string) *CRLView {
	own := crlder.NameKey(crl.RawIssuer)
	return NewCRLView(crl, name, func(issuer []byte, serial revocation.Serial) (revocation.Entry, bool) {
		list, key := c.found[string(serial)], crlder.NameKey(issuer)
		entry, ok := list[key]
		if key != own {
			return entry, ok
		}
		if unnamed, also := list[""]; also && ok {
			return worse(unnamed, entry), true
		} else if also {
			return unnamed, true
		}
		return entry, ok
	})
}

func entryOf(r *revocation.Record) revocation.Entry {
	e := revocation.Entry{RevokedAt: time.Unix(r.RevokedAt, 0).UTC(), Reason: r.Reason}
	if r.HasInvalidity {
		e.InvalidityDate = time.Unix(r.InvalidityDate, 0).UTC()
	}
	return e
}

// worse is what two entries of one certificate say together: a revocation goes before a removal, a permanent one before a
// hold, and then the earlier one.
func worse(a, b revocation.Entry) revocation.Entry {
	if severity(b.Reason) > severity(a.Reason) || severity(b.Reason) == severity(a.Reason) && b.RevokedAt.Before(a.RevokedAt) {
		return b
	}
	return a
}

func severity(r revocation.Reason) int {
	switch r {
	case revocation.RemoveFromCRL:
		return 0
	case revocation.CertificateHold:
		return 1
	}
	return 2
}
