package verify_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newCA(t testing.TB, o pkitest.CAOptions) *pkitest.CA {
	t.Helper()
	o.NotBefore = noon.Add(-time.Hour)
	ca, err := pkitest.NewCA(o)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// newCRL makes a CRL of the CA from 11:00 to 13:00 unless the options say otherwise.
func newCRL(t testing.TB, ca *pkitest.CA, o pkitest.CRLOptions) *crlder.CRL {
	t.Helper()
	if o.ThisUpdate.IsZero() {
		o.ThisUpdate = noon.Add(-time.Hour)
	}
	if o.NextUpdate.IsZero() {
		o.NextUpdate = noon.Add(time.Hour)
	}
	der, err := ca.CRL(o)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, der)
}

func decode(t testing.TB, der []byte) *crlder.CRL {
	t.Helper()
	crl, err := crlder.Decode(bytes.NewReader(der), crlder.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return crl
}

// judgeCRL judges a CRL of a CA that signs its own.
func judgeCRL(crl *crlder.CRL, ca *x509.Certificate, at time.Time, o verify.CRLOptions) error {
	_, err := verify.CRL(crl, verify.CRLIssuer{Certificates: []*x509.Certificate{ca}}, at, o)
	return err
}

// extension makes one under 2.5.29 from the hex of its value.
func extension(arc int, critical bool, value string) pkix.Extension {
	b, err := hex.DecodeString(strings.ReplaceAll(value, " ", ""))
	if err != nil {
		panic(err)
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, arc}, Critical: critical, Value: b}
}

func TestCRLsOfEveryKeyAreAccepted(t *testing.T) {
	for _, kind := range []pkitest.KeyKind{pkitest.P256, pkitest.P384, pkitest.P521, pkitest.RSA2048, pkitest.Ed25519} {
		ca := newCA(t, pkitest.CAOptions{Key: kind})
		crl := newCRL(t, ca, pkitest.CRLOptions{Entries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(5), RevocationTime: noon}}})
		if err := judgeCRL(crl, ca.Certificate, noon, verify.CRLOptions{}); err != nil {
			t.Errorf("key %q: %v", kind, err)
		}
	}
}

func TestCRLIsAccepted(t *testing.T) {
	ca := newCA(t, pkitest.CAOptions{})
	for name, o := range map[string]pkitest.CRLOptions{
		"past its nextUpdate, because its entries stay revoked": {ThisUpdate: noon.Add(-48 * time.Hour), NextUpdate: noon.Add(-24 * time.Hour)},
		"ahead of the clock within the skew":                    {ThisUpdate: noon.Add(4 * time.Minute)},
		"with an unknown extension that is not critical":        {Extensions: []pkix.Extension{extension(99, false, "0500")}},
		"with a distribution point name only": {Extensions: []pkix.Extension{
			extension(28, true, "300e a00c a00a 8608 687474703a2f2f61")}},
		"a delta":                    {Extensions: []pkix.Extension{extension(27, true, "020107")}},
		"indirect":                   {Extensions: []pkix.Extension{extension(28, true, "3003 8401ff")}},
		"of end-entity certificates": {Extensions: []pkix.Extension{extension(28, true, "3003 8101ff")}},
		"of CA certificates":         {Extensions: []pkix.Extension{extension(28, true, "3003 8201ff")}},
		"of attribute certificates":  {Extensions: []pkix.Extension{extension(28, true, "3003 8501ff")}},
		"of some reasons":            {Extensions: []pkix.Extension{extension(28, true, "3004 83020560")}},
		"with a delta beside it":     {Extensions: []pkix.Extension{extension(46, false, "3010 300e a00c a00a 8608 687474703a2f2f61")}},
	} {
		if err := judgeCRL(newCRL(t, ca, o), ca.Certificate, noon, verify.CRLOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCRLIsRefused(t *testing.T) {
	ca := newCA(t, pkitest.CAOptions{})
	sound := newCRL(t, ca, pkitest.CRLOptions{})
	with := func(list ...pkix.Extension) *crlder.CRL { return newCRL(t, ca, pkitest.CRLOptions{Extensions: list}) }
	withEntry := func(x pkix.Extension) *crlder.CRL {
		return newCRL(t, ca, pkitest.CRLOptions{Entries: []x509.RevocationListEntry{
			{SerialNumber: big.NewInt(5), RevocationTime: noon, ExtraExtensions: []pkix.Extension{x}}}})
	}
	indirectWith := func(issuer string) *crlder.CRL {
		return newCRL(t, ca, pkitest.CRLOptions{Extensions: []pkix.Extension{extension(28, true, "3003 8401ff")}, Entries: []x509.RevocationListEntry{
			{SerialNumber: big.NewInt(5), RevocationTime: noon, ExtraExtensions: []pkix.Extension{extension(29, true, issuer)}}}})
	}
	otherKey := newCA(t, pkitest.CAOptions{})
	withoutKeyID := *otherKey.Certificate
	withoutKeyID.SubjectKeyId = nil
	altered := *sound
	altered.Digest = bytes.Clone(sound.Digest)
	altered.Digest[0] ^= 1
	noSign := newCA(t, pkitest.CAOptions{UseKey: ca.Key, KeyUsage: x509.KeyUsageCertSign})
	rsaKey := *ca.Certificate
	rsaKey.PublicKey = newCA(t, pkitest.CAOptions{Key: pkitest.RSA2048}).Certificate.PublicKey

	for _, row := range []struct {
		name       string
		crl        *crlder.CRL
		issuer     *x509.Certificate
		rule, says string
	}{
		{"of another issuer", sound, newCA(t, pkitest.CAOptions{Name: "Other CA"}).Certificate, "issuer", `"CN=Other CA`},
		{"of the same name with another key", sound, otherKey.Certificate, "key", "same name with another key"},
		{"of another key that cannot be told by its identifier", sound, &withoutKeyID, "signature", "does not verify"},
		{"altered on the way", &altered, ca.Certificate, "signature", "altered"},
		{"of an issuer who may not sign CRLs", sound, noSign.Certificate, "usage", "cRLSign"},
		{"signed by ECDSA when the issuer's key is RSA", sound, &rsaKey, "key", "does not go with the issuer's RSA key"},
		{"with an unknown critical extension", with(extension(99, true, "0500")), ca.Certificate, "critical", "2.5.29.99"},
		{"with an unknown critical extension in an entry", withEntry(extension(98, true, "0500")), ca.Certificate, "critical", "2.5.29.98"},
		{"with an entry of another issuer that is not indirect", withEntry(extension(29, true, "3003 8601 61")), ca.Certificate, "indirect", "does not say indirectCRL"},
		{"with a certificate issuer that is no name", indirectWith("3003 8601 61"), ca.Certificate, "indirect", "not one directoryName"},
		{"ahead of the clock", newCRL(t, ca, pkitest.CRLOptions{ThisUpdate: noon.Add(6 * time.Minute)}), ca.Certificate, "future", "check the clock"},
		{"with nextUpdate before thisUpdate", backwards(sound), ca.Certificate, "dates", "before thisUpdate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := judgeCRL(row.crl, row.issuer, noon, verify.CRLOptions{})
			if rule := revocation.RuleOf(err, "none"); rule != row.rule || !strings.Contains(err.Error(), row.says) {
				t.Errorf("got rule %q, %v; want %q saying %q", rule, err, row.rule, row.says)
			}
		})
	}
}

// backwards is a verified CRL with its dates exchanged: crypto/x509 does not make such.
func backwards(crl *crlder.CRL) *crlder.CRL {
	c := *crl
	c.NextUpdate = c.ThisUpdate.Add(-time.Second)
	return &c
}

func TestCRLWithoutNextUpdateIsAccepted(t *testing.T) {
	ca := newCA(t, pkitest.CAOptions{})
	crl := *newCRL(t, ca, pkitest.CRLOptions{})
	crl.NextUpdate = time.Time{}
	if err := judgeCRL(&crl, ca.Certificate, noon, verify.CRLOptions{}); err != nil {
		t.Error(err)
	}
}

func TestIssuerWithoutKeyUsageMaySignCRLs(t *testing.T) {
	ca := newCA(t, pkitest.CAOptions{})
	cert := *ca.Certificate
	cert.KeyUsage, cert.Extensions = 0, nil
	if err := judgeCRL(newCRL(t, ca, pkitest.CRLOptions{}), &cert, noon, verify.CRLOptions{}); err != nil {
		t.Error(err)
	}
}

func TestClockSkewIsASetting(t *testing.T) {
	ca := newCA(t, pkitest.CAOptions{})
	ahead := newCRL(t, ca, pkitest.CRLOptions{ThisUpdate: noon.Add(time.Minute)})
	for skew, want := range map[time.Duration]string{0: "", -1: "future", time.Second: "future", time.Minute: ""} {
		err := judgeCRL(ahead, ca.Certificate, noon, verify.CRLOptions{ClockSkew: skew})
		if rule := revocation.RuleOf(err, ""); rule != want {
			t.Errorf("skew %v: got %v, want rule %q", skew, err, want)
		}
	}
}
