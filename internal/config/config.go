package config

import (
	"crypto"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/netip"
	"slices"
	"time"
)

// Config is a whole configuration: checked, with defaults filled in and all files loaded. File names in it are absolute
// when it came from [Load].
type Config struct {
	File    string // the configuration file; empty when it came from flags
	DataDir string
	Public  Public
	API     API
	Admin   Admin
	Egress  Egress
	OCSP    Responder
	Issuers []Issuer
	Trust   []TrustSet
	Log     Log

	// IngestMemory bounds the memory that the entries of all CRLs being stored take together, in octets.
	IngestMemory int64
	Profiles     []Profile // of gateways

	// Warnings are what an operator should know although it does not stop the service, sorted by position.
	Warnings []Fault

	files []string
}

// Public is the listener for OCSP, CRLs and issuer certificates.
type Public struct {
	Listen string // HOST:PORT or :PORT; port 0 lets the system choose
	Pos    Position
}

// API is the listener for the JSON API.
type API struct {
	Listen    string // as Public.Listen
	TLS       *TLS   // nil: plain HTTP
	ReadToken Secret // empty: read routes need no token

	SnapshotKey ed25519.PrivateKey // signs GET /v1/snapshot; nil: it is not signed

	EnvoyListen string // as Public.Listen, for Envoy's authorization calls over gRPC; empty: there is no such listener
	Pos         Position

	readTokenPos, envoyPos Position
}

// TLS is what a listener shows its clients.
type TLS struct {
	CertificateFile, KeyFile string
	Certificate              tls.Certificate     // Leaf is set
	ClientCAs                []*x509.Certificate // whose client certificates are believed; none: none are asked for
	Pos                      Position
}

// Admin is how administrators are known.
type Admin struct {
	TokenFile string
	Token     Secret // the content of TokenFile; empty: nobody may administer
}

// Egress says which addresses CRLs are fetched from and OCSP responders asked at, besides what is always refused; see docs/CONFIGURATION.md.
type Egress struct {
	Allow []netip.Prefix // internal addresses that URLs found in certificates may lead to
	Deny  []netip.Prefix // addresses that no URL may lead to
}

// Issuer is a certification authority veto answers for.
type Issuer struct {
	Name             string
	CertificateFiles []string
	Certificate      *x509.Certificate   // the first of Certificates: its IssuerID is the one shown
	Certificates     []*x509.Certificate // of one subject, each with another key: several while the CA changes its key
	Issues           string              // one of the Issues constants
	CRLs             []CRL               // none: the issuer is administered here
	Refresh          Refresh
	OCSP             OCSP
	Signer           *Signer             // the first of Signers; nil: no OCSP for this issuer
	Signers          []*Signer           // several when the CA has several keys, each of which designates its own
	RequestCAs       []*x509.Certificate // who may sign requests, or who issues to them; see OCSP.RequestSignature
	Pos              Position

	Inventory string    // one of the Inventory constants
	Upstream  *Upstream // nil: the CA's own responder is not asked

	namePos        Position
	presignPos     Position
	certificatePos []Position // of each of Certificates
}

// The kinds of certificate a CA issues; see Issuer.Issues.
const (
	IssuesEndEntity = "end-entity"
	IssuesCA        = "ca"
	IssuesAny       = "any"
)

// Administered says whether veto itself is the issuer's source of truth, because it has no CRL source and no responder to ask.
func (i *Issuer) Administered() bool { return len(i.CRLs) == 0 && i.Upstream == nil }

// CRL is one place an issuer's CRL comes from.
type CRL struct {
	URL             string   // http, https, ldap, ldaps, file with an absolute path (of a folder when it ends in /), or push:
	Mirrors         []string // other URLs of the same CRL, in the order they are tried
	FromCertificate string   // the file of the certificate that URL and Mirrors are from; empty: an operator wrote them
	RedirectHosts   []string // hosts a redirect may lead to besides the URL's own: lower case, without port
	Delta           string   // where its delta CRL comes from: as URL, or Freshest; empty: it has none
	DeltaMirrors    []string // other URLs of the delta CRL

	SignerFiles       []string
	Signers           []*x509.Certificate // who may sign it besides the CA
	DistributionPoint string              // the URI that its issuing distribution point must have; empty: any
	Pos               Position

	issued    *x509.Certificate // of FromCertificate
	deltaPos  Position
	signerPos []Position // of each of Signers
}

// Freshest is the CRL.Delta of a CRL that names its delta CRL itself (RFC 5280 §5.2.6).
const Freshest = "freshest:"

// Refresh says how an issuer's CRLs are fetched and for how long they are believed.
type Refresh struct {
	Every      time.Duration // between two fetches at most
	Timeout    time.Duration // of one fetch, as a whole
	MaxBytes   int64         // of one CRL
	StaleGrace time.Duration // after nextUpdate, during which a CRL still answers good
	MaxAge     time.Duration // after thisUpdate, during which a CRL without nextUpdate answers good; zero: it never does
	MaxShrink  float64       // percentage of entries a CRL may drop at once
}

// Signer is a certificate and key that sign OCSP responses. The key is in a file, and then known to belong to the certificate,
// or in a token.
type Signer struct {
	CertificateFile, KeyFile string
	Certificate              *x509.Certificate
	Key                      crypto.Signer // nil when PKCS11 is not
	PKCS11                   *PKCS11
	PSS                      bool // signs by RSASSA-PSS in place of PKCS #1
	Trusted                  bool // relying parties trust it by their own configuration; the CA need not have issued it
	Pos                      Position
}

// Log says what is logged and how.
type Log struct {
	Level  slog.Level
	Format string // auto (text on a terminal, JSON otherwise), text or json
}

// Secret is a token. It prints as a placeholder; convert it to a string to use it.
type Secret string

// String hides the secret from fmt.
func (s Secret) String() string { return "(secret)" }

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return "(secret)" }

// MarshalText hides the secret from JSON and log/slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// Default is the configuration of an empty file.
func Default() *Config {
	return &Config{
		DataDir: "/var/lib/veto",
		Public:  Public{Listen: ":8080"},
		API:     API{Listen: "127.0.0.1:8081"},
		OCSP:    DefaultResponder(),
		Log:     Log{Level: slog.LevelInfo, Format: "auto"},

		IngestMemory: 256 << 20,
	}
}

// DefaultRefresh is how CRLs are fetched when nothing else is said.
func DefaultRefresh() Refresh {
	return Refresh{Every: 5 * time.Minute, Timeout: 30 * time.Second, MaxBytes: 1 << 30, MaxShrink: 20}
}

// Files lists every file the configuration was made from: itself, certificates, keys and tokens, each once. When one of
// them changes, the configuration is to be read again. CRL files are not among them: they are fetched like any CRL.
func (c *Config) Files() []string { return slices.Clone(c.files) }
