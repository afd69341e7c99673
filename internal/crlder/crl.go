package crlder

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"time"

	"github.com/vetopki/veto/revocation"
)

// CRL is what a CertificateList (RFC 5280 §5.1) says besides its entries.
type CRL struct {
	Version    int    // 1 or 2
	RawIssuer  []byte // DER of the Name
	ThisUpdate time.Time
	NextUpdate time.Time // zero when absent

	Algorithm    Algorithm
	RawAlgorithm []byte // DER of the AlgorithmIdentifier
	Signature    []byte
	Digest       []byte // of tbsCertList by Algorithm.Hash; nil when the algorithm takes none or has a Problem
	Signed       []byte // tbsCertList itself, for Ed25519 only

	// Extensions in their order, and what the known ones say.
	Extensions     []Extension
	Number         revocation.CRLNumber // "" when absent (§5.2.3)
	BaseNumber     revocation.CRLNumber // of a delta CRL; "" says the CRL is complete (§5.2.4)
	AuthorityKeyID []byte               // nil when absent (§5.2.1)
	AuthorityCert  *AuthorityCert       // nil when absent (§5.2.1)
	IDP            *DistributionPoint   // nil when absent (§5.2.5)
	FreshestCRL    []string             // URIs (§5.2.6)

	// Critical extensions this package does not know: of the CRL, and of any entry. Either makes the CRL unusable (§5.2, §5.3).
	UnknownCritical      []string
	UnknownCriticalEntry []string

	Entries         int
	Reasons         [revocation.AACompromise + 1]int // entries with each reason; unspecified counts those without one
	IndirectEntries int                              // entries that name their own certificateIssuer (§5.3.3)
	UnnamedIssuers  int                              // of those, the ones that do not name one directoryName
	Odd             Oddities

	PEM    bool              // was wrapped in PEM
	SHA256 [sha256.Size]byte // of the DER
	Size   int64             // octets of the DER
}

// Extension is one extension as it stands in the CRL.
type Extension struct {
	OID      x509.OID
	Critical bool
	Value    []byte // content of extnValue
}

// IsDelta says whether the CRL lists changes to another one (RFC 5280 §5.2.4).
func (c *CRL) IsDelta() bool { return c.BaseNumber != "" }

// IsIndirect says whether the CRL lists, or may list, certificates of other issuers (RFC 5280 §5.2.5, §5.3.3).
func (c *CRL) IsIndirect() bool { return c.IndirectEntries > 0 || c.IDP != nil && c.IDP.Indirect }

// Issuer is the issuer's name for people. A name whose strings encoding/asn1 refuses is shown as an error.
func (c *CRL) Issuer() (pkix.Name, error) {
	var rdns pkix.RDNSequence
	if _, err := asn1.Unmarshal(c.RawIssuer, &rdns); err != nil {
		return pkix.Name{}, fmt.Errorf("reading the issuer's name: %w", err)
	}
	var name pkix.Name
	name.FillFromRDNSequence(&rdns)
	return name, nil
}

// SignatureAlgorithmName is the algorithm as OpenSSL writes it, dotted when unknown.
func (c *CRL) SignatureAlgorithmName() string { return c.Algorithm.Name }
