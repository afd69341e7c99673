package responder

import (
	"strings"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// finding is what OCSP says of one certificate: a SingleResponse to sign or, when error is not Successful, that error.
type finding struct {
	single   ocspder.SingleResponse
	extended bool // the single needs the extended-revoke extension
	error    ocspder.ResponseStatus
}

// resolve says a status in OCSP's words.
func resolve(e *issuer, id *ocspder.CertID, st revocation.CertStatus, now time.Time) finding {
	f := finding{single: ocspder.SingleResponse{CertID: *id, Status: st.Status}}
	switch {
	case st.Status == revocation.Revoked:
		f.single.RevokedAt, f.single.Reason = st.RevokedAt, st.Reason
	case st.Status == revocation.Good:
	case st.Because == revocation.BecauseNotIssued:
		f.notIssued(e.NotIssued)
	case st.Because == revocation.BecauseUnknownIssuer:
		f.error = ocspder.Unauthorized
	default: // stale, no CRL, not yet valid, out of scope, fenced: later there may be evidence
		f.error = ocspder.TryLater
	}
	if f.error == ocspder.Successful {
		f.setTimes(e, &st, now)
		f.single.Extensions = singleExtensions(e, &st, now)
	}
	return f
}

// notIssued answers for a serial that the CA never issued (RFC 6960 §2.2).
func (f *finding) notIssued(policy NotIssuedPolicy) {
	switch policy {
	case NotIssuedRevoked:
		f.extended = true
		f.single.Status, f.single.Reason, f.single.RevokedAt = revocation.Revoked, revocation.CertificateHold, time.Unix(0, 0)
	case NotIssuedUnauthorized:
		f.error = ocspder.Unauthorized
	}
}

// setTimes sets thisUpdate to when the status was known to be correct (RFC 6960 §2.5) and nextUpdate to the end of what it
// rests on: the issuer's validity from now or the evidence, whichever comes first; see also [endBy]. A revocation does not lapse
// with the CRL that told of it, so a stale one bounds nothing. Times are whole seconds; nextUpdate must be ahead, or there is
// nothing to say now.
func (f *finding) setTimes(e *issuer, st *revocation.CertStatus, now time.Time) {
	this, next := now, now.Add(e.Validity)
	if st.Status == revocation.Good || st.Fresh {
		if !st.ThisUpdate.IsZero() && st.ThisUpdate.Before(now) {
			this = st.ThisUpdate
		}
		if !st.ValidUntil.IsZero() && st.ValidUntil.Before(next) {
			next = st.ValidUntil
		}
	}
	f.single.ThisUpdate, f.single.NextUpdate = this.Truncate(time.Second), next.Truncate(time.Second)
	if !f.single.NextUpdate.After(now) {
		f.error = ocspder.TryLater
	}
}

// endBy makes no answer outlive the certificate of its signer, nor therefore the only one in certs. It says whether there is still
// something to say now.
func endBy(singles []ocspder.SingleResponse, s *Signer, now time.Time) bool {
	end := s.NotAfter().Truncate(time.Second)
	for i := range singles {
		if end.Before(singles[i].NextUpdate) {
			singles[i].NextUpdate = end
		}
	}
	return end.After(now)
}

// singleExtensions are those the issuer is configured to give, nil for none. A status that rests on no CRL has nothing of one: that
// of a certificate never issued must not (RFC 6960 §2.2).
func singleExtensions(e *issuer, st *revocation.CertStatus, now time.Time) (list []ocspder.Extension) {
	if e.ArchiveCutoff > 0 {
		list = append(list, ocspder.ArchiveCutoff(now.Add(-e.ArchiveCutoff)))
	}
	if e.CRLReference && st.CRL != nil {
		list = append(list, ocspder.CRLReference(publicURL(st.CRL.URL), st.CRL.Number, st.CRL.ThisUpdate))
	}
	if e.InvalidityDate && st.Status == revocation.Revoked && !st.InvalidityDate.IsZero() {
		list = append(list, ocspder.InvalidityDate(st.InvalidityDate))
	}
	return list
}

// publicURL leaves out where a CRL comes from when that is of no use to anyone else, a file or an administrator's push, or is no
// IA5String.
func publicURL(url string) string {
	if strings.ContainsFunc(url, func(c rune) bool { return c > 0x7e || c <= ' ' }) {
		return ""
	}
	for _, scheme := range []string{"http://", "https://", "ldap://", "ldaps://"} {
		if strings.HasPrefix(url, scheme) {
			return url
		}
	}
	return ""
}
