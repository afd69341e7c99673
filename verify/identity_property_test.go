package verify_test

import (
	"crypto/x509"
	"testing"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/verify"
)

// TestDNSNamesMatchOnlyWhereCryptoX509Agrees: ours is the stricter of the two.
func TestDNSNamesMatchOnlyWhereCryptoX509Agrees(t *testing.T) {
	name := rapid.StringMatching(`([ab*A.-]|xn--a){1,8}(\.[ab*]{1,2}){0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		c := &x509.Certificate{DNSNames: []string{name.Draw(t, "of the certificate")}}
		host := name.Draw(t, "wanted")
		i, err := verify.NewIdentity(verify.IdentityDNS, host)
		if err != nil || i.Value[0] == '*' {
			return
		}
		if i.Matches(c) && c.VerifyHostname(host) != nil {
			t.Fatalf("%q is taken for %q, and crypto/x509 does not", c.DNSNames[0], host)
		}
	})
}
