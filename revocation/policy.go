package revocation

import "fmt"

// Policy is what a gateway is told: the status of a certificate is a fact, allowing it in is the deployment's choice.
type Policy struct {
	Mode          Mode
	Unknown       Choice // of an issuer or a serial that is not known here: Allow or Deny
	Indeterminate Choice // where nothing says whether it is revoked: Allow, Deny or Fail
	Depth         Depth
}

// Mode is whether answers are given by the policy. The zero value enforces it.
type Mode uint8

// The modes.
const (
	Enforce Mode = iota
	Report       // allow, and say what would have been denied
	Off          // allow without asking
)

// Choice is what becomes of a certificate that is not plainly good or revoked. The zero value denies it.
type Choice uint8

// The choices.
const (
	Deny Choice = iota
	Allow
	Fail // answer with an error, so that the gateway's own setting for failures decides
)

// Depth is which certificates of a chain are judged.
type Depth uint8

// The depths.
const (
	Chain Depth = iota // every certificate that is presented, and not only the first
	Leaf
)

// Presets are the policies with names. Strict is the zero Policy.
func Presets() map[string]Policy {
	return map[string]Policy{
		"strict": {},
		"soft":   {Unknown: Allow, Indeterminate: Allow, Depth: Leaf},
		"report": {Mode: Report},
	}
}

// String names the mode.
func (m Mode) String() string { return [...]string{"enforce", "report", "off"}[m] }

// String names the choice.
func (c Choice) String() string { return [...]string{"deny", "allow", "error"}[c] }

// String names the depth.
func (d Depth) String() string { return [...]string{"chain", "leaf"}[d] }

// Finding is what is known of a peer or of one of its certificates.
type Finding uint8

// The findings. The zero value is one that no policy but that of mode report or off allows.
const (
	FoundInvalid       Finding = iota // malformed, forged, expired, of somebody else
	FoundNothing                      // no certificate
	FoundRevoked                      // or on hold
	FoundUnknown                      // the issuer, or a serial that its CA did not issue
	FoundIndeterminate                // no CRL, a stale one, or a failure of ours
	FoundGood                         // by fresh evidence
)

// FindingOf is what a status means to a policy.
func FindingOf(st *CertStatus) Finding {
	switch {
	case st.Status == Good:
		return FoundGood
	case st.Status == Revoked:
		return FoundRevoked
	case st.Because == BecauseUnknownIssuer, st.Because == BecauseNotIssued:
		return FoundUnknown
	}
	return FoundIndeterminate
}

// Decision is the answer to a gateway, in the order from the mildest to the hardest.
type Decision uint8

// The decisions.
const (
	DecisionAllow     Decision = iota // plainly good
	DecisionDegraded                  // allowed by the policy though it is not plainly good
	DecisionWouldDeny                 // allowed because the policy only reports
	DecisionError                     // not decided, by policy
	DecisionAsk                       // there is no certificate
	DecisionDeny                      // revoked, invalid, or by the policy
)

// String is the decision as gateways are told.
func (d Decision) String() string {
	return [...]string{"allow", "allow-degraded", "would-deny", "error", "deny", "deny"}[d]
}

// Allows says whether the gateway may let the peer in.
func (d Decision) Allows() bool { return d <= DecisionWouldDeny }

// Decide is the policy's answer to a finding. Of several certificates the hardest answer counts.
func (p Policy) Decide(f Finding) Decision {
	if p.Mode == Off {
		return DecisionDegraded
	}
	d := p.enforce(f)
	if p.Mode == Report && !d.Allows() {
		return DecisionWouldDeny
	}
	return d
}

func (p Policy) enforce(f Finding) Decision {
	choice := Deny
	switch f {
	case FoundGood:
		return DecisionAllow
	case FoundNothing:
		return DecisionAsk
	case FoundUnknown:
		choice = p.Unknown
	case FoundIndeterminate:
		choice = p.Indeterminate
	}
	return [...]Decision{Deny: DecisionDeny, Allow: DecisionDegraded, Fail: DecisionError}[choice]
}

// Valid says what is wrong with a policy that somebody put together.
func (p Policy) Valid() error {
	if p.Unknown == Fail {
		return fmt.Errorf("unknown cannot be answered with an error: allow or deny it")
	}
	return nil
}
