package crlder_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// point makes the content of a DistributionPoint.
func point(parts ...[]byte) []byte { return seq(parts...) }

var (
	issuerName   = sound().issuer
	relativeName = tlv(0xa0, tlv(0xa1, seq(fromHex("06 03 550403"), tlv(0x0c, []byte("CRL1")))))
)

// fuzzPoints are the shapes of a cRLDistributionPoints.
func fuzzPoints() map[string][]byte {
	return map[string][]byte{
		"uri":      seq(point(fullName(uri("http://a/1.crl")))),
		"relative": seq(point(relativeName, tlv(0xa2, tlv(0xa4, issuerName)))),
		"reasons":  seq(point(fullName(uri("http://a/1.crl")), fromHex("8102 0560")), point(fullName(uri("http://a/2.crl")), fromHex("8103 071f80"))),
		"issuer":   seq(point(tlv(0xa2, tlv(0xa4, issuerName)))),
	}
}

func TestDistributionPointsAreReadInFull(t *testing.T) {
	read := func(name string) []crlder.Point {
		list, err := crlder.ParseDistributionPoints(fuzzPoints()[name])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return list
	}
	if p := read("uri")[0]; !slices.Equal(p.URIs(), []string{"http://a/1.crl"}) || !p.Named() || p.HasCRLIssuer || p.Reasons != 0 {
		t.Errorf("uri: got %+v", p)
	}
	if p := read("relative")[0]; p.RelativeName == nil || !p.HasCRLIssuer || string(p.CRLIssuers[0]) != string(issuerName) {
		t.Errorf("relative: got %+v", p)
	}
	list := read("reasons")
	if got := strings.Join(list[0].Reasons.Names(), " "); got != "keyCompromise cACompromise" || list[0].Reasons|list[1].Reasons != revocation.AllReasons {
		t.Errorf("reasons: got %q and %x", got, list[1].Reasons)
	}
	if p := read("issuer")[0]; p.Named() || len(p.CRLIssuers) != 1 {
		t.Errorf("issuer: got %+v", p)
	}
}

func TestDistributionPointsAreRefused(t *testing.T) {
	for name, row := range map[string]struct {
		value []byte
		says  string
	}{
		"none":                       {nil, "is missing"},
		"an empty list":              {seq(), "cRLDistributionPoints is empty"},
		"something after the list":   {append(seq(point(fullName(uri("a")))), 0), "follow"},
		"something after a point":    {seq(point(fullName(uri("a")), fromHex("0500"))), "follow"},
		"two names":                  {seq(point(tlv(0xa0, tlv(0xa0, uri("a")), tlv(0xa0, uri("b"))))), "follow"},
		"a name of no kind":          {seq(point(tlv(0xa0, fromHex("0500")))), "fullName"},
		"no names":                   {seq(point(tlv(0xa0, tlv(0xa0)))), "no name"},
		"an empty relative name":     {seq(point(tlv(0xa0, tlv(0xa1)))), "empty"},
		"reasons that are not DER":   {seq(point(fromHex("8102 0020"))), "zero bits"},
		"reasons without a bit":      {seq(point(fromHex("8101 00"))), "BIT STRING"},
		"a broken cRLIssuer":         {seq(point(tlv(0xa2, fromHex("a4 02 05 00")))), "directoryName"},
		"more points than are taken": {seq(slices.Repeat(point(fullName(uri("a"))), 65)), "more than 64"},
	} {
		list, err := crlder.ParseDistributionPoints(row.value)
		if err == nil || !strings.Contains(err.Error(), row.says) || !strings.HasPrefix(err.Error(), "cRLDistributionPoints octet") {
			t.Errorf("%s: got %v, %v; want an error saying %q", name, list, err, row.says)
		}
	}
}

// FuzzDistributionPoints looks for input that is neither read nor refused, and for URIs that encoding/asn1 reads differently.
func FuzzDistributionPoints(f *testing.F) {
	f.Fuzz(func(t *testing.T, value []byte) {
		list, err := crlder.ParseDistributionPoints(value)
		if err != nil {
			if list != nil || revocation.RuleOf(err, "") != "parse" {
				t.Fatalf("got %v and %v, want a refusal alone", list, err)
			}
			return
		}
		var points []struct {
			Name struct {
				Full     []asn1.RawValue  `asn1:"optional,tag:0"`
				Relative pkix.RDNSequence `asn1:"optional,tag:1"`
			} `asn1:"optional,tag:0"`
			Reasons asn1.BitString `asn1:"optional,tag:1"`
			Issuer  asn1.RawValue  `asn1:"optional,tag:2"`
		}
		if rest, err := asn1.Unmarshal(value, &points); err != nil || len(rest) > 0 {
			return // its pkix types are narrower than a Name
		}
		for i, p := range points {
			if len(p.Name.Full) != len(list[i].FullNames) {
				t.Fatalf("point %d: %d names, encoding/asn1 has %d", i, len(list[i].FullNames), len(p.Name.Full))
			}
		}
	})
}

func TestTheAuthorityCertificateIsRead(t *testing.T) {
	p := sound()
	p.extensions = tlv(0xa0, seq(ext(35, false, seq(fromHex("8003 aabbcc"), tlv(0xa1, tlv(0xa4, issuerName)), fromHex("8202 0102")))))
	crl, _, err := decode(p.der())
	if err != nil {
		t.Fatal(err)
	}
	if a := crl.AuthorityCert; a == nil || string(a.Serial) != "\x01\x02" || len(a.Issuers) != 1 || string(a.Issuers[0]) != string(issuerName) {
		t.Errorf("got %+v", a)
	}
}

func TestCertificateIssuerIsCarriedOn(t *testing.T) {
	p := sound()
	other := seq(tlv(0x31, seq(fromHex("06 03 550403"), tlv(0x0c, []byte("Other")))))
	p.revoked = seq(entry("01", nil), entry("02", ext(29, true, seq(tlv(0xa4, issuerName)))), entry("03", nil), entry("04", reason(1)),
		entry("05", ext(24, false, gen("20200101000000Z"))), entry("06", ext(29, true, seq(tlv(0xa4, other)))), entry("07", nil),
		entry("08", ext(29, true, seq(uri("http://a")))))
	_, list, err := decode(p.der())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		switch string(e.CertificateIssuer) {
		case string(issuerName):
			got = append(got, "issuer")
		case string(other):
			got = append(got, "other")
		case "":
			got = append(got, map[bool]string{true: "own", false: "nobody"}[e.CertificateIssuer == nil])
		}
	}
	if text := strings.Join(got, " "); text != "own issuer issuer issuer issuer other other nobody" {
		t.Errorf("got %s", text)
	}
}

func TestElementSize(t *testing.T) {
	if size, ok := crlder.ElementSize(fromHex("3082 0102")); !ok || size != 4+0x102 {
		t.Errorf("got %d, %v", size, ok)
	}
	if _, ok := crlder.ElementSize(fromHex("30")); ok {
		t.Error("a header that is cut off was read")
	}
}
