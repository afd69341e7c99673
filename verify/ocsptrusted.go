package verify

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
)

// ocspTrusted is the signer of the response among those that the caller trusts, nil when none of them signed it. Of such a
// certificate only the time and the key count: whoever trusts it has judged the rest.
func ocspTrusted(resp *ocspder.Response, now time.Time, o *OCSPOptions) *x509.Certificate {
	i := slices.IndexFunc(o.Trusted, func(c *x509.Certificate) bool {
		return namesResponder(resp, c) && !now.Before(c.NotBefore) && !now.After(c.NotAfter) && ocspSignature(resp, c, o.AcceptSHA1) == nil
	})
	if i < 0 {
		return nil
	}
	return o.Trusted[i]
}
