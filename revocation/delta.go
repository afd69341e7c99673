package revocation

import "bytes"

// DeltaFit says how a delta CRL goes with the complete CRL held.
type DeltaFit uint8

// How a delta CRL goes with a complete one.
const (
	DeltaApplies  DeltaFit = iota // it is put on top of the complete CRL
	DeltaObsolete                 // the complete CRL is as new, or newer: it holds everything the delta says
	DeltaAhead                    // it lists changes to a newer complete CRL than the one held
	DeltaApart                    // it is of another scope or another key, or one of the two has no number
)

// FitOf is the rule of RFC 5280 §5.2.4 (a) to (d) and §6.3.3 (c).
func FitOf(complete, delta *CRLInfo) DeltaFit {
	switch {
	case !bytes.Equal(complete.CRLIssuer, delta.CRLIssuer), !bytes.Equal(complete.IDP, delta.IDP),
		!bytes.Equal(complete.AuthorityKeyID, delta.AuthorityKeyID), complete.Number == "", delta.Number == "":
		return DeltaApart
	case complete.Number.Compare(delta.Number) >= 0:
		return DeltaObsolete
	case complete.Number.Compare(delta.BaseNumber) < 0:
		return DeltaAhead
	}
	return DeltaApplies
}

// DeltaFinding is what a delta CRL says of a serial.
type DeltaFinding struct {
	Info   *CRLInfo
	Listed bool
	Entry  Entry // when Listed; removeFromCRL says that the complete CRL's entry no longer counts
}

// Apply puts a delta on top of what the complete CRL says (RFC 5280 §6.3.3 (i), (j)). A delta that does not apply lifts nothing
// and makes nothing good; what it lists counts all the same, because it is verified, and a revocation the CA signed stands.
func (c *CRLFinding) Apply(d *DeltaFinding) {
	fit := FitOf(c.Info, d.Info)
	if fit == DeltaObsolete {
		return
	}
	if fit == DeltaApplies {
		c.Delta = d.Info
	}
	removal := d.Listed && d.Entry.Reason == RemoveFromCRL
	switch {
	case removal && fit == DeltaApplies:
		c.Lifted, c.Listed = c.Listed, false
	case !d.Listed, removal, c.Listed && fit != DeltaApplies:
	default:
		c.Listed, c.Entry, c.ListedBy = true, d.Entry, d.Info
	}
}
