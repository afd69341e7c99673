package verify_test

import (
	"testing"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// TestOneCRLCoversACertificate: what the silence of a stored CRL says of a certificate at hand (RFC 5280 §6.3.3 (b), (d)).
func TestOneCRLCoversACertificate(t *testing.T) {
	const all, some, others = revocation.AllReasons, revocation.ReasonMask(1<<1 | 1<<2), revocation.AllReasons &^ (1<<1 | 1<<2)
	k := newKit(t)
	leaf := func(points ...[]byte) certificate {
		c := certificate{subject: "EE", issuer: "CA"}
		if points != nil {
			c.extensions = [][]byte{cdp(points...)}
		}
		return c
	}
	ca := certificate{subject: "Sub", issuer: "CA", ca: true, usage: certAndCRLs}
	one, two := fullName("http://a/1"), fullName("http://a/2")
	users := func(m revocation.ReasonMask) revocation.Coverage { return revocation.Coverage{EndEntity: m} }
	for _, row := range []struct {
		name string
		crl  list
		cert certificate
		want revocation.Coverage
		rule string
	}{
		{"the issuer's, of an end entity", list{issuer: "CA"}, leaf(), users(all), ""},
		{"the issuer's, of a CA", list{issuer: "CA"}, ca, revocation.Coverage{CA: all}, ""},
		{"the issuer's, of a version 1 certificate", list{issuer: "CA"}, certificate{subject: "EE", issuer: "CA", version1: true},
			revocation.Coverage{EndEntity: all, CA: all}, ""},
		{"another's", list{issuer: "CB"}, leaf(), users(0), "issuer"},
		{"of users, of a CA", list{issuer: "CA", idp: onlyUser}, ca, users(0), "scope"},
		{"of users, of a version 1 certificate", list{issuer: "CA", idp: onlyUser}, certificate{subject: "EE", issuer: "CA", version1: true}, users(0), "scope"},
		{"of attribute certificates", list{issuer: "CA", idp: onlyAttribute}, leaf(), users(0), "scope"},
		{"of some reasons", list{issuer: "CA", idp: compromise}, leaf(), users(some), ""},
		{"of the distribution point named", list{issuer: "CA", idp: one}, leaf(one), users(all), ""},
		{"of another distribution point", list{issuer: "CA", idp: two}, leaf(one), users(0), "scope"},
		{"of a distribution point, and none is named", list{issuer: "CA", idp: one}, leaf(), users(0), "scope"},
		{"of one of two distribution points, for some reasons each", list{issuer: "CA", idp: one}, leaf(join(one, pointCompromise), join(two, pointOthers)), users(some), ""},
		{"of two distribution points, for some reasons each", list{issuer: "CA", idp: fullName("http://a/1", "http://a/2")},
			leaf(join(one, pointCompromise), join(two, pointOthers)), users(all), ""},
		{"of the other reasons of the distribution point", list{issuer: "CA", idp: join(one, otherReasons)}, leaf(join(one, pointCompromise)), users(0), "scope"},
		{"by the point that is implied too", list{issuer: "CA", idp: join(fullName("http://a/1", "CA"), otherReasons)}, leaf(join(one, pointCompromise)), users(others), ""},
		{"of the cRLIssuer", list{issuer: "CB", idp: indirect}, leaf(crlIssuer("CB")), users(all), ""},
		{"of the cRLIssuer, and not indirect", list{issuer: "CB"}, leaf(crlIssuer("CB")), users(0), "indirect"},
		{"the issuer's own, beside a cRLIssuer", list{issuer: "CA"}, leaf(crlIssuer("CB")), users(0), "issuer"},
		{"the issuer's own, beside a cRLIssuer at one of two points", list{issuer: "CA"}, leaf(crlIssuer("CB"), one), users(all), ""},
	} {
		info := verify.CRLInfo(decode(t, k.crlDER(row.crl)), revocation.IssuerID{}, revocation.ScopeID{}, "")
		got, err := verify.Covers(info, k.cert(row.cert))
		rule := ""
		if err != nil {
			rule = err.Rule
		}
		if got != row.want || rule != row.rule {
			t.Errorf("%s: covers %+v, %v; want %+v and rule %q", row.name, got, err, row.want, row.rule)
		}
	}
	broken := k.cert(certificate{subject: "EE", issuer: "CA", extensions: [][]byte{cdp(one)}})
	for i := range broken.Extensions {
		if broken.Extensions[i].Id.String() == "2.5.29.31" {
			broken.Extensions[i].Value = []byte{0x30, 0}
		}
	}
	info := verify.CRLInfo(decode(t, k.crlDER(list{issuer: "CA"})), revocation.IssuerID{}, revocation.ScopeID{}, "")
	if got, err := verify.Covers(info, broken); got != users(0) || err == nil {
		t.Errorf("distribution points that do not read: covered %+v, %v", got, err)
	}
}
