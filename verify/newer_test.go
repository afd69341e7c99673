package verify_test

import (
	"crypto/x509/pkix"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

func TestNewerLetsNumbersAndDatesOnlyRise(t *testing.T) {
	info := func(number string, at time.Duration, sha byte) *revocation.CRLInfo {
		return &revocation.CRLInfo{Number: revocation.CRLNumber(number), ThisUpdate: noon.Add(at), SHA256: [32]byte{sha}}
	}
	held := info("\x05", 0, 1)
	for _, row := range []struct {
		name       string
		prev, next *revocation.CRLInfo
		same       bool
		rule       string
	}{
		{"the first CRL of a scope", nil, info("\x01", 0, 1), false, ""},
		{"the same octets", held, info("\x05", 0, 1), true, ""},
		{"a higher number, later", held, info("\x06", 1, 2), false, ""},
		{"a higher number at the same time", held, info("\x06", 0, 2), false, ""},
		{"a longer number, later", held, info("\x01\x00", 1, 2), false, ""},
		{"a lower number, later", held, info("\x04", 1, 2), false, "rollback"},
		{"a shorter number, later", info("\x01\x00", 0, 1), info("\xff", 1, 2), false, "rollback"},
		{"a higher number, earlier", held, info("\x06", -1, 2), false, "rollback"},
		{"the same number, later", held, info("\x05", 1, 2), false, "equivocation"},
		{"the same number at the same time", held, info("\x05", 0, 2), false, "equivocation"},
		{"the same number, earlier", held, info("\x05", -1, 2), false, "rollback"},
		{"no numbers, later", info("", 0, 1), info("", 1, 2), false, ""},
		{"no numbers, earlier", info("", 0, 1), info("", -1, 2), false, "rollback"},
		{"no numbers at the same time", info("", 0, 1), info("", 0, 2), false, "equivocation"},
		{"a number dropped, later", held, info("", 1, 2), false, ""},
		{"a number dropped, earlier", held, info("", -1, 2), false, "rollback"},
		{"a number begun, later", info("", 0, 1), info("\x01", 1, 2), false, ""},
		{"a number begun at the same time", info("", 0, 1), info("\x01", 0, 2), false, "equivocation"},
	} {
		same, err := verify.Newer(row.prev, row.next, "")
		if rule := revocation.RuleOf(err, ""); same != row.same || rule != row.rule || (err == nil) != (rule == "") {
			t.Errorf("%s: got same %v, %v; want %v and rule %q", row.name, same, err, row.same, row.rule)
		}
	}
}

func TestCRLInfoSaysWhatTheCRLSays(t *testing.T) {
	ca := newCA(t, pkitest.CAOptions{})
	crl := newCRL(t, ca, pkitest.CRLOptions{})
	issuer := revocation.IssuerIDOf(ca.Certificate)
	scope := revocation.ScopeIDOf(issuer, "http://a")
	want := &revocation.CRLInfo{Issuer: issuer, Scope: scope, URL: "http://a", Number: "\x01", ThisUpdate: noon.Add(-time.Hour),
		NextUpdate: noon.Add(time.Hour), SHA256: crl.SHA256, Size: crl.Size, CRLIssuer: ca.Certificate.RawSubject, AuthorityKeyID: ca.Certificate.SubjectKeyId}
	if diff := cmp.Diff(want, verify.CRLInfo(crl, issuer, scope, "http://a")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	const idp = "3012 a00c a00a 8608 687474703a2f2f61 83020560"
	crl = newCRL(t, ca, pkitest.CRLOptions{Extensions: []pkix.Extension{extension(27, true, "020107"), extension(28, true, idp)}})
	want.SHA256, want.Size, want.BaseNumber = crl.SHA256, crl.Size, "\x07"
	want.IDP, want.DistributionPoints = extension(28, true, idp).Value, []string{"http://a"}
	want.OnlyReasons = 1<<1 | 1<<2
	if diff := cmp.Diff(want, verify.CRLInfo(crl, issuer, scope, "http://a")); diff != "" {
		t.Errorf("of a delta of some reasons at a distribution point, -want +got:\n%s", diff)
	}
	for flag, kind := range map[string]revocation.Kind{"8101ff": revocation.EndEntity, "8201ff": revocation.CACertificate, "8501ff": revocation.AttributeCertificate} {
		crl := newCRL(t, ca, pkitest.CRLOptions{Extensions: []pkix.Extension{extension(28, true, "3003 "+flag),
			extension(46, false, "3010 300e a00c a00a 8608 687474703a2f2f61")}})
		if got := verify.CRLInfo(crl, issuer, scope, ""); got.OnlyKind != kind || !cmp.Equal(got.FreshestCRL, []string{"http://a"}) {
			t.Errorf("flag %s: got %+v, want %s only and the delta's place", flag, got, kind)
		}
	}
}
