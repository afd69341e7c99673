package config

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/internal/pkitest"
)

func TestCertificatesOfAnIssuer(t *testing.T) {
	f := newFolder(t)
	old, next := f.ca("Turning"), f.ca("Turning")
	f.write("old.pem", pkitest.CertificatePEM(old.Certificate))
	f.write("next.pem", pkitest.CertificatePEM(next.Certificate))
	f.write("old-and-next.pem", append(pkitest.CertificatePEM(old.Certificate), pkitest.CertificatePEM(next.Certificate)...))
	f.write("louder.pem", pkitest.CertificatePEM(f.ca("TURNING ").Certificate))
	renewed := must(pkitest.NewCA(pkitest.CAOptions{Name: "Turning", UseKey: old.Key}))
	f.write("renewed.pem", pkitest.CertificatePEM(renewed.Certificate))
	f.write("last.pem", pkitest.CertificatePEM(must(pkitest.NewCA(pkitest.CAOptions{Name: "Turning", NoCABelow: true})).Certificate))
	for _, row := range []struct {
		name, certificate string
		keys              int
		issues            string
		fault             string
	}{
		{"one", "old.pem", 1, IssuesAny, ""},
		{"a list of one", "[old.pem]", 1, IssuesAny, ""},
		{"two files", "[next.pem, old.pem]", 2, IssuesAny, ""},
		{"two in one file", "old-and-next.pem", 2, IssuesAny, ""},
		{"names that differ in case and space are one (RFC 5280 §7.1)", "[old.pem, louder.pem]", 2, IssuesAny, ""},
		{"a CA below which no CA is issues end-entity certificates", "last.pem", 1, IssuesEndEntity, ""},
		{"unless another key of it may have CAs below", "[last.pem, old.pem]", 2, IssuesAny, ""},
		{"an empty list", "[]", 0, "", "2:16 issuers[0].certificate: the list is empty; name a file"},
		{"another CA", "[old.pem, corp-users.pem]", 0, "", "2:26 issuers[0].certificate[1]: " + f.path("corp-users.pem") + " holds a certificate of CN=Users,O=veto beside one of CN=Turning,O=veto"},
		{"one key twice", "[old.pem, renewed.pem]", 0, "", "2:26 issuers[0].certificate[1]: " + f.path("renewed.pem") + " holds a certificate with the key of the one before (line 2)"},
		{"no CA", "[old.pem, ocsp.pem]", 0, "", "2:26 issuers[0].certificate[1]: " + f.path("ocsp.pem") + " (CN=ocsp.test) is not a CA certificate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, faults := Parse("veto.yaml", []byte("issuers:\n- certificate: "+row.certificate+"\n  name: a\n  crls: [{url: http://a/b}]\n"), f.dir, environment())
			if row.fault != "" {
				compareFaults(t, []string{row.fault}, faults)
				return
			}
			if faults != nil {
				t.Fatal(faults)
			}
			i := c.Issuers[0]
			if diff := cmp.Diff([]any{row.keys, row.issues, true}, []any{len(i.Certificates), i.Issues, i.Certificate.Equal(i.Certificates[0])}); diff != "" {
				t.Errorf("want -, got +:\n%s", diff)
			}
		})
	}
}

func TestEveryKeyOfACAHasItsSigner(t *testing.T) {
	f := newFolder(t)
	f.pair("second", must(f.ca("Users").IssueOCSPSigner(pkitest.LeafOptions{Name: "second.test"})))
	c, faults := Parse("veto.yaml", []byte("issuers:\n- name: a\n  certificate: corp-users.pem\n  ocsp: {signer: [{certificate: ocsp.pem, key: ocsp.key}, "+
		"{certificate: second.pem, key: second.key}]}\n"), f.dir, environment())
	if faults != nil {
		t.Fatal(faults)
	}
	if i := c.Issuers[0]; len(i.Signers) != 2 || i.Signer != i.Signers[0] || i.Signers[1].Certificate.Subject.CommonName != "second.test" {
		t.Errorf("got %+v", i.Signers)
	}
	_, faults = Parse("veto.yaml", []byte("issuers:\n- {name: a, certificate: corp-users.pem, ocsp: {signer: []}}\n"), f.dir, environment())
	compareFaults(t, []string{"2:57 issuers[0].ocsp.signer: the list is empty"}, faults)
}

func TestAKeyBelongsToOneIssuer(t *testing.T) {
	f := newFolder(t)
	_, faults := Parse("veto.yaml", []byte("issuers:\n- {name: a, certificate: [corp-users.pem, corp-users-2020.pem]}\n- {name: b, certificate: corp-users-2020.pem}\n"),
		f.dir, environment())
	compareFaults(t, []string{`3:26 issuers[1].certificate: has the subject and key of issuer "a" (line 2)`}, faults)
}

func TestDeltasAndSignersOfCRLs(t *testing.T) {
	f := newFolder(t)
	devices := must(pkitest.NewCA(pkitest.CAOptions{Name: "Signing"}))
	f.write("signing.pem", pkitest.CertificatePEM(devices.Certificate))
	f.write("signer.pem", pkitest.CertificatePEM(f.crlSigner(devices, pkitest.LeafOptions{Name: "signer.test"})))
	f.write("weak.pem", pkitest.CertificatePEM(f.crlSigner(devices, pkitest.LeafOptions{Name: "weak.test", KeyUsage: x509.KeyUsageDigitalSignature})))
	f.write("late.pem", pkitest.CertificatePEM(f.crlSigner(devices, pkitest.LeafOptions{Name: "late.test", NotAfter: time.Now().Add(-time.Minute)})))
	f.write("early.pem", pkitest.CertificatePEM(f.crlSigner(devices, pkitest.LeafOptions{Name: "early.test", NotBefore: time.Now().Add(time.Hour)})))
	for _, row := range []struct {
		name, crls, fault string
		warnings          []string
	}{
		{"a delta", "[{url: http://a/b, delta: http://a/d, delta_mirrors: [http://c/d]}]", "", nil},
		{"the freshest CRL", "[{url: http://a/b, delta: freshest}, {url: http://a/c, delta: freshest}]", "", nil},
		{"a pushed delta", "[{url: 'push:a', delta: 'push:d'}]", "", nil},
		{"the delta of another CRL", "[{url: http://a/b}, {url: http://a/c, delta: http://a/b}]",
			"4:54 issuers[0].crls[1].delta: this issuer has this CRL already; a delta CRL belongs to one complete CRL", nil},
		{"a CRL that is a delta too", "[{url: http://a/b, delta: http://a/c}, {url: http://a/c}]", "4:54 issuers[0].crls[1].url: this issuer has this CRL already", nil},
		{"a CRL that is its own delta", "[{url: http://a/b, delta: http://a/b}]", "4:16 issuers[0].crls[0].url: \"http://a/b\" is listed twice", nil},
		{"mirrors of no delta", "[{url: http://a/b, delta_mirrors: [http://c/d]}]", "4:28 issuers[0].crls[0].delta_mirrors: mirrors of a delta CRL that is not named", nil},
		{"mirrors of the freshest CRL", "[{url: http://a/b, delta: freshest, delta_mirrors: [http://c/d]}]", "4:45 issuers[0].crls[0].delta_mirrors: the complete CRL names", nil},
		{"a distribution point that is no URI", "[{url: http://a/b, distribution_point: b.crl}]", "4:48 issuers[0].crls[0].distribution_point: \"b.crl\" is no URI", nil},
		{"a signer", "[{url: http://a/b, signer: signer.pem}]", "", nil},
		{"a signer twice", "[{url: http://a/b, signer: [signer.pem, signer.pem]}]", "4:49 issuers[0].crls[0].signer[1]: " + f.path("signer.pem") + " holds a certificate that is named before", nil},
		{"a signer without cRLSign", "[{url: http://a/b, signer: weak.pem}]", "", []string{"4:36 issuers[0].crls[0].signer: CN=weak.test may not sign CRLs"}},
		{"a signer past its time", "[{url: http://a/b, signer: late.pem}]", "", []string{"4:36 issuers[0].crls[0].signer: the certificate of CN=late.test expired on "}},
		{"a signer before its time", "[{url: http://a/b, signer: early.pem}]", "", []string{"4:36 issuers[0].crls[0].signer: the certificate of CN=early.test is not valid before "}},
		{"a signer of another CA", "[{url: http://a/b, signer: crl-signer.pem}]", "", []string{"4:36 issuers[0].crls[0].signer: CN=crl-signer.test was not issued by CN=Signing,O=veto"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := "issuers:\n- name: a\n  certificate: signing.pem\n  crls: " + row.crls + "\n  ocsp: {signer: {certificate: ocsp.pem, key: ocsp.key}}\n"
			c, faults := Parse("veto.yaml", []byte(text), f.dir, environment())
			var want []string
			if row.fault != "" {
				want = []string{row.fault}
			}
			compareFaults(t, want, faults)
			compareFaults(t, row.warnings, c.Warnings)
		})
	}
}

func TestACAThatMayNotSignCRLsNeedsASigner(t *testing.T) {
	f := newFolder(t)
	c, faults := Parse("veto.yaml", []byte("issuers:\n- {name: a, certificate: no-crlsign.pem, crls: [{url: http://a/b, signer: crl-signer.pem}], "+
		"ocsp: {signer: {certificate: ocsp.pem, key: ocsp.key}}}\n"), f.dir, environment())
	if faults != nil {
		t.Fatal(faults)
	}
	compareFaults(t, []string{"2:75 issuers[0].crls[0].signer: CN=crl-signer.test was not issued by"}, c.Warnings)
}
