package client_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"testing"

	"github.com/vetopki/veto/internal/pkitest"
)

// pki is a CA with two certificates.
type pki struct {
	ca         *pkitest.CA
	alice, bob *pkitest.Pair
	issuer     *x509.Certificate
}

func newPKI(t testing.TB) *pki {
	t.Helper()
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := &pki{ca: ca, issuer: ca.Certificate}
	for name, to := range map[string]**pkitest.Pair{"alice.test": &p.alice, "bob.test": &p.bob} {
		if *to, err = ca.Issue(pkitest.LeafOptions{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func leaf(i int) pkitest.LeafOptions {
	return pkitest.LeafOptions{Name: fmt.Sprintf("leaf-%d.test", i)}
}

// noRevAvail says that there is no revocation for a certificate (RFC 9608 §2).
var noRevAvail = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 56}, Value: []byte{5, 0}}}
