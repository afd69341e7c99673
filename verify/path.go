package verify

import (
	"crypto/x509"
	"time"

	"github.com/vetopki/veto/internal/crlder"
)

// Paths returns the certification paths from a certificate to one of the roots at a moment, by crypto/x509 (RFC 5280 §6.1):
// each begins with the certificate and ends with the root. Any extended key usage will do, and no name is asked for. Names are
// chained by RFC 5280 §7.1 (see [crlder.NameKey]), where crypto/x509 alone would compare octets.
func Paths(leaf *x509.Certificate, untrusted, roots []*x509.Certificate, at time.Time) ([][]*x509.Certificate, error) {
	b := pathBuilder{original: map[*x509.Certificate]*x509.Certificate{}}
	chains, err := b.keyed(leaf).Verify(x509.VerifyOptions{
		Roots: b.pool(roots), Intermediates: b.pool(untrusted), CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	for _, chain := range chains {
		for i := range chain {
			chain[i] = b.original[chain[i]]
		}
	}
	return chains, err
}

// pathBuilder shows crypto/x509 copies of certificates whose names are NameKeys, so that its comparison of octets is the one
// of RFC 5280 §7.1.
type pathBuilder struct {
	original map[*x509.Certificate]*x509.Certificate // of each copy
}

func (b *pathBuilder) keyed(c *x509.Certificate) *x509.Certificate {
	k := *c
	k.RawIssuer, k.RawSubject = []byte(crlder.NameKey(c.RawIssuer)), []byte(crlder.NameKey(c.RawSubject))
	b.original[&k] = c
	return &k
}

func (b *pathBuilder) pool(list []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range list {
		p.AddCert(b.keyed(c))
	}
	return p
}
