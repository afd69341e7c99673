package verify

import (
	"bytes"
	"crypto/x509"

	"github.com/vetopki/veto/revocation"
)

// combine finds the newest delta CRL that may be applied to a complete one, nil when there is none, and says whether the result is
// past its time: the combination has the dates of the delta (RFC 5280 §5.2.4).
func (j *judge) combine(f *findings, base *CRLView, signer *x509.Certificate) (delta *CRLView, stale *revocation.Refusal) {
	if j.o.Deltas {
		for _, d := range j.crls {
			if !d.IsDelta() || d.issuerKey != base.issuerKey {
				continue
			}
			at, err := j.applies(d, base, signer)
			switch {
			case err != nil:
				f.refuse(d, at, err)
			case delta == nil || newer(d, delta) > 0:
				delta = d
			}
		}
	}
	if delta != nil {
		return delta, j.stale(delta)
	}
	return nil, j.stale(base)
}

// applies says whether a delta may be applied to a complete CRL: §5.2.4 (a) to (d) and §6.3.3 (c).
func (j *judge) applies(d, base *CRLView, signer *x509.Certificate) (step, *revocation.Refusal) {
	const section = "RFC 5280 §5.2.4"
	switch {
	case scopeKey(d) != scopeKey(base):
		return byForm, revocation.Refuse("delta", "RFC 5280 §6.3.3(c)(2)", "the delta has another scope than the complete CRL %s", base.Name)
	case !bytes.Equal(d.AuthorityKeyID, base.AuthorityKeyID):
		return byForm, revocation.Refuse("delta", "RFC 5280 §6.3.3(c)(3)", "the delta names another key than the complete CRL %s", base.Name)
	case d.Number == "" || base.Number == "":
		return byForm, revocation.Refuse("delta", section, "without a CRL number in both, the delta cannot be applied to %s", base.Name)
	case base.Number.Compare(d.BaseNumber) < 0:
		return byForm, revocation.Refuse("delta", section, "the delta lists changes since number %s, and the complete CRL %s is number %s: older",
			d.BaseNumber, base.Name, base.Number)
	case base.Number.Compare(d.Number) >= 0:
		return byForm, revocation.Refuse("delta", section, "the complete CRL %s has number %s, the delta %s: it is not newer", base.Name, base.Number, d.Number)
	}
	if err := j.form(d); err != nil {
		return byForm, err
	}
	if err := crlDates(d.CRL, j.at, j.o.ClockSkew); err != nil {
		return byDate, asRefusal(err)
	}
	if err := j.signature(d, signer); err != nil {
		return bySigner, err
	}
	if err := j.stale(d); err != nil {
		return byDate, err
	}
	return byDate, nil
}

// deltaAlone is why a delta is not consulted by itself.
func (j *judge) deltaAlone() *revocation.Refusal {
	if !j.o.Deltas {
		return revocation.Refuse("delta", "RFC 5280 §6.3.1", "this is a delta CRL, and delta CRLs are not asked for")
	}
	return revocation.Refuse("delta", "RFC 5280 §5.2.4", "this is a delta CRL, and no complete CRL that it applies to may be used")
}
