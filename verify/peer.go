package verify

import (
	"crypto/x509"
	"time"

	"github.com/vetopki/veto/revocation"
)

// Role is which side of a TLS connection a certificate belongs to.
type Role uint8

// The roles. A client's certificate is judged by a server, and a server's by a client.
const (
	AnyRole Role = iota
	Client
	Server
)

// String names the role.
func (r Role) String() string { return [...]string{"any", "client", "server"}[r] }

// PeerOptions say what is expected of a peer.
type PeerOptions struct {
	Role      Role
	Roots     []*x509.Certificate // the trust anchors; their dates, names and constraints count (RFC 5280 §6.1, RFC 6818 §4)
	Untrusted []*x509.Certificate // intermediates besides those that were presented

	Expected []Identity // of each kind that is asked for, one must be the peer's
	Allowed  []Identity // one of all must be the peer's; empty: no matter

	// Revocation says of the certificates of a path, from the first on and without the anchor at its end, whether they are revoked.
	// It may leave out those at the end of its list. nil: it is not asked for. [Revocation] is one, and a server's store another.
	Revocation func(path []*x509.Certificate) []CertRevocation
	Staple     []byte        // an OCSP response that came with the certificate, DER; nil: none did
	ShortLived time.Duration // no revocation is asked for of certificates that are valid no longer than this; zero: of all
	ClockSkew  time.Duration // of the OCSP response, as in OCSPOptions
}

// Verdict is what becomes of a peer.
type Verdict string

// The verdicts. What is invalid now may be valid later: not yet valid, on hold, or with revocation data that is not to be had
// (RFC 5055 §3.2.4).
const (
	Valid      Verdict = "valid"
	Invalid    Verdict = "invalid"
	InvalidNow Verdict = "invalid_now"
)

// The five checks, in the order of PeerReport.Checks.
const (
	CheckValidity = iota
	CheckTrust
	CheckIntegrity
	CheckIdentity
	CheckRevocation
)

var checkNames = [5]string{"validity", "trust", "integrity", "identity", "revocation"}

// Outcome is how a check ended.
type Outcome string

// The outcomes.
const (
	Pass    Outcome = "pass"
	Fail    Outcome = "fail"
	Skipped Outcome = "skipped"
)

// Check is one of the five.
type Check struct {
	Name    string
	Outcome Outcome
	Detail  string  // one sentence: what was found, or why nothing was looked for
	Section string  // of the standard; of the first fault, when there are any
	Faults  []Fault // when Fail: all of them
}

// Fault is one reason why a check failed.
type Fault struct {
	Certificate  *x509.Certificate // nil: none in particular
	Err          *revocation.Refusal
	Later        bool // may be gone later
	Undetermined bool // it is not known to be wrong, but not known to be right either
}

// PeerReport is what Peer found.
type PeerReport struct {
	Verdict Verdict
	Checks  [5]Check

	// Path is what the checks are about: the path that was found or, without a valid one, what comes nearest. It begins with the
	// peer's certificate, and ends with a trust anchor when it is Anchored.
	Path        []*x509.Certificate
	Anchored    bool
	Revocations []CertRevocation // of the first certificates of Path
	Paths       int              // how many valid ones there are
}

// Undetermined says that nothing is wrong but that revocation could not be determined.
func (r *PeerReport) Undetermined() bool {
	if r.Verdict != InvalidNow {
		return false
	}
	for i := range r.Checks {
		for _, f := range r.Checks[i].Faults {
			if !f.Undetermined {
				return false
			}
		}
	}
	return true
}

// Peer judges a peer by the certificates it presented, its own first: the five checks of mutual TLS. Each is evaluated as far as it can be
// whatever the others say, so that all that is wrong shows at once.
//
// Whether there is a valid path is crypto/x509's word. Where it has none, the other questions are about the path that comes nearest,
// and explain; they never overrule.
func Peer(chain []*x509.Certificate, at time.Time, o PeerOptions) *PeerReport {
	p := &peer{leaf: chain[0], at: at, o: o, pool: append(append([]*x509.Certificate(nil), chain[1:]...), o.Untrusted...)}
	r := &PeerReport{}
	found := p.find()
	r.Path, r.Anchored, r.Revocations = p.choose(found)
	if found.err == nil {
		r.Paths = len(found.paths)
	}
	forged := p.integrity(&r.Checks[CheckIntegrity], r)
	p.validity(&r.Checks[CheckValidity], r.Path)
	p.trust(&r.Checks[CheckTrust], r, found)
	p.identity(&r.Checks[CheckIdentity])
	p.revocation(&r.Checks[CheckRevocation], r, forged)
	p.admit(r, found)
	r.Verdict = Valid
	for i := range r.Checks {
		r.Checks[i].Name = checkNames[i]
		for _, f := range r.Checks[i].Faults {
			switch {
			case !f.Later:
				r.Verdict = Invalid
			case r.Verdict == Valid:
				r.Verdict = InvalidNow
			}
		}
	}
	return r
}

// Unreadable is the report of a peer whose certificate cannot be read.
func Unreadable(err error) *PeerReport {
	r := &PeerReport{Verdict: Invalid}
	for i := range r.Checks {
		r.Checks[i].Name = checkNames[i]
		r.Checks[i].skip("the certificate cannot be read")
	}
	r.Checks[CheckIntegrity].fail(wrong(nil, "malformed", "RFC 5280 §4.1", "the certificate cannot be read: %v", err))
	return r
}

// peer is one question.
type peer struct {
	leaf *x509.Certificate
	pool []*x509.Certificate // where the path is looked for
	at   time.Time
	o    PeerOptions
}

// admit sees that a peer without a valid path is not valid, also when none of the checks can say why.
func (p *peer) admit(r *PeerReport, found *foundPaths) {
	if found.err == nil {
		return
	}
	for _, i := range [...]int{CheckValidity, CheckTrust, CheckIntegrity} {
		if r.Checks[i].Outcome == Fail {
			return
		}
	}
	r.Checks[CheckTrust].fail(Fault{Certificate: p.leaf, Err: pathRefusal(found.err)})
}

// pass and fail book what a check found. A fault goes before everything else.
func (c *Check) pass(section, detail string) {
	if len(c.Faults) == 0 {
		c.Outcome, c.Section, c.Detail = Pass, section, detail
	}
}

func (c *Check) skip(detail string) {
	if len(c.Faults) == 0 {
		c.Outcome, c.Detail = Skipped, detail
	}
}

func (c *Check) fail(faults ...Fault) {
	for _, f := range faults {
		if len(c.Faults) == 0 {
			c.Outcome, c.Section, c.Detail = Fail, f.Err.Section, f.Err.Detail
		} else {
			c.Detail += "; " + f.Err.Detail
		}
		c.Faults = append(c.Faults, f)
	}
}

// wrong makes a fault that will not go away.
func wrong(c *x509.Certificate, rule, section, format string, args ...any) Fault {
	return Fault{Certificate: c, Err: revocation.Refuse(rule, section, format, args...)}
}

// later makes a fault that may be gone later.
func later(c *x509.Certificate, rule, section, format string, args ...any) Fault {
	return Fault{Certificate: c, Err: revocation.Refuse(rule, section, format, args...), Later: true}
}

// subjectName names a certificate for people.
func subjectName(c *x509.Certificate) string {
	if name := c.Subject.String(); name != "" {
		return name
	}
	if serial, err := revocation.SerialFromBig(c.SerialNumber); err == nil {
		return "the certificate with serial " + serial.String()
	}
	return "the certificate without a name"
}
