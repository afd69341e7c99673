package revocation

import (
	"errors"
	"fmt"
)

// States that callers in other packages tell apart. Each edge (OCSP, HTTP, command line) maps them once.
var (
	ErrMalformedSerial = errors.New("malformed serial number")
	ErrUnknownReason   = errors.New("unknown revocation reason")
	ErrUnknownIssuer   = errors.New("unknown issuer")
	ErrNoRecord        = errors.New("no administrative revocation of this serial")
	ErrNoRetained      = errors.New("the shrink guard keeps nothing of this CRL")
	ErrNoInventory     = errors.New("no inventory of the issuer was put")
	ErrLocked          = errors.New("data directory is in use")
	ErrNotDurable      = errors.New("change could not be made durable")
)

// Refusal is a rule that said no: which one, the section it comes from, and what was wrong.
type Refusal struct {
	Rule    string // short and stable, for metrics and logs: "signature", "rollback", "expired", …
	Section string // "RFC 5280 §6.3.3(g)"; empty when the rule is our own
	Detail  string // one sentence: what was wrong and, where it helps, what to do
}

// Error is the detail followed by the rule and its section.
func (r *Refusal) Error() string {
	if r.Section == "" {
		return fmt.Sprintf("%s [%s]", r.Detail, r.Rule)
	}
	return fmt.Sprintf("%s [%s, %s]", r.Detail, r.Rule, r.Section)
}

// Refuse makes a Refusal with a formatted detail.
func Refuse(rule, section, format string, args ...any) *Refusal {
	return &Refusal{Rule: rule, Section: section, Detail: fmt.Sprintf(format, args...)}
}

// RuleOf is the rule of the Refusal in err's chain, or fallback when there is none.
func RuleOf(err error, fallback string) string {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Rule
	}
	return fallback
}

// Conflict is the refusal of an administrative change that contradicts what stands.
type Conflict struct {
	Standing AdminRecord
	Detail   string
}

// Error says what stands and why the change was refused.
func (c *Conflict) Error() string { return c.Detail }
