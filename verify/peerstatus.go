package verify

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/vetopki/veto/revocation"
)

// StatusFunc says what is known of a certificate that an issuer signed.
type StatusFunc func(issuer revocation.IssuerID, cert *x509.Certificate) revocation.CertStatus

// ByStatus makes what PeerOptions.Revocation asks for from a store's answers. The issuer of each certificate is the next of the path.
func ByStatus(status StatusFunc, leafOnly bool) func([]*x509.Certificate) []CertRevocation {
	return func(path []*x509.Certificate) []CertRevocation {
		var results []CertRevocation
		for i, c := range path[:max(len(path)-1, 0)] {
			if i > 0 && leafOnly {
				break
			}
			results = append(results, byStatus(c, path[i+1], status))
		}
		return results
	}
}

func byStatus(c, issuer *x509.Certificate, status StatusFunc) CertRevocation {
	r := CertRevocation{Certificate: c}
	if _, err := revocation.SerialFromBig(c.SerialNumber); err != nil {
		r.Invalid = revocation.Refuse("serial", "RFC 5280 §4.1.2.2", "%v", err)
		return r
	}
	st := status(revocation.IssuerIDOf(issuer), c)
	exempt, contradiction := Exemption(c)
	switch {
	case st.Status == revocation.Revoked:
		r.Status = revocation.Revoked
		r.Entry = revocation.Entry{RevokedAt: st.RevokedAt, InvalidityDate: st.InvalidityDate, Reason: st.Reason, Retained: st.Because == revocation.BecauseRetained}
	case exempt != "" || contradiction != nil:
		r.Exempt, r.Invalid = exempt, contradiction
		if contradiction == nil {
			r.Status = revocation.Good
		}
	case st.Because == revocation.BecauseNotIssued:
		r.Invalid = revocation.Refuse("not-issued", "RFC 6960 §4.4.8", "its CA's inventory does not have its serial number")
	case st.Status == revocation.Good:
		r.Status = revocation.Good
	default:
		r.Detail = DescribeUnknown(&st)
	}
	return r
}

// DescribeUnknown says in words why nothing is known.
func DescribeUnknown(st *revocation.CertStatus) string {
	switch st.Because {
	case revocation.BecauseUnknownIssuer:
		return "its issuer is not configured here"
	case revocation.BecauseNotIssued:
		return "its CA's inventory does not have its serial number"
	case revocation.BecauseNoCRL:
		return "no CRL of its issuer is held yet"
	case revocation.BecauseStale:
		return fmt.Sprintf("the CRL from %s is stale since %s", st.URL, st.NextUpdate.UTC().Format(time.RFC3339))
	case revocation.BecauseNotYetValid:
		return fmt.Sprintf("the CRL from %s begins at %s only", st.URL, st.ThisUpdate.UTC().Format(time.RFC3339))
	case revocation.BecauseOutOfScope:
		return "the CRLs of its issuer do not speak of such certificates"
	case revocation.BecauseFenced:
		return "this server was cut off from its cluster for too long"
	}
	return "there is no evidence"
}
