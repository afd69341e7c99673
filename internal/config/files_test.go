package config

import (
	"cmp"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
)

// folder is a folder of material that configurations in tests name.
type folder struct {
	t   testing.TB
	dir string
}

// newFolder makes every file testdata/example.yaml names, and some that are wrong.
func newFolder(t testing.TB) *folder {
	f := &folder{t, t.TempDir()}
	devices, users := f.ca("Devices"), f.ca("Users")
	f.write("corp-devices.pem", pkitest.CertificatePEM(devices.Certificate))
	f.write("corp-devices.der", devices.Certificate.Raw)
	f.write("corp-users.pem", pkitest.CertificatePEM(users.Certificate))
	f.write("corp-users-2020.pem", pkitest.CertificatePEM(f.ca("Users").Certificate))
	f.write("crl-signer.pem", pkitest.CertificatePEM(f.crlSigner(devices, pkitest.LeafOptions{Name: "crl-signer.test"})))
	f.write("both.pem", append(pkitest.CertificatePEM(devices.Certificate), pkitest.CertificatePEM(users.Certificate)...))
	signer := must(devices.IssueOCSPSigner(pkitest.LeafOptions{}))
	f.pair("ocsp", signer)
	f.write("ocsp-locked.key", lockedKey(signer.Key, "open sesame"))
	f.write("ocsp.passphrase", []byte("open sesame\n"))
	f.write("wrong.passphrase", []byte("open barley\n"))
	vpn := f.ca("VPN")
	f.write("corp-vpn.pem", pkitest.CertificatePEM(vpn.Certificate))
	f.write("vpn-ocsp.pem", pkitest.CertificatePEM(must(vpn.IssueOCSPSigner(pkitest.LeafOptions{})).Certificate))
	f.write("hsm.pin", []byte("1234\n"))
	f.write("module.so", nil)
	f.leaf("device.pem", devices, "http://pki.corp/devices-7.crl", "http://mirror.corp/devices-7.crl")
	partners, suppliers := f.ca("Partners"), f.ca("Suppliers")
	f.write("partners.pem", pkitest.CertificatePEM(partners.Certificate))
	f.write("suppliers.pem", pkitest.CertificatePEM(suppliers.Certificate))
	f.asked("partner.pem", partners)
	f.asked("supplier.pem", suppliers, "http://ocsp.suppliers.example/", "https://ocsp.suppliers.example/2", "http://ocsp.suppliers.example/")
	f.asked("odd-responder.pem", devices, "ldap://dc1.corp/CN=OCSP", "http://u:hush@a/", "http:///b", "http://ocsp.corp/")
	f.leaf("user.pem", users, "http://pki.corp/users.crl")
	f.leaf("forged.pem", f.ca("Devices"), "http://pki.corp/devices.crl")
	f.leaf("ad.pem", devices, "ldap:///CN=Devices,CN=CDP,DC=corp?certificateRevocationList?base?objectClass=cRLDistributionPoint",
		"file:///etc/passwd", "http://u:hush@a/b", "http://pki.corp/ad.crl", "http://pki.corp/ad.crl", "ldap://dc1.corp/CN=Devices?certificateRevocationList")
	f.leaf("odd.pem", devices)
	f.pair("api", must(devices.Issue(pkitest.LeafOptions{Name: "localhost"})))
	f.pair("expired-leaf", must(devices.Issue(pkitest.LeafOptions{NotAfter: time.Now().Add(-time.Minute)})))
	old := must(pkitest.NewCA(pkitest.CAOptions{Name: "Old", NotAfter: time.Now().Add(-time.Minute)}))
	f.write("expired.pem", pkitest.CertificatePEM(old.Certificate))
	noCRL := must(pkitest.NewCA(pkitest.CAOptions{Name: "No CRLs", KeyUsage: x509.KeyUsageCertSign}))
	f.write("no-crlsign.pem", pkitest.CertificatePEM(noCRL.Certificate))
	future := must(pkitest.NewCA(pkitest.CAOptions{Name: "Future", NotBefore: time.Now().Add(time.Hour)}))
	f.write("future.pem", pkitest.CertificatePEM(future.Certificate))
	f.write("gateways.pem", pkitest.CertificatePEM(devices.Certificate))
	f.write("snapshot.key", must(pkitest.KeyPEM(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))))
	f.write("edge.token", []byte("a-token-for-the-edge\n"))
	f.write("admin.token", []byte("0123456789abcdef-admin\n"))
	f.write("short.token", []byte("short\n"))
	f.write("empty.token", []byte(" \n"))
	f.write("two-lines.token", []byte("0123456789abcdef\n0123456789abcdef\n"))
	f.write("garbage.pem", []byte("<html>not here</html>"))
	f.write("encrypted.key", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{0x30, 0}}))
	f.write("devices-local.crl", must(devices.CRL(pkitest.CRLOptions{})))
	return f
}

func (f *folder) ca(name string) *pkitest.CA {
	return must(pkitest.NewCA(pkitest.CAOptions{Name: name}))
}

// crlSigner makes the certificate of somebody who signs CRLs and nothing else.
func (f *folder) crlSigner(ca *pkitest.CA, o pkitest.LeafOptions) *x509.Certificate {
	o.KeyUsage = cmp.Or(o.KeyUsage, x509.KeyUsageCRLSign)
	return must(ca.Issue(o)).Certificate
}

func (f *folder) pair(name string, p *pkitest.Pair) {
	f.write(name+".pem", pkitest.CertificatePEM(p.Certificate))
	f.write(name+".key", must(pkitest.KeyPEM(p.Key)))
}

// leaf makes a certificate with CRL distribution points; without URLs it has a malformed one, which crypto/x509 lets pass.
func (f *folder) leaf(name string, ca *pkitest.CA, urls ...string) {
	o := pkitest.LeafOptions{CRL: urls}
	if len(urls) == 0 {
		o.Extensions = []pkix.Extension{{Id: oidCRLDistributionPoints, Value: []byte{0x30, 4, 0x30, 2, 0x85, 0}}}
	}
	f.write(name, pkitest.CertificatePEM(must(ca.Issue(o)).Certificate))
}

// asked writes a certificate that names OCSP responders.
func (f *folder) asked(name string, ca *pkitest.CA, urls ...string) {
	f.write(name, pkitest.CertificatePEM(must(ca.Issue(pkitest.LeafOptions{OCSPServer: urls})).Certificate))
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) write(name string, data []byte) string {
	f.t.Helper()
	if err := os.WriteFile(f.path(name), data, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return f.path(name)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestPrivateKeysAreReadInEveryPEMForm(t *testing.T) {
	ec := must(pkitest.NewKey(pkitest.P256))
	rsaKey := must(pkitest.NewKey(pkitest.RSA2048))
	sec1 := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: must(x509.MarshalECPrivateKey(ec.(*ecdsa.PrivateKey)))})
	for _, row := range []struct {
		name string
		data []byte
		want crypto.Signer
	}{
		{"PKCS #8", must(pkitest.KeyPEM(ec)), ec},
		{"PKCS #1", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(rsaKey.(*rsa.PrivateKey))}), rsaKey},
		{"SEC 1", sec1, ec},
		{"SEC 1 after the parameters OpenSSL writes", append(pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{5, 0}}), sec1...), ec},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := parsePrivateKey(row.data, "")
			if err != nil {
				t.Fatal(err)
			}
			if !row.want.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(got.Public()) {
				t.Error("another key was read")
			}
		})
	}
}

func readString(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestMaterialThatIsNotWhatItShouldBe(t *testing.T) {
	key := must(pkitest.KeyPEM(must(pkitest.NewKey(pkitest.P256))))
	exchange := must(ecdh.X25519().GenerateKey(rand.Reader))
	cut := func(data []byte) []byte { return data[:len(data)-40] }
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	cert := pkitest.CertificatePEM(ca.Certificate)
	for _, row := range []struct {
		name string
		err  error
		want string
	}{
		{"a key cut short", second(parsePrivateKey(cut(key), "")), "holds a damaged PEM block"},
		{"two keys", second(parsePrivateKey(append(key, key...), "")), "holds several private keys"},
		{"a key that cannot sign", second(parsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY",
			Bytes: must(x509.MarshalPKCS8PrivateKey(exchange))}), "")), "holds a key that cannot sign"},
		{"an encrypted key in OpenSSL's old form", second(parsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
			Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "x"}, Bytes: []byte{1}}), "")), "is encrypted in OpenSSL's old form"},
		{"a key of other bytes", second(parsePrivateKey(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte{1}}), "")), "holds a private key that cannot be read"},
		{"a certificate cut short", second(parseCertificates(cut(cert))), "holds a damaged PEM block"},
		{"a certificate after which one is cut short", second(parseCertificates(append(cert, cut(cert)...))), "holds a damaged PEM block"},
		{"a certificate of other bytes", second(parseCertificates(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1}}))), "holds a certificate that cannot be read"},
		{"DER with bytes after it", second(parseCertificates(append(ca.Certificate.Raw, 0))), "is neither a PEM nor a DER certificate"},
		{"a file that is too long", second(readCapped(newFolder(t).write("long", make([]byte, 11)), 10)), "has more than 10 octets"},
	} {
		if row.err == nil || !strings.Contains(row.err.Error(), row.want) {
			t.Errorf("%s: got %v, want %s", row.name, row.err, row.want)
		}
	}
}

func second[T any](_ T, err error) error { return err }
