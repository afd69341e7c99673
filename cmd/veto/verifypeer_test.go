package main

import (
	"bytes"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/crypto/ocsp"

	"github.com/vetopki/veto/internal/pkitest"
)

// scriptPeerPKI makes root.pem, below it ca.pem, and below that leaves with one thing wrong each: expired, early, mail (for another usage),
// forged; named, which has names of all kinds and nothing wrong; its OCSP responses staple.der and revoked.der; and ca.crl and root.crl.
func scriptPeerPKI(ts *testscript.TestScript, neg bool, args []string) {
	dir, now := ts.Getenv("WORK"), time.Now().UTC().Truncate(time.Second)
	put := func(name string, content []byte) { ts.Check(os.WriteFile(filepath.Join(dir, name), content, 0o644)) }
	root := must(ts, func() (*pkitest.CA, error) { return pkitest.NewCA(pkitest.CAOptions{Name: "Root"}) })
	ca := must(ts, func() (*pkitest.CA, error) { return pkitest.NewCA(pkitest.CAOptions{Name: "Issuing CA", Parent: root}) })
	put("root.pem", certificatePEM(root.Certificate))
	put("ca.pem", certificatePEM(ca.Certificate))
	put("root.crl", must(ts, func() ([]byte, error) { return root.CRL(pkitest.CRLOptions{}) }))
	put("ca.crl", must(ts, func() ([]byte, error) { return ca.CRL(pkitest.CRLOptions{}) }))
	leaf := func(o pkitest.LeafOptions) *x509.Certificate {
		return must(ts, func() (*pkitest.Pair, error) { return ca.Issue(o) }).Certificate
	}
	put("expired.pem", certificatePEM(leaf(pkitest.LeafOptions{Name: "peer.test", NotAfter: now.Add(-time.Minute)})))
	put("early.pem", certificatePEM(leaf(pkitest.LeafOptions{Name: "peer.test", NotBefore: now.Add(time.Hour)})))
	put("mail.pem", certificatePEM(leaf(pkitest.LeafOptions{Name: "peer.test", ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}})))
	named := leaf(pkitest.LeafOptions{Name: "peer.test", Change: func(c *x509.Certificate) {
		c.IPAddresses, c.EmailAddresses = []net.IP{net.IPv4(192, 0, 2, 1)}, []string{"ops@peer.test"}
		c.URIs = []*url.URL{{Scheme: "spiffe", Host: "td.test", Path: "/ns/prod/web"}}
	}})
	put("named.pem", certificatePEM(named))
	forged := bytes.Clone(named.Raw)
	forged[len(forged)-1] ^= 1
	put("forged.der", forged)
	put("garbage.der", []byte("\x30\x03\x02\x01\x01"))
	for name, status := range map[string]int{"staple.der": ocsp.Good, "revoked.der": ocsp.Revoked} {
		put(name, must(ts, func() ([]byte, error) {
			return ocsp.CreateResponse(ca.Certificate, ca.Certificate, ocsp.Response{Status: status, SerialNumber: named.SerialNumber,
				ThisUpdate: now.Add(-time.Minute), NextUpdate: now.Add(time.Hour), RevokedAt: now.Add(-time.Hour)}, ca.Key)
		}))
	}
}
