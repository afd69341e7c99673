package revocation

import "fmt"

// Status is what can be said of a certificate (RFC 6960 §2.2). The zero value is Unknown: good is never the default.
type Status uint8

// The three statuses.
const (
	Unknown Status = iota
	Good
	Revoked
)

var statusNames = [...]string{"unknown", "good", "revoked"}

// String is the name used in JSON: good, revoked or unknown.
func (s Status) String() string { return statusNames[s] }

// Because says which part of the rule gave a status; see [Decide].
type Because string

// Every reason for a status.
const (
	BecauseNotListed     Because = "not_listed"     // good: fresh evidence in scope does not list the serial
	BecauseCRL           Because = "crl"            // revoked: a verified CRL lists it
	BecauseAdmin         Because = "admin"          // revoked: an administrator said so
	BecauseRetained      Because = "retained"       // revoked: a newer CRL dropped it and the shrink guard kept it
	BecauseUpstream      Because = "upstream"       // good or revoked: the CA's own OCSP responder said so
	BecauseUnknownIssuer Because = "unknown_issuer" // unknown: the issuer is not configured here
	BecauseNotIssued     Because = "not_issued"     // unknown: the CA's inventory does not have the serial
	BecauseNoCRL         Because = "no_crl"         // unknown: a CRL was never fetched
	BecauseStale         Because = "stale"          // unknown: past nextUpdate and grace
	BecauseNotYetValid   Because = "not_yet_valid"  // unknown: thisUpdate is ahead of the clock
	BecauseOutOfScope    Because = "out_of_scope"   // unknown: the CRLs held do not cover this certificate
	BecauseFenced        Because = "fenced"         // unknown: this replica was cut off for too long
)

// Reason is a revocation reason with the number RFC 5280 §5.3.1 gives it.
type Reason uint8

// The reasons of RFC 5280 §5.3.1; 7 is not used.
const (
	Unspecified          Reason = 0
	KeyCompromise        Reason = 1
	CACompromise         Reason = 2
	AffiliationChanged   Reason = 3
	Superseded           Reason = 4
	CessationOfOperation Reason = 5
	CertificateHold      Reason = 6
	RemoveFromCRL        Reason = 8
	PrivilegeWithdrawn   Reason = 9
	AACompromise         Reason = 10
)

var reasonNames = [...]string{
	Unspecified: "unspecified", KeyCompromise: "keyCompromise", CACompromise: "cACompromise",
	AffiliationChanged: "affiliationChanged", Superseded: "superseded", CessationOfOperation: "cessationOfOperation",
	CertificateHold: "certificateHold", 7: "", RemoveFromCRL: "removeFromCRL",
	PrivilegeWithdrawn: "privilegeWithdrawn", AACompromise: "aACompromise",
}

// Valid says whether RFC 5280 §5.3.1 defines the reason.
func (r Reason) Valid() bool { return int(r) < len(reasonNames) && reasonNames[r] != "" }

// String is the RFC's name, or "reason(n)" for a number the RFC does not define.
func (r Reason) String() string {
	if !r.Valid() {
		return fmt.Sprintf("reason(%d)", uint8(r))
	}
	return reasonNames[r]
}

// ParseReason reads an RFC 5280 reason name; the empty name is unspecified.
func ParseReason(name string) (Reason, error) {
	if name == "" {
		return Unspecified, nil
	}
	for r, n := range reasonNames {
		if n == name {
			return Reason(r), nil
		}
	}
	return 0, fmt.Errorf("%w %q: use one of unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, "+
		"cessationOfOperation, certificateHold, privilegeWithdrawn, aACompromise", ErrUnknownReason, name)
}

// strength orders reasons for the rule "the strongest source names the reason": keyCompromise beats all, a permanent
// reason beats a hold.
func (r Reason) strength() int {
	switch r {
	case KeyCompromise:
		return 3
	case CertificateHold, RemoveFromCRL:
		return 1
	default:
		return 2
	}
}
