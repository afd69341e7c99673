package verify

import (
	"crypto/x509"
	"errors"
	"time"

	"github.com/vetopki/veto/revocation"
)

// usable says whether a CRL, complete or delta, may be used for any certificate, and who signed it. That it is past its time is
// no part of this.
func (j *judge) usable(v *CRLView) (signer *x509.Certificate, at step, err *revocation.Refusal) {
	if err := j.form(v); err != nil {
		return nil, byForm, err
	}
	if err := crlDates(v.CRL, j.at, j.o.ClockSkew); err != nil {
		return nil, byDate, asRefusal(err)
	}
	signer, err = j.signer(v)
	return signer, bySigner, err
}

// form refuses what the CRL says, or how.
func (j *judge) form(v *CRLView) *revocation.Refusal {
	if v.Odd.EmptyList && !j.o.AcceptEmptyList {
		return revocation.Refuse("form", "RFC 5280 §5.1.2.6", "the list of revoked certificates is there and empty; without entries it must be absent")
	}
	return crlForm(v.CRL)
}

// stale says whether a CRL is past its time.
func (j *judge) stale(v *CRLView) *revocation.Refusal {
	if !v.NextUpdate.IsZero() && !j.at.Before(v.NextUpdate) {
		return revocation.Refuse("expired", "RFC 5280 §5.1.2.5", "the CRL was to be replaced by %s; fetch the new one",
			v.NextUpdate.Format(time.RFC3339))
	}
	limit := j.o.MaxAge
	if limit == 0 && v.NextUpdate.IsZero() {
		limit = maxAgeWithoutNextUpdate
	}
	if limit > 0 && j.at.Sub(v.ThisUpdate) > limit {
		return revocation.Refuse("age", "RFC 5280 §5.1.2.5", "the CRL is from %s, older than the %s that are accepted",
			v.ThisUpdate.Format(time.RFC3339), limit)
	}
	return nil
}

// asRefusal is the Refusal of an error of this package.
func asRefusal(err error) *revocation.Refusal {
	if r, ok := errors.AsType[*revocation.Refusal](err); ok {
		return r
	}
	return revocation.Refuse("other", "", "%v", err)
}
