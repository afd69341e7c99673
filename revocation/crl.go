package revocation

import (
	"bytes"
	"fmt"
	"math/big"
	"time"
)

// CRLNumber is a CRL number (RFC 5280 §5.2.3): the magnitude, big endian, without leading zeros. "" means the CRL has none;
// zero is "\x00".
type CRLNumber string

// MaxCRLNumberOctets is the longest CRL number RFC 5280 §5.2.3 allows.
const MaxCRLNumberOctets = 20

// CRLNumberFromDER reads the content octets of the DER INTEGER of a CRL number. Negative, non-minimal and over-long numbers
// are refused.
func CRLNumberFromDER(content []byte) (CRLNumber, error) {
	if err := CheckSerialDER(content); err != nil {
		return "", fmt.Errorf("CRL number is not a minimal INTEGER (RFC 5280 §5.2.3)")
	}
	if content[0] >= 0x80 {
		return "", fmt.Errorf("CRL number is negative (RFC 5280 §5.2.3)")
	}
	if len(content) > 1 && content[0] == 0 {
		content = content[1:]
	}
	if len(content) > MaxCRLNumberOctets {
		return "", fmt.Errorf("CRL number has %d octets, at most %d are allowed (RFC 5280 §5.2.3)", len(content), MaxCRLNumberOctets)
	}
	return CRLNumber(content), nil
}

// Compare orders two present numbers: -1, 0 or +1.
func (n CRLNumber) Compare(m CRLNumber) int {
	if len(n) != len(m) {
		if len(n) < len(m) {
			return -1
		}
		return 1
	}
	return bytes.Compare([]byte(n), []byte(m))
}

// String is the number in decimal, "" when absent.
func (n CRLNumber) String() string {
	if n == "" {
		return ""
	}
	return new(big.Int).SetBytes([]byte(n)).String()
}

// CRLInfo describes one verified CRL. It is immutable once made.
type CRLInfo struct {
	Issuer     IssuerID
	Scope      ScopeID
	URL        string    // where it came from, as configured
	Number     CRLNumber // "" when the CRL has none (version 1)
	BaseNumber CRLNumber // of a delta CRL: it lists what changed since the complete CRL of this number; "" in a complete one (RFC 5280 §5.2.4)
	ThisUpdate time.Time
	NextUpdate time.Time // zero when the CRL has none
	SHA256     [32]byte  // of the signed CRL, DER
	Size       int64     // octets of the signed CRL, DER
	Entries    int       // in the signed CRL, those of other issuers included
	Retained   int       // serials kept by the shrink guard, which the CRL does not list

	// What the CRL speaks of.
	CRLIssuer      []byte     // DER of the CRL issuer's Name
	AuthorityKeyID []byte     // nil when absent (RFC 5280 §5.2.1)
	IDP            []byte     // DER of its issuing distribution point, nil when it has none (RFC 5280 §5.2.5)
	OnlyKind       Kind       // the only kind of certificate it lists; AnyKind when it lists all
	OnlyReasons    ReasonMask // the only reasons it lists; zero when it lists all

	DistributionPoints []string // URIs of its issuing distribution point, none when it has none
	FreshestCRL        []string // URIs of its delta CRLs, none when it names none (RFC 5280 §5.2.6)
}

// IsDelta says whether the CRL lists changes to another one (RFC 5280 §5.2.4).
func (c *CRLInfo) IsDelta() bool { return c.BaseNumber != "" }

// Coverage is what the CRL speaks of, for certificates whose distribution points it may be for.
func (c *CRLInfo) Coverage() Coverage {
	var v Coverage
	if c.OnlyKind == AnyKind || c.OnlyKind == EndEntity {
		v.EndEntity = c.OnlyReasons.OrAll()
	}
	if c.OnlyKind == AnyKind || c.OnlyKind == CACertificate {
		v.CA = c.OnlyReasons.OrAll()
	}
	return v
}

// Lapses is when the CRL's silence stops to count: at its nextUpdate or, without one, maxAge after its thisUpdate; zero when nothing
// says how long it holds (RFC 5280 §5.1.2.5).
func (c *CRLInfo) Lapses(maxAge time.Duration) time.Time {
	if c.NextUpdate.IsZero() && maxAge > 0 {
		return c.ThisUpdate.Add(maxAge)
	}
	return c.NextUpdate
}

// Record is one CRL entry in transit from a decoder to a store. Serial is only valid during the call that passes it.
type Record struct {
	Serial         []byte // content octets of the INTEGER, minimal
	RevokedAt      int64  // Unix seconds
	InvalidityDate int64  // Unix seconds, when HasInvalidity
	HasInvalidity  bool
	Reason         Reason // unspecified when the entry has none

	// CertificateIssuer is the DER of the Name of whose certificate this is: what the entry, or the last one before it that
	// did, names as its certificateIssuer (RFC 5280 §5.3.3). nil means the CRL's own issuer. Unlike Serial it stays valid.
	CertificateIssuer []byte
}

// Entry is what a CRL or an administrator says of one revoked serial.
type Entry struct {
	RevokedAt      time.Time
	InvalidityDate time.Time // zero when not stated
	Reason         Reason
	Retained       bool // dropped by a newer CRL and kept by the shrink guard
}
