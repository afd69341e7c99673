package crlder_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

func withExtensions(list ...[]byte) func(*parts) {
	return func(p *parts) { p.extensions = tlv(0xa0, seq(list...)) }
}

func uri(s string) []byte { return tlv(0x86, []byte(s)) }

func fullName(names ...[]byte) []byte { return tlv(0xa0, tlv(0xa0, names...)) }

func idp(fields ...[]byte) []byte { return ext(28, true, seq(fields...)) }

func TestExtensionsAreStrict(t *testing.T) {
	checkRefusals(t, []refusal{
		{"an extension twice", withExtensions(ext(20, false, fromHex("020101")), ext(20, false, fromHex("020102"))), "2.5.29.20 twice"},
		{"a negative CRL number", withExtensions(ext(20, false, fromHex("0201ff"))), "negative"},
		{"a CRL number of 21 octets", withExtensions(ext(20, false, tlv(2, bytes.Repeat([]byte{1}, 21)))), "at most 20"},
		{"a CRL number that is not minimal", withExtensions(ext(20, false, fromHex("02020001"))), "minimal"},
		{"a CRL number that is a string", withExtensions(ext(20, false, fromHex("0c0131"))), "cRLNumber expected"},
		{"two CRL numbers in one extension", withExtensions(ext(20, false, fromHex("020101 020101"))), "cRLNumber"},
		{"a delta indicator without a number", withExtensions(ext(27, true)), "deltaCRLIndicator is missing"},
		{"an empty IDP", withExtensions(idp()), "is empty"},
		{"an IDP that is no SEQUENCE", withExtensions(ext(28, true, fromHex("0500"))), "issuingDistributionPoint expected"},
		{"an IDP with more after it", withExtensions(ext(28, true, seq(fromHex("8101ff")), fromHex("0500"))), "issuingDistributionPoint"},
		{"an IDP for users and CAs", withExtensions(idp(fromHex("8101ff 8201ff"))), "two different kinds"},
		{"an IDP for users and attributes", withExtensions(idp(fromHex("8101ff 8501ff"))), "two different kinds"},
		{"an IDP for CAs and attributes", withExtensions(idp(fromHex("8201ff 8501ff"))), "two different kinds"},
		{"an IDP with FALSE written out", withExtensions(idp(fromHex("810100"))), "must be absent"},
		{"an IDP out of order", withExtensions(idp(fromHex("8401ff 8101ff"))), "follow the last element"},
		{"an IDP without a name in its name", withExtensions(idp(tlv(0xa0))), "fullName is missing"},
		{"an IDP with no full name", withExtensions(idp(fullName())), "has no name"},
		{"an IDP with two kinds of name", withExtensions(idp(tlv(0xa0, tlv(0xa0, uri("http://a")), tlv(0xa1)))), "follow the last element of distributionPoint"},
		{"an IDP with an empty relative name", withExtensions(idp(tlv(0xa0, tlv(0xa1)))), "nameRelativeToCRLIssuer is empty"},
		{"an IDP with a name that is none", withExtensions(idp(fullName(fromHex("8f00")))), "no GeneralName"},
		{"reasons of no bits", withExtensions(idp(fromHex("830100"))), "BIT STRING"},
		{"reasons of three octets", withExtensions(idp(fromHex("830400010101"))), "BIT STRING"},
		{"reasons ending in zero bits", withExtensions(idp(fromHex("83020540"))), "ends in zero bits"},
		{"reasons with a bit nobody defined", withExtensions(idp(fromHex("830306 8040"))), "bit 9"},
		{"an AKI that is no SEQUENCE", withExtensions(ext(35, false, fromHex("0500"))), "authorityKeyIdentifier expected"},
		{"an AKI with more after it", withExtensions(ext(35, false, seq(fromHex("8001aa")), fromHex("0500"))), "authorityKeyIdentifier"},
		{"an AKI with a field nobody knows", withExtensions(ext(35, false, seq(fromHex("8301aa")))), "follow the last element"},
		{"an AKI with an issuer without a name", withExtensions(ext(35, false, seq(tlv(0xa1)))), "has no name"},
		{"an empty freshestCRL", withExtensions(ext(46, false, seq())), "freshestCRL is empty"},
		{"a freshestCRL with an unknown field", withExtensions(ext(46, false, seq(seq(fromHex("8501ff"))))), "follow the last element"},
		{"a freshestCRL with broken reasons", withExtensions(ext(46, false, seq(seq(fromHex("810100"))))), "BIT STRING"},
		{"a freshestCRL with an empty issuer", withExtensions(ext(46, false, seq(seq(tlv(0xa2))))), "has no name"},
	})
}

func TestExtensionsAreRead(t *testing.T) {
	p := sound()
	withExtensions(
		ext(35, false, seq(fromHex("8003aabbcc"), tlv(0xa1, uri("x:y")), fromHex("820101"))),
		ext(20, false, fromHex("0202 0100")),
		ext(27, true, fromHex("0201 00")),
		ext(46, false, seq(seq(fullName(uri("http://delta/1"), uri("http://delta/2")), fromHex("81020640"), tlv(0xa2, uri("x:z"))), seq(tlv(0xa0, tlv(0xa1, seq(fromHex("06 03 550403 0c 01 41"))))))),
		ext(99, true, fromHex("0500")),
		ext(98, false, fromHex("0500")),
	)(&p)
	crl, _ := mustDecode(t, p.der())
	var oids []string
	for _, x := range crl.Extensions {
		oids = append(oids, x.OID.String())
	}
	for what, diff := range map[string]string{
		"key identifier":   cmp.Diff(fromHex("aabbcc"), crl.AuthorityKeyID),
		"number":           cmp.Diff("256", crl.Number.String()),
		"base number":      cmp.Diff("0", crl.BaseNumber.String()),
		"delta":            cmp.Diff(true, crl.IsDelta()),
		"freshest":         cmp.Diff([]string{"http://delta/1", "http://delta/2"}, crl.FreshestCRL),
		"unknown critical": cmp.Diff([]string{"2.5.29.99"}, crl.UnknownCritical),
		"list":             cmp.Diff([]string{"2.5.29.35", "2.5.29.20", "2.5.29.27", "2.5.29.46", "2.5.29.99", "2.5.29.98"}, oids),
		"critical":         cmp.Diff(true, crl.Extensions[2].Critical),
		"value":            cmp.Diff(fromHex("0500"), crl.Extensions[5].Value),
	} {
		if diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
}

func TestDistributionPointsAreRead(t *testing.T) {
	directory := tlv(0xa4, sound().issuer)
	relative := seq(fromHex("06 03 550403 0c 01 41"))
	for _, row := range []struct {
		name   string
		fields []byte
		want   crlder.DistributionPoint
	}{
		{"a URI", fullName(uri("http://a/1.crl")), crlder.DistributionPoint{URIs: []string{"http://a/1.crl"}, FullNames: [][]byte{uri("http://a/1.crl")}}},
		{"a URI and a directory name", fullName(directory, uri("ldap:///")), crlder.DistributionPoint{URIs: []string{"ldap:///"}, FullNames: [][]byte{directory, uri("ldap:///")}}},
		{"a relative name", tlv(0xa0, tlv(0xa1, relative)), crlder.DistributionPoint{RelativeName: relative}},
		{"users only", fromHex("8101ff"), crlder.DistributionPoint{OnlyUser: true}},
		{"CAs only", fromHex("8201ff"), crlder.DistributionPoint{OnlyCA: true}},
		{"attributes only", fromHex("8501ff"), crlder.DistributionPoint{OnlyAttribute: true}},
		{"indirect, users only", fromHex("8101ff 8401ff"), crlder.DistributionPoint{OnlyUser: true, Indirect: true}},
		{"some reasons", fromHex("83020560"), crlder.DistributionPoint{OnlyReasons: 1<<1 | 1<<2}},
		{"the last reason", fromHex("8303070080"), crlder.DistributionPoint{OnlyReasons: 1 << 8}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := sound()
			withExtensions(idp(row.fields))(&p)
			crl, _ := mustDecode(t, p.der())
			row.want.Raw = seq(row.fields)
			if diff := cmp.Diff(&row.want, crl.IDP); diff != "" {
				t.Errorf("IDP (-want +got):\n%s", diff)
			}
			if crl.IsIndirect() != row.want.Indirect {
				t.Errorf("indirect %v, want %v", crl.IsIndirect(), row.want.Indirect)
			}
		})
	}
	if got := strings.Join(revocation.ReasonMask(1<<1|1<<8).Names(), " "); got != "keyCompromise aACompromise" {
		t.Errorf("reasons %q", got)
	}
}
