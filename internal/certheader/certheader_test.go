package certheader_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/revocation"
)

func newReader(t testing.TB, o certheader.Options) *certheader.Reader {
	t.Helper()
	r, err := certheader.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatGatewaysWriteIsRead(t *testing.T) {
	sum := sha256.Sum256(leaf)
	if hex.EncodeToString(sum[:]) != leafSHA256 {
		t.Fatal("the vector is not the leaf of RFC 9440")
	}
	tested := map[certheader.Format]bool{}
	for _, v := range vectors {
		tested[v.options.Format] = true
		got, err := newReader(t, v.options).Read(headersOf(t, v.lines))
		if err != nil {
			t.Errorf("%s: %v", v.fact, err)
			continue
		}
		want := certheader.Presented{Chain: v.chain, IssuerDN: v.dn, IssuerDER: v.der}
		if v.serial != "" {
			want.Serial = must(revocation.ParseSerial(v.serial))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %d certificates, serial %s, issuer %q %x; want %d, %s, %q %x", v.fact,
				len(got.Chain), got.Serial, got.IssuerDN, got.IssuerDER, len(want.Chain), want.Serial, want.IssuerDN, want.IssuerDER)
		}
	}
	for _, f := range certheader.Formats() {
		if !tested[certheader.Format(f)] {
			t.Errorf("the format %s has no vector", f)
		}
	}
}

func TestNoHeaderOrAnEmptyOneIsNoCertificate(t *testing.T) {
	for _, v := range vectors {
		r := newReader(t, v.options)
		if _, err := r.Read(http.Header{}); err != certheader.ErrNone {
			t.Errorf("%s: no header: got %v", v.fact, err)
		}
		n := r.Names()
		h := http.Header{}
		for _, name := range []string{n.Certificate, n.Chain, n.Serial, n.Issuer} {
			if name != "" {
				h.Set(name, " \t")
			}
		}
		if _, err := r.Read(h); err != certheader.ErrNone {
			t.Errorf("%s: empty headers: got %v", v.fact, err)
		}
	}
	for f, placeholder := range map[certheader.Format]string{certheader.Apache: "(null)", certheader.ApacheCEA: "(null)",
		certheader.Caddy: "{http.request.tls.client.certificate_der_base64}"} {
		r := newReader(t, certheader.Options{Format: f})
		name := r.Names().Certificate + r.Names().Serial
		if _, err := r.Read(http.Header{name: {placeholder}}); err != certheader.ErrNone {
			t.Errorf("%s: %s: got %v", f, placeholder, err)
		}
	}
}

// TestWhatIsNotRightYieldsNothing takes every vector apart: no cut, no repetition, no addition may leave a certificate.
func TestWhatIsNotRightYieldsNothing(t *testing.T) {
	for _, v := range vectors {
		r := newReader(t, v.options)
		h := headersOf(t, v.lines)
		n := r.Names()
		name := n.Certificate + n.Serial // one of them
		good := h[name][0]
		try := func(what, value string) {
			bad := h.Clone()
			bad[name] = []string{value}
			got, err := r.Read(bad)
			if err == nil {
				t.Errorf("%s, %s: yields %d certificates and serial %s", v.fact, what, len(got.Chain), got.Serial)
			} else if !strings.Contains(err.Error(), name) && err != certheader.ErrNone {
				t.Errorf("%s, %s: the refusal does not name the header: %v", v.fact, what, err)
			} else if _, ok := errors.AsType[*revocation.Refusal](err); !ok && err != certheader.ErrNone {
				t.Errorf("%s, %s: %T is no refusal", v.fact, what, err)
			}
		}
		if n.Certificate != "" {
			for cut := 1; len(v.chain) == 1 && v.options.Element == certheader.OnlyElement && cut < lastOctet(v.options.Format, good); cut += 1 + len(good)/50 {
				try("cut off", good[:cut])
			}
			if v.options.Format != certheader.EnvoyXFCC { // where it belongs to the last pair
				try("with something after", good+"x")
			}
			try("too long", good+strings.Repeat("A", certheader.MaxChainHeader))
			try("with another alphabet", strings.Replace(strings.ReplaceAll(good, "+", "-"), "%2B", "-", -1))
			try("with a plus sign lost", strings.Replace(strings.ReplaceAll(good, "+", " "), "%2B", "%20", -1)+"!")
			try("with line ends", strings.ReplaceAll(good, "MIIBqDCC", "MIIB\r\nqDCC!"))
		}
		try("escaped twice", escaped(escaped(good))+"%25")
		if v.options.Format != certheader.EnvoyXFCC || v.options.Element == certheader.OnlyElement {
			bad := h.Clone()
			bad[name] = []string{good, good}
			if _, err := r.Read(bad); revocation.RuleOf(err, "") != "duplicate" && revocation.RuleOf(err, "") != "elements" {
				t.Errorf("%s, twice: got %v", v.fact, err)
			}
		}
	}
}

// lastOctet is where the certificate is complete: only the end of PEM's last line may be missing, and what follows Envoy's Cert.
func lastOctet(f certheader.Format, header string) int {
	if f == certheader.EnvoyXFCC {
		return strings.LastIndex(header, "-----")
	}
	return len(header) - len("%0A")
}

func TestRefusalsNameTheRule(t *testing.T) {
	pemText, escapedPEM := pemOf(leaf), escaped(pemOf(leaf))
	for _, row := range []struct {
		fact   string
		format certheader.Format
		header string
		rule   string
	}{
		{"no colons", certheader.RFC9440, "Client-Cert: " + leafBase64, "structured"},
		{"a parameter", certheader.RFC9440, "Client-Cert: :" + leafBase64 + ":;a=1", "structured"},
		{"two members", certheader.RFC9440, "Client-Cert: :" + leafBase64 + ":, :" + leafBase64 + ":", "base64"},
		{"without padding", certheader.RFC9440, "Client-Cert: :" + strings.TrimRight(leafBase64, "=") + ":", "base64"},
		{"nothing between colons", certheader.RFC9440, "Client-Cert: ::", "base64"},
		{"a cut certificate", certheader.RFC9440, "Client-Cert: :" + b64(leaf[:len(leaf)-3]) + ":", "der"},
		{"octets after it", certheader.RFC9440, "Client-Cert: :" + b64(append(append([]byte(nil), leaf...), 0)) + ":", "der"},
		{"no SEQUENCE", certheader.RFC9440, "Client-Cert: :AQID:", "der"},
		{"a lone chain", certheader.RFC9440, "Client-Cert-Chain: :" + b64(second) + ":", "chain"},
		{"not escaped", certheader.NginxEscaped, "X-SSL-Client-Cert: " + strings.ReplaceAll(pemText, "\n", " "), "escape"},
		{"half an escape", certheader.NginxEscaped, "X-SSL-Client-Cert: " + escapedPEM + "%2", "escape"},
		{"no hex escape", certheader.NginxEscaped, "X-SSL-Client-Cert: " + escapedPEM + "%zz", "escape"},
		{"a plus sign of a form", certheader.NginxEscaped, "X-SSL-Client-Cert: " + strings.ReplaceAll(escapedPEM, "%20", "+"), "escape"},
		{"a slash that stands for itself", certheader.NginxEscaped, "X-SSL-Client-Cert: " + strings.ReplaceAll(escapedPEM, "%2F", "/"), "escape"},
		{"another label", certheader.NginxEscaped, "X-SSL-Client-Cert: " + strings.ReplaceAll(escapedPEM, "CERTIFICATE", "CERTIFICATEX"), "pem"},
		{"text before", certheader.NginxEscaped, "X-SSL-Client-Cert: a" + escapedPEM, "pem"},
		{"text after", certheader.NginxEscaped, "X-SSL-Client-Cert: " + escapedPEM + "a", "pem"},
		{"no end", certheader.NginxEscaped, "X-SSL-Client-Cert: " + strings.TrimSuffix(escapedPEM, "CERTIFICATE-----%0A"), "pem"},
		{"only white space", certheader.NginxEscaped, "X-SSL-Client-Cert: %0A", "pem"},
		{"headers in PEM", certheader.NginxEscaped, "X-SSL-Client-Cert: " + escaped(strings.Replace(pemText, "\n", "\nA: b\n\n", 1)), "base64"},
		{"no line after the label", certheader.Apache, "X-SSL-Client-Cert: " + strings.ReplaceAll(pemText, "\n", ""), "pem"},
		{"a form's spaces for AWS", certheader.AWSALB, "X-Amzn-Mtls-Clientcert-Leaf: " + strings.ReplaceAll(awsEscaped(pemText), "%20", "+"), "pem"},
		{"eleven certificates", certheader.Traefik, "X-Forwarded-Tls-Client-Cert: " + strings.Repeat(leafBase64+",", 10) + leafBase64, "too-many"},
		{"eleven certificates in PEM", certheader.AWSALBPassthrough, "X-Amzn-Mtls-Clientcert: " + awsEscaped(strings.Repeat(pemText, 11)), "too-many"},
		{"an empty member", certheader.Traefik, "X-Forwarded-Tls-Client-Cert: " + leafBase64 + ",", "base64"},
		{"two elements", certheader.EnvoyXFCC, "X-Forwarded-Client-Cert: " + xfcc(leaf) + "," + xfcc(leaf), "elements"},
		{"no certificate in it", certheader.EnvoyXFCC, `X-Forwarded-Client-Cert: By=a;Hash=` + leafSHA256 + `;Subject="CN=BC"`, "no-certificate"},
		{"a certificate of another hash", certheader.EnvoyXFCC, `X-Forwarded-Client-Cert: Hash=00;Cert="` + escapedPEM + `"`, "mismatch"},
		{"a chain of another certificate", certheader.EnvoyXFCC, `X-Forwarded-Client-Cert: Cert="` + escapedPEM + `";Chain="` + escaped(pemOf(second)) + `"`, "mismatch"},
		{"Cert twice, as from a URI that holds one", certheader.EnvoyXFCC, "X-Forwarded-Client-Cert: " + xfcc(leaf) + `;Cert="` + escapedPEM + `"`, "pair"},
		{"no pair", certheader.EnvoyXFCC, `X-Forwarded-Client-Cert: Cert`, "pair"},
		{"an open quote", certheader.EnvoyXFCC, `X-Forwarded-Client-Cert: Cert="` + escapedPEM, "quote"},
		{"a quote within", certheader.EnvoyXFCC, `X-Forwarded-Client-Cert: Cert=a"b"`, "quote"},
		{"no serial in hex", certheader.CloudFront, "CloudFront-Viewer-Cert-Serial-Number: xy", "serial"},
		{"an odd digit", certheader.CloudFront, "CloudFront-Viewer-Cert-Serial-Number: 4a:3", "serial"},
		{"no issuer", certheader.CloudFront, "CloudFront-Viewer-Cert-Serial-Number: 4a", "issuer"},
		{"a CEA cut off", certheader.ApacheCEA, `X-SSL-Client-CEA: { serialNumber 7, issuer rdnSequence:"CN=a`, "cea"},
		{"a CEA with a quote in it", certheader.ApacheCEA, `X-SSL-Client-CEA: { serialNumber 7, issuer rdnSequence:"CN=a", issuer rdnSequence:"CN=b" }`, "cea"},
		{"a CEA in hex", certheader.ApacheCEA, `X-SSL-Client-CEA: { serialNumber 0xa, issuer rdnSequence:"CN=a" }`, "serial"},
		{"a serial of 65 octets", certheader.CloudFront, "CloudFront-Viewer-Cert-Serial-Number: " + strings.Repeat("7f", 65), "serial"},
		{"a serial with no end", certheader.CloudFront, "CloudFront-Viewer-Cert-Serial-Number: " + strings.Repeat("7f", 3000), "too-long"},
	} {
		_, err := newReader(t, certheader.Options{Format: row.format}).Read(headersOf(t, []string{row.header}))
		if got := revocation.RuleOf(err, "none"); got != row.rule {
			t.Errorf("%s: refused by %s, want %s: %v", row.fact, got, row.rule, err)
		}
	}
}

func TestAReaderThatCannotBeRightIsNotMade(t *testing.T) {
	for _, o := range []certheader.Options{
		{Format: "nginx"},
		{Format: certheader.Serial}, // "10" means two numbers
		{Format: certheader.Google},
		{Format: certheader.CloudFront, Radix: certheader.Decimal},
		{Format: certheader.Caddy, Radix: certheader.Hex},
		{Format: certheader.Caddy, Headers: certheader.Headers{Chain: "X-Chain"}},
		{Format: certheader.Caddy, Headers: certheader.Headers{Certificate: "X Cert"}},
		{Format: certheader.Caddy, Element: certheader.LastElement},
	} {
		if _, err := certheader.New(o); err == nil {
			t.Errorf("%+v was made", o)
		}
	}
}

func TestTheKeyHoldsAllThatCounts(t *testing.T) {
	r := newReader(t, certheader.Options{Format: certheader.RFC9440})
	one, ok := r.Key(http.Header{"Client-Cert": {"a"}, "Client-Cert-Chain": {"b"}, "Other": {"c"}})
	two, _ := r.Key(http.Header{"Client-Cert": {"a"}, "Client-Cert-Chain": {"c"}})
	if !ok || one == two || one.Len() != 2 {
		t.Errorf("keys %v and %v, known %t", one, two, ok)
	}
	if _, ok := r.Key(http.Header{"Client-Cert": {"a", "a"}}); ok {
		t.Error("a repeated header has a key")
	}
}
