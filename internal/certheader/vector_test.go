package certheader_test

import (
	"bufio"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/certheader"
)

// leafBase64 is the leaf of RFC 9440, Appendix A: serial 7, issued by "CN=LA Intermediate CA,O=Let's Authenticate". It has a plus
// sign, which many a decoder loses.
const leafBase64 = "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAe" +
	"Fw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRheb" +
	"rXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2D" +
	"AOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1v" +
	"aL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk="

// The digests of the leaf, so that a slip in the constant above shows.
const leafSHA256 = "bfaf1f7e070f9fa8dd62905f158da73f84a1136624fbafcc9393c8f7287a69eb"

var (
	leaf     = must(base64.StdEncoding.DecodeString(leafBase64))
	second   = must(base64.StdEncoding.DecodeString("MAMCAQI=")) // any element will do for what is not parsed here
	third    = must(base64.StdEncoding.DecodeString("MAMCAQM="))
	issuerDN = must(x509.ParseCertificate(leaf)).RawIssuer
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The ways gateways write certificates.

func b64(der []byte) string { return base64.StdEncoding.EncodeToString(der) }

func pemOf(ders ...[]byte) string {
	var b strings.Builder
	for _, der := range ders {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return b.String()
}

// escaped percent-encodes all but unreserved characters, as nginx does.
func escaped(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// awsEscaped leaves the characters of base64 alone.
func awsEscaped(text string) string {
	return strings.NewReplacer("%2B", "+", "%3D", "=", "%2F", "/").Replace(escaped(text))
}

func xfcc(der []byte, chain ...[]byte) string {
	sum := sha256.Sum256(der)
	text := `By=spiffe://x/gw;Hash=` + hex.EncodeToString(sum[:]) + `;Cert="` + escaped(pemOf(der)) + `"`
	if chain != nil {
		text += `;Chain="` + escaped(pemOf(append([][]byte{der}, chain...)...)) + `"`
	}
	return text + `;Subject="CN=BC, O=a\"b;c";URI=spiffe://x/a;DNS=a.test;DNS=b.test`
}

// vector is one request of a gateway, as header lines, and what is to be read from it.
type vector struct {
	fact    string
	options certheader.Options
	lines   []string
	chain   [][]byte
	serial  string
	dn      string
	der     []byte
}

var vectors = []vector{
	{fact: "RFC 9440", options: certheader.Options{Format: certheader.RFC9440}, lines: []string{"Client-Cert: :" + leafBase64 + ":"}, chain: [][]byte{leaf}},
	{fact: "RFC 9440 with a chain over two lines", options: certheader.Options{Format: certheader.RFC9440},
		lines: []string{"Client-Cert: :" + leafBase64 + ":", "Client-Cert-Chain: :" + b64(second) + ":", "client-cert-chain: :" + b64(third) + ":"},
		chain: [][]byte{leaf, second, third}},
	{fact: "Cloudflare", options: certheader.Options{Format: certheader.Cloudflare},
		lines: []string{"Client-Cert: :" + leafBase64 + ":", "Client-Cert-Chain: :" + b64(second) + ":,:" + b64(third) + ":"}, chain: [][]byte{leaf, second, third}},
	{fact: "nginx escaped", options: certheader.Options{Format: certheader.NginxEscaped}, lines: []string{"X-SSL-Client-Cert: " + escaped(pemOf(leaf))}, chain: [][]byte{leaf}},
	{fact: "ingress-nginx", options: certheader.Options{Format: certheader.IngressNginx}, lines: []string{"ssl-client-cert: " + escaped(pemOf(leaf))}, chain: [][]byte{leaf}},
	{fact: "nginx legacy, on continued lines", options: certheader.Options{Format: certheader.NginxLegacy},
		lines: []string{"X-SSL-Client-Cert: " + strings.ReplaceAll(strings.TrimSpace(pemOf(leaf)), "\n", "\n\t")}, chain: [][]byte{leaf}},
	{fact: "Apache", options: certheader.Options{Format: certheader.Apache},
		lines: []string{"X-SSL-Client-Cert: " + strings.ReplaceAll(pemOf(leaf), "\n", " ")}, chain: [][]byte{leaf}},
	{fact: "Apache, escaped by mod_rewrite", options: certheader.Options{Format: certheader.ApacheEscaped},
		lines: []string{"X-SSL-Client-Cert: " + strings.ReplaceAll(awsEscaped(pemOf(leaf)), "%0A", "%0a")}, chain: [][]byte{leaf}},
	{fact: "Apache CEA", options: certheader.Options{Format: certheader.ApacheCEA},
		lines:  []string{`X-SSL-Client-CEA: { serialNumber 7, issuer rdnSequence:"CN=LA Intermediate CA,O=Let's Authenticate" }`},
		serial: "07", dn: "CN=LA Intermediate CA,O=Let's Authenticate"},
	{fact: "Traefik", options: certheader.Options{Format: certheader.Traefik}, lines: []string{"X-Forwarded-Tls-Client-Cert: " + leafBase64}, chain: [][]byte{leaf}},
	{fact: "Traefik with a chain", options: certheader.Options{Format: certheader.Traefik},
		lines: []string{"X-Forwarded-Tls-Client-Cert: " + leafBase64 + "," + b64(second)}, chain: [][]byte{leaf, second}},
	{fact: "Traefik 2.8, escaped", options: certheader.Options{Format: certheader.Traefik},
		lines: []string{"X-Forwarded-Tls-Client-Cert: " + escaped(leafBase64+","+b64(second))}, chain: [][]byte{leaf, second}},
	{fact: "Envoy", options: certheader.Options{Format: certheader.EnvoyXFCC}, lines: []string{"x-forwarded-client-cert: " + xfcc(leaf)}, chain: [][]byte{leaf}},
	{fact: "Envoy with a chain", options: certheader.Options{Format: certheader.EnvoyXFCC}, lines: []string{"x-forwarded-client-cert: " + xfcc(leaf, second)}, chain: [][]byte{leaf, second}},
	{fact: "Envoy, the nearest of two", options: certheader.Options{Format: certheader.EnvoyXFCC, Element: certheader.LastElement},
		lines: []string{"x-forwarded-client-cert: " + xfcc(second) + "," + xfcc(leaf)}, chain: [][]byte{leaf}},
	{fact: "Envoy, the first of two on two lines", options: certheader.Options{Format: certheader.EnvoyXFCC, Element: certheader.FirstElement},
		lines: []string{"x-forwarded-client-cert: " + xfcc(leaf), "x-forwarded-client-cert: " + xfcc(second)}, chain: [][]byte{leaf}},
	{fact: "HAProxy", options: certheader.Options{Format: certheader.HAProxy}, lines: []string{"X-SSL-Client-DER: " + leafBase64}, chain: [][]byte{leaf}},
	{fact: "HAProxy with a chain in one piece", options: certheader.Options{Format: certheader.HAProxy},
		lines: []string{"X-SSL-Client-DER: " + leafBase64, "X-SSL-Client-Chain-DER: " + b64(append(append([]byte(nil), second...), third...))}, chain: [][]byte{leaf, second, third}},
	{fact: "HAProxy with a chain that begins with the leaf", options: certheader.Options{Format: certheader.HAProxy},
		lines: []string{"X-SSL-Client-DER: " + leafBase64, "X-SSL-Client-Chain-DER: " + b64(append(append([]byte(nil), leaf...), third...))}, chain: [][]byte{leaf, third}},
	{fact: "Caddy", options: certheader.Options{Format: certheader.Caddy}, lines: []string{"X-Client-Cert: " + leafBase64}, chain: [][]byte{leaf}},
	{fact: "AWS, verifying", options: certheader.Options{Format: certheader.AWSALB}, lines: []string{"X-Amzn-Mtls-Clientcert-Leaf: " + awsEscaped(pemOf(leaf))}, chain: [][]byte{leaf}},
	{fact: "AWS, passing through", options: certheader.Options{Format: certheader.AWSALBPassthrough},
		lines: []string{"X-Amzn-Mtls-Clientcert: " + awsEscaped(pemOf(leaf, second))}, chain: [][]byte{leaf, second}},
	{fact: "CloudFront", options: certheader.Options{Format: certheader.CloudFront},
		lines:  []string{"CloudFront-Viewer-Cert-Serial-Number: 4a:3f:5c:92:d1:e8:7b:6c", "CloudFront-Viewer-Cert-Issuer: CN=CA"},
		serial: "4a3f5c92d1e87b6c", dn: "CN=CA"},
	{fact: "Google", options: certheader.Options{Format: certheader.Google, Radix: certheader.Decimal},
		lines: []string{"X-Client-Cert-Serial-Number: 7", "X-Client-Cert-Issuer-Dn: " + b64(issuerDN)}, serial: "07", der: issuerDN},
	{fact: "Azure, escaped", options: certheader.Options{Format: certheader.Azure}, lines: []string{"X-Client-Cert: " + escaped(pemOf(leaf))}, chain: [][]byte{leaf}},
	{fact: "Azure, with spaces", options: certheader.Options{Format: certheader.Azure},
		lines: []string{"X-Client-Cert: " + strings.ReplaceAll(pemOf(leaf), "\n", " ")}, chain: [][]byte{leaf}},
	{fact: "a serial of nginx", options: certheader.Options{Format: certheader.Serial, Radix: certheader.Hex},
		lines: []string{"X-SSL-Client-Serial: 0D3A", "X-SSL-Client-Issuer: CN=LA Intermediate CA,O=Let's Authenticate"}, serial: "0d3a",
		dn: "CN=LA Intermediate CA,O=Let's Authenticate"},
	{fact: "ten in hex", options: certheader.Options{Format: certheader.Serial, Radix: certheader.Hex, NoName: true}, lines: []string{"X-SSL-Client-Serial: 10"}, serial: "10"},
	{fact: "ten in decimal", options: certheader.Options{Format: certheader.Serial, Radix: certheader.Decimal, NoName: true}, lines: []string{"X-SSL-Client-Serial: 10"}, serial: "0a"},
	{fact: "a negative serial of nginx", options: certheader.Options{Format: certheader.Serial, Radix: certheader.Hex, NoName: true}, lines: []string{"X-SSL-Client-Serial: -0A"}, serial: "-0a"},
	{fact: "other names", options: certheader.Options{Format: certheader.Caddy, Headers: certheader.Headers{Certificate: "x-my-cert"}}, lines: []string{"X-My-Cert: " + leafBase64}, chain: [][]byte{leaf}},
}

// headersOf sends lines through net/http, which joins continued lines and knows no case.
func headersOf(t testing.TB, lines []string) http.Header {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\nHost: veto\n" + strings.Join(lines, "\n") + "\n\n")))
	if err != nil {
		t.Fatal(err)
	}
	return r.Header
}
