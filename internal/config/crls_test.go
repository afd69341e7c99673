package config

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

func TestURLsOfCRLs(t *testing.T) {
	f := newFolder(t)
	if err := os.Mkdir(f.path("crls"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, url, want string }{
		{"http", "http://pki.corp/a.crl", "http://pki.corp/a.crl"},
		{"ldap", "ldap://dc1.corp/CN=a,DC=corp?certificateRevocationList", "ldap://dc1.corp/CN=a,DC=corp?certificateRevocationList"},
		{"ldaps", "ldaps://dc1.corp:3269/CN=a", "ldaps://dc1.corp:3269/CN=a"},
		{"a file", "devices-local.crl", "file://" + f.path("devices-local.crl")},
		{"a folder", "crls", "file://" + f.path("crls") + "/"},
		{"a folder with a slash", "crls/", "file://" + f.path("crls") + "/"},
		{"a folder as URL", "file://" + f.path("crls") + "/", "file://" + f.path("crls") + "/"},
		{"a folder that comes later", "later/", "file://" + f.path("later") + "/"},
		{"the folder of the configuration", ".", "file://" + f.dir + "/"},
		{"pushed CRLs", "push:", "push:"},
		{"pushed CRLs with a name", "push:users-2", "push:users-2"},
	} {
		text := "issuers: [{name: a, certificate: corp-devices.pem, crls: [{url: '" + row.url + "'}]}]"
		c, faults := Parse("veto.yaml", []byte(text), f.dir, environment())
		if faults != nil || c.Issuers[0].CRLs[0].URL != row.want {
			t.Errorf("%s: %v, %v; want %s", row.name, c.Issuers[0].CRLs, faults, row.want)
		}
	}
}

func TestOfACertificateTheURLsThatCanBeFetchedCount(t *testing.T) {
	f := newFolder(t)
	c, faults := Parse("veto.yaml", []byte("issuers:\n- name: a\n  certificate: corp-devices.pem\n  crls: [{from_certificate: ad.pem}]\n"), f.dir, environment())
	if faults != nil {
		t.Fatal(faults)
	}
	crl := c.Issuers[0].CRLs[0]
	if diff := cmp.Diff([]string{"http://pki.corp/ad.crl", "ldap://dc1.corp/CN=Devices?certificateRevocationList"}, append([]string{crl.URL}, crl.Mirrors...)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	at := "4:29 issuers[0].crls[0].from_certificate: " + f.path("ad.pem") + " names the CRL "
	compareFaults(t, []string{
		"2:3 issuers[0]: issuer \"a\" has no OCSP signer",
		at + `"ldap:///CN=Devices,CN=CDP,DC=corp?certificateRevocationList?…", which is passed over: the URL names no directory server`,
		at + `"file:///etc/passwd", which is passed over: it is neither http`,
		at + `"http://u:hush@a/b", which is passed over: the URL has a user name`,
	}, c.Warnings)
	if files := c.Files(); files[len(files)-1] != filepath.Join(f.dir, "ad.pem") {
		t.Errorf("the certificate is not watched: %v", files)
	}
}

// Context-specific tags of DistributionPoint, DistributionPointName and GeneralName (RFC 5280 §4.2.1.6, §4.2.1.13).
var (
	tagPoint    = cryptobyteasn1.Tag(0).Constructed().ContextSpecific()
	tagFullName = cryptobyteasn1.Tag(0).Constructed().ContextSpecific()
	tagURI      = cryptobyteasn1.Tag(6).ContextSpecific()
)

// point is a DistributionPoint with one URL, and what is given besides.
func point(url string, besides ...byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(tagPoint, func(b *cryptobyte.Builder) {
			b.AddASN1(tagFullName, func(b *cryptobyte.Builder) {
				b.AddASN1(tagURI, func(b *cryptobyte.Builder) { b.AddBytes([]byte(url)) })
			})
		})
		b.AddBytes(besides)
	})
	return b.BytesOrPanic()
}

func TestDistributionPoints(t *testing.T) {
	reasons, issuer := []byte{0x81, 2, 6, 0x40}, []byte{0xa2, 4, 0x82, 2, 'a', 'b'}
	relative := []byte{0x30, 14, 0xa0, 12, 0xa1, 10, 0x30, 8, 6, 3, 0x55, 4, 3, 0x0c, 1, 'x'} // CN=x
	for _, row := range []struct {
		name    string
		points  [][]byte
		want    []string
		skipped int
		fault   bool
	}{
		{"two of one URL each", [][]byte{point("http://a/1"), point("http://b/1")}, []string{"http://a/1", "http://b/1"}, 0, false},
		{"one for some reasons only is no alternative", [][]byte{point("http://a/1", reasons...), point("http://b/1")}, []string{"http://b/1"}, 1, false},
		{"one of another issuer is no alternative", [][]byte{point("http://a/1", issuer...), point("http://b/1")}, []string{"http://b/1"}, 1, false},
		{"one relative to the issuer has no URL", [][]byte{relative}, nil, 0, false},
		{"an empty list is malformed: there is one point or more", nil, nil, 0, true},
		{"one with something after it", [][]byte{point("http://a/1", 0x85, 0)}, nil, 0, true},
	} {
		list := cryptobyte.NewBuilder(nil)
		list.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, p := range row.points {
				b.AddBytes(p)
			}
		})
		got, err := distributionPoints(&x509.Certificate{Extensions: []pkix.Extension{{Id: oidCRLDistributionPoints, Value: list.BytesOrPanic()}}})
		if (err != nil) != row.fault || !row.fault && (cmp.Diff(row.want, got.urls) != "" || len(got.skipped) != row.skipped) {
			t.Errorf("%s: %+v, %v; want %q and %d skipped", row.name, got, err, row.want, row.skipped)
		}
	}
}
