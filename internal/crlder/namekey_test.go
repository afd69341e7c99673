package crlder_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/internal/crlder"
)

func cn(tag byte, text string) []byte { return seq(fromHex("06 03 550403"), tlv(tag, []byte(text))) }

func dn(rdns ...[]byte) []byte {
	var list [][]byte
	for _, r := range rdns {
		list = append(list, tlv(0x31, r))
	}
	return seq(list...)
}

func TestNamesMatch(t *testing.T) {
	const utf8, printable, ia5, bmp, universal, teletex, octets = 0x0c, 0x13, 0x16, 0x1e, 0x1c, 0x14, 0x04
	for name, row := range map[string]struct {
		a, b []byte
		want bool
	}{
		"the same":                            {dn(cn(utf8, "CA")), dn(cn(utf8, "CA")), true},
		"other case":                          {dn(cn(utf8, "Test CA")), dn(cn(utf8, "tEST ca")), true},
		"other string type":                   {dn(cn(utf8, "Test CA")), dn(cn(printable, "Test CA")), true},
		"IA5String":                           {dn(cn(utf8, "Test CA")), dn(cn(ia5, "test CA")), true},
		"BMPString":                           {dn(cn(utf8, "CÄ")), dn(cn(bmp, "\x00C\x00\xe4")), true},
		"UniversalString":                     {dn(cn(utf8, "C")), dn(cn(universal, "\x00\x00\x00C")), true},
		"TeletexString":                       {dn(cn(utf8, "Ä")), dn(cn(teletex, "\xe4")), true},
		"space around and inside":             {dn(cn(utf8, "Test CA")), dn(cn(utf8, "  Test   CA ")), true},
		"no space at all":                     {dn(cn(utf8, "Test CA")), dn(cn(utf8, "TestCA")), false},
		"another value":                       {dn(cn(utf8, "CA")), dn(cn(utf8, "CB")), false},
		"another attribute":                   {dn(cn(utf8, "CA")), dn(seq(fromHex("06 03 55040a"), tlv(utf8, []byte("CA")))), false},
		"one RDN more":                        {dn(cn(utf8, "CA")), dn(cn(utf8, "CA"), cn(utf8, "CA")), false},
		"other order of RDNs":                 {dn(cn(utf8, "A"), cn(utf8, "B")), dn(cn(utf8, "B"), cn(utf8, "A")), false},
		"two RDNs and one of two":             {dn(cn(utf8, "A"), cn(utf8, "B")), dn(append(cn(utf8, "A"), cn(utf8, "B")...)), false},
		"a multi-valued RDN in other order":   {dn(append(cn(utf8, "A"), cn(utf8, "B")...)), dn(append(cn(utf8, "b"), cn(utf8, "a")...)), true},
		"octets that are no string":           {dn(cn(octets, "CA")), dn(cn(octets, "ca")), false},
		"malformed UTF-8":                     {dn(cn(utf8, "\xff")), dn(cn(utf8, "\xfe")), false},
		"malformed UTF-8 with itself":         {dn(cn(utf8, "\xff")), dn(cn(utf8, "\xff")), true},
		"half a surrogate pair with another":  {dn(cn(bmp, "\xd8\x00")), dn(cn(bmp, "\xd8\x01")), false},
		"what is no name":                     {fromHex("0500"), fromHex("0400"), false},
		"an empty name with another":          {seq(), dn(cn(utf8, "CA")), false},
		"a value that imitates the separator": {dn(cn(utf8, "A\x00B")), dn(cn(utf8, "A"), cn(utf8, "B")), false},
	} {
		if got := crlder.NameKey(row.a) == crlder.NameKey(row.b); got != row.want {
			t.Errorf("%s: match is %v", name, got)
		}
	}
}

func TestARelativeNameIsExpanded(t *testing.T) {
	base, rdn := dn(cn(0x0c, "CA")), cn(0x13, "CRL1")
	if crlder.NameKeyRelative(base, rdn) != crlder.NameKey(dn(cn(0x13, "ca"), cn(0x0c, "crl1"))) {
		t.Error("the expanded name does not match")
	}
}

func TestNamesOfOtherTextNeverMatch(t *testing.T) {
	text := rapid.StringMatching(`[a-z0-9 ]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOfN(text, 0, 3).Draw(t, "a"), rapid.SliceOfN(text, 0, 3).Draw(t, "b")
		build := func(values []string) []byte {
			var rdns [][]byte
			for _, v := range values {
				rdns = append(rdns, cn(0x0c, v))
			}
			return dn(rdns...)
		}
		fold := func(values []string) string {
			var list []string
			for _, v := range values {
				list = append(list, strings.Join(strings.Fields(v), " "))
			}
			return strings.Join(list, "/") + strings.Repeat(";", len(values))
		}
		if got, want := crlder.NameKey(build(a)) == crlder.NameKey(build(b)), fold(a) == fold(b); got != want {
			t.Fatalf("%q and %q: match is %v", a, b, got)
		}
	})
}
