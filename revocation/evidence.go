package revocation

import "time"

// CRLFinding is what one verified complete CRL, and at most one delta CRL on top of it, say of a serial.
type CRLFinding struct {
	Info     *CRLInfo
	Delta    *CRLInfo // that applies to it, nil when there is none
	Listed   bool
	Entry    Entry    // when Listed, or Lifted
	ListedBy *CRLInfo // the delta that lists it; nil when Info does
	Lifted   bool     // Info lists it and Delta removes it: not listed while Delta counts

	// Covers is for which certificates, and reasons, silence says that they are not revoked. Zero: the CRL does not speak of this
	// certificate, and its silence says nothing.
	Covers Coverage
}

// lists says whether the finding revokes the serial at a moment. What a delta removed counts again when the delta lapsed and the
// complete CRL is what is left (RFC 5280 §5.2.4).
func (c *CRLFinding) lists(now time.Time) bool {
	return c.Listed || c.Lifted && c.window(now) == c.Info
}

// window is the time during which the silence of the finding counts: that of the delta while it lasts (RFC 5280 §5.2.4), or else
// that of the complete CRL, which its CA signed to hold without any delta.
func (c *CRLFinding) window(now time.Time) *CRLInfo {
	if d := c.Delta; d != nil && (now.Before(d.NextUpdate) || !now.Before(c.Info.NextUpdate)) {
		return d
	}
	return c.Info
}

// InventoryFinding is what the CA's list of issued serials says.
type InventoryFinding uint8

// The inventory is off, has the serial, does not have it, or cannot be read where the serial would be.
const (
	InventoryOff InventoryFinding = iota
	Issued
	NotIssued
	InventoryDamaged
)

// Or joins what two inventories say that are of one CA: what one of them has was issued, and where one is damaged it may have been.
func (f InventoryFinding) Or(g InventoryFinding) InventoryFinding {
	for _, first := range [...]InventoryFinding{Issued, InventoryDamaged, NotIssued} {
		if f == first || g == first {
			return first
		}
	}
	return InventoryOff
}

// UpstreamFinding is the latest verified OCSP response of the CA's own responder.
type UpstreamFinding struct {
	Status     Status
	Entry      Entry // when Status is Revoked
	ThisUpdate time.Time
	NextUpdate time.Time // never zero: RFC 9919 §5 asks for it
	URL        string
}

// Evidence is everything known of one serial of one issuer at one moment, and the issuer's settings the rule needs.
type Evidence struct {
	CRLs       []CRLFinding     // one for each scope held for the issuer
	MissingCRL int              // configured scopes for which no CRL is held
	Admin      *AdminRecord     // nil when there is none
	Inventory  InventoryFinding // of the serial
	Upstream   *UpstreamFinding // nil when there is none
	Kind       Kind             // what the certificate is, as far as it is known

	Administered bool          // the issuer has no CRL source: the API is its source of truth
	Fenced       bool          // this replica was cut off from its cluster for longer than allowed
	StaleGrace   time.Duration // how long past nextUpdate a CRL still says good
	MaxAge       time.Duration // how long after its thisUpdate a CRL without nextUpdate says good; zero: not at all
	ClockSkew    time.Duration // how far ahead of the clock a thisUpdate may be
	Generation   uint64
}

// Source is the kind of evidence an answer rests on.
type Source string

// The kinds of evidence.
const (
	SourceCRL       Source = "crl"
	SourceAdmin     Source = "admin"
	SourceInventory Source = "inventory"
	SourceUpstream  Source = "upstream"
)

// CertStatus is an answer: the status of one serial of one issuer, why, and on what evidence.
type CertStatus struct {
	Status  Status
	Because Because

	Reason         Reason    // when Revoked
	RevokedAt      time.Time // when Revoked
	InvalidityDate time.Time // zero when not stated

	// ThisUpdate and NextUpdate are the times of the evidence. Both are zero for an answer that rests on an administrator's
	// word, which is true at the moment it is given and until it changes.
	ThisUpdate time.Time
	NextUpdate time.Time
	Fresh      bool // the evidence is within its own time

	// ValidUntil is when the answer lapses unless newer evidence arrives: NextUpdate, plus the issuer's grace for good. Zero
	// when the evidence sets no end.
	ValidUntil time.Time

	Source     Source   // "" when there is no evidence
	CRL        *CRLInfo // the CRL the answer rests on, nil when it rests on none
	URL        string   // of the CRL or the upstream responder
	Generation uint64
}
