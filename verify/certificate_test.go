package verify_test

import (
	"bytes"
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/vetopki/veto/verify"
)

func TestCertificatesThatCryptoX509RefusesAreRead(t *testing.T) {
	w := newWorld(t)
	ca := w.ca("CA")
	for name, row := range map[string]struct {
		c     certificate
		check func(c *x509.Certificate) bool
	}{
		"a relative name": {certificate{extensions: [][]byte{cdp(relativeName("CRL1"))}}, func(c *x509.Certificate) bool {
			return c.SerialNumber.Sign() > 0
		}},
		"a relative name in a critical extension": {certificate{extensions: [][]byte{ext(31, true, seq(seq(relativeName("CRL1"))))}},
			func(c *x509.Certificate) bool { return len(c.UnhandledCriticalExtensions) == 0 }},
		"a relative name and a URI": {certificate{extensions: [][]byte{cdp(relativeName("CRL1"), fullName("http://a/b"))}},
			func(c *x509.Certificate) bool { return slices.Equal(c.CRLDistributionPoints, []string{"http://a/b"}) }},
		"a negative serial": {certificate{serial: raw("80")}, func(c *x509.Certificate) bool { return c.SerialNumber.Int64() == -128 }},
		"both": {certificate{serial: raw("fe01"), extensions: [][]byte{cdp(relativeName("CRL1"))}},
			func(c *x509.Certificate) bool { return c.SerialNumber.Int64() == -511 }},
	} {
		row.c.subject, row.c.issuer = "EE", "CA"
		c := w.cert(row.c)
		if _, err := x509.ParseCertificate(c.Raw); err == nil {
			t.Errorf("%s: crypto/x509 reads it by itself", name)
		}
		if !row.check(c) {
			t.Errorf("%s: got serial %v, points %v, unhandled %v", name, c.SerialNumber, c.CRLDistributionPoints, c.UnhandledCriticalExtensions)
		}
		if err := c.CheckSignatureFrom(ca); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := verify.Paths(c, w.pool, []*x509.Certificate{w.root}, noon); err != nil {
			t.Errorf("%s: no path: %v", name, err)
		}
		if got := c.Extensions[len(c.Extensions)-1].Id.String(); got == "2.5.29.127" {
			t.Errorf("%s: the extension kept its stand-in identifier", name)
		}
	}
}

func TestASignatureOverThePatchedOctetsIsRefused(t *testing.T) {
	w := newWorld(t)
	ca := w.ca("CA")
	c := w.cert(certificate{subject: "EE", issuer: "CA", serial: raw("81")})
	der := bytes.Clone(c.Raw)
	at := bytes.Index(der, raw("020181"))
	der[at+2] = 0x82
	other, err := verify.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if other.CheckSignatureFrom(ca) == nil {
		t.Error("an altered negative serial was not noticed")
	}
}

func TestMalformedCertificatesAreRefused(t *testing.T) {
	w := newWorld(t)
	good := w.cert(certificate{subject: "EE", issuer: "CA", serial: raw("81"), extensions: [][]byte{cdp(relativeName("CRL1"))}}).Raw
	for n := range good {
		if _, err := verify.ParseCertificate(good[:n]); err == nil {
			t.Fatalf("%d of %d octets were read as a certificate", n, len(good))
		}
	}
	if _, err := verify.ParseCertificate(append(bytes.Clone(good), 0)); err == nil {
		t.Error("a trailing octet was read over")
	}
}

func TestPathsChainNamesByTheirMeaning(t *testing.T) {
	w := newWorld(t)
	w.ca("Issuing CA")
	leaf := w.cert(certificate{subject: "EE", issuer: "issuing  ca", signer: "Issuing CA"})
	paths, err := verify.Paths(leaf, w.pool, []*x509.Certificate{w.root}, noon)
	if err != nil || len(paths[0]) != 3 || paths[0][0] != leaf || paths[0][2] != w.root {
		t.Errorf("got %v, %v", paths, err)
	}
	if _, err := verify.Paths(leaf, w.pool, []*x509.Certificate{w.root}, noon.Add(48*time.Hour)); err == nil {
		t.Error("an expired path was found")
	}
}

func FuzzParseCertificate(f *testing.F) {
	w := newWorld(f)
	for _, c := range []certificate{{}, {serial: raw("80")}, {extensions: [][]byte{cdp(relativeName("CRL1"))}}} {
		c.subject, c.issuer = "EE", "CA"
		f.Add(w.cert(c).Raw)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := verify.ParseCertificate(der)
		std, stdErr := x509.ParseCertificate(der)
		switch {
		case err != nil && stdErr == nil:
			t.Fatalf("crypto/x509 reads it, and we do not: %v", err)
		case err == nil && !bytes.Equal(c.Raw, der):
			t.Fatal("Raw is not what was read")
		case stdErr == nil && c.SerialNumber.Cmp(std.SerialNumber) != 0:
			t.Fatalf("got serial %v, crypto/x509 has %v", c.SerialNumber, std.SerialNumber)
		case err == nil && !bytes.Contains(der, c.RawTBSCertificate):
			t.Fatal("the signed part is not of the certificate")
		}
	})
}
