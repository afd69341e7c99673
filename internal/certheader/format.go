package certheader

import (
	"maps"
	"slices"
)

// Format is how a gateway writes a client certificate into headers.
type Format string

// The formats.
const (
	RFC9440           Format = "rfc9440"             // Client-Cert and Client-Cert-Chain
	NginxEscaped      Format = "nginx-escaped"       // $ssl_client_escaped_cert
	IngressNginx      Format = "ingress-nginx"       // the same, by auth-tls-pass-certificate-to-upstream
	NginxLegacy       Format = "nginx-legacy"        // $ssl_client_cert: PEM on continued lines
	Apache            Format = "apache"              // %{SSL_CLIENT_CERT}s: PEM with spaces for line ends
	ApacheEscaped     Format = "apache-escaped"      // the same, escaped by mod_rewrite's int:escape
	ApacheCEA         Format = "apache-cea"          // %{SSL_CLIENT_CERT_RFC4523_CEA}s: serial and issuer
	Traefik           Format = "traefik"             // PassTLSClientCert with pem: base64, leaf first
	EnvoyXFCC         Format = "envoy-xfcc"          // x-forwarded-client-cert
	HAProxy           Format = "haproxy"             // %[ssl_c_der,base64] and %[ssl_c_chain_der,base64]
	Caddy             Format = "caddy"               // {http.request.tls.client.certificate_der_base64}
	AWSALB            Format = "aws-alb"             // verify mode: the leaf
	AWSALBPassthrough Format = "aws-alb-passthrough" // passthrough mode: the chain
	CloudFront        Format = "cloudfront"          // serial and issuer
	Cloudflare        Format = "cloudflare"          // cf.tls_client_auth.cert_rfc9440
	Google            Format = "google"              // {client_cert_serial_number} and {client_cert_issuer_dn}
	Azure             Format = "azure"               // {var_client_certificate}
	Serial            Format = "serial"              // serial and issuer under any names
)

// Headers are the names a format is read from; "" where the format has none.
type Headers struct {
	Certificate string // of the leaf, or of the whole chain
	Chain       string // of what follows the leaf
	Serial      string
	Issuer      string
}

// definition is what a format is made of.
type definition struct {
	headers Headers
	read    func(*Reader, values) (Presented, error)
	lists   lists
	radix   Radix
}

// lists says which header is a list, whose lines are read as one (RFC 9110 §5.3).
type lists uint8

const (
	noList lists = iota
	firstList
	secondList
)

var definitions = map[Format]definition{
	RFC9440:           {headers: Headers{Certificate: "Client-Cert", Chain: "Client-Cert-Chain"}, read: readRFC9440, lists: secondList},
	Cloudflare:        {headers: Headers{Certificate: "Client-Cert", Chain: "Client-Cert-Chain"}, read: readRFC9440, lists: secondList},
	NginxEscaped:      {headers: Headers{Certificate: "X-SSL-Client-Cert"}, read: readEscaped(unreserved)},
	IngressNginx:      {headers: Headers{Certificate: "Ssl-Client-Cert"}, read: readEscaped(unreserved)},
	NginxLegacy:       {headers: Headers{Certificate: "X-SSL-Client-Cert"}, read: readPlainPEM},
	Apache:            {headers: Headers{Certificate: "X-SSL-Client-Cert"}, read: readPlainPEM},
	ApacheEscaped:     {headers: Headers{Certificate: "X-SSL-Client-Cert"}, read: readEscaped(awsPlain)},
	ApacheCEA:         {headers: Headers{Serial: "X-SSL-Client-CEA"}, read: readCEA, radix: Decimal},
	Traefik:           {headers: Headers{Certificate: "X-Forwarded-Tls-Client-Cert"}, read: readTraefik},
	EnvoyXFCC:         {headers: Headers{Certificate: "X-Forwarded-Client-Cert"}, read: readXFCC, lists: firstList},
	HAProxy:           {headers: Headers{Certificate: "X-SSL-Client-DER", Chain: "X-SSL-Client-Chain-DER"}, read: readBase64DER},
	Caddy:             {headers: Headers{Certificate: "X-Client-Cert"}, read: readCaddy},
	AWSALB:            {headers: Headers{Certificate: "X-Amzn-Mtls-Clientcert-Leaf"}, read: readEscaped(awsPlain)},
	AWSALBPassthrough: {headers: Headers{Certificate: "X-Amzn-Mtls-Clientcert"}, read: readEscaped(awsPlain)},
	Azure:             {headers: Headers{Certificate: "X-Client-Cert"}, read: readAzure},
	CloudFront: {headers: Headers{Serial: "CloudFront-Viewer-Cert-Serial-Number", Issuer: "CloudFront-Viewer-Cert-Issuer"},
		read: readPair, radix: Hex},
	Google: {headers: Headers{Serial: "X-Client-Cert-Serial-Number", Issuer: "X-Client-Cert-Issuer-Dn"}, read: readGoogle},
	Serial: {headers: Headers{Serial: "X-SSL-Client-Serial", Issuer: "X-SSL-Client-Issuer"}, read: readPair},
}

// Formats lists all formats by name.
func Formats() []string {
	var names []string
	for f := range maps.Keys(definitions) {
		names = append(names, string(f))
	}
	slices.Sort(names)
	return names
}

// Known says whether there is such a format.
func (f Format) Known() bool { _, ok := definitions[f]; return ok }

// Headers are the names the format is read from unless others are given.
func (f Format) Headers() Headers { return definitions[f].headers }

// NeedsRadix says whether the format does not say itself how it writes serial numbers.
func (f Format) NeedsRadix() bool { d := definitions[f]; return d.headers.Serial != "" && d.radix == 0 }
