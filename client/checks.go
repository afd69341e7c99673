package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// Checks are what a Guard needs to make all five checks of mutual TLS in the handshake (see verify.Peer), and not that of revocation alone. The
// first four deny whatever the policy says of revocation.
type Checks struct {
	Roots     []*x509.Certificate // the trust anchors
	Untrusted []*x509.Certificate // intermediates besides those that the peer presents
	Expected  []verify.Identity   // of each kind, one must be the peer's. A server's, when empty: the name that the client connects to
	Allowed   []verify.Identity   // one of these must be the peer's; empty: no matter
}

// fiveChecks judge a peer in a handshake. A response that the server stapled counts too.
func (g *Guard) fiveChecks(ctx context.Context, cs tls.ConnectionState, role verify.Role, policy revocation.Policy) Judgement {
	ctx, cancel := context.WithTimeout(ctx, g.o.Timeout)
	defer cancel()
	asked := map[*x509.Certificate]found{}
	o := verify.PeerOptions{Role: role, Roots: g.o.Checks.Roots, Untrusted: g.o.Checks.Untrusted, Allowed: g.o.Checks.Allowed, Expected: g.o.Checks.Expected,
		Revocation: func(path []*x509.Certificate) []verify.CertRevocation { return g.revocations(ctx, path, policy, asked) }}
	if role == verify.Server {
		if len(cs.OCSPResponse) > 0 {
			o.Staple = cs.OCSPResponse
		}
		if len(o.Expected) == 0 && cs.ServerName != "" {
			name, err := serverIdentity(cs.ServerName)
			if err != nil {
				return Judgement{Decision: policy.Decide(revocation.FoundInvalid), Chain: cs.PeerCertificates, Err: err}
			}
			o.Expected = []verify.Identity{name}
		}
	}
	report := verify.Peer(cs.PeerCertificates, g.now(), o)
	for _, check := range report.Checks[:verify.CheckRevocation] {
		if check.Outcome == verify.Fail {
			return Judgement{Decision: policy.Decide(revocation.FoundInvalid), Chain: report.Path, Err: faults{report}, Report: report}
		}
	}
	return weighRevocations(report, policy, asked)
}

// serverIdentity is the name that a client connects to.
func serverIdentity(name string) (verify.Identity, error) {
	if net.ParseIP(name) != nil {
		return verify.NewIdentity(verify.IdentityIP, name)
	}
	return verify.NewIdentity(verify.IdentityDNS, name)
}

// revocations asks for a path, and remembers what each finding was.
func (g *Guard) revocations(ctx context.Context, path []*x509.Certificate, policy revocation.Policy, asked map[*x509.Certificate]found) []verify.CertRevocation {
	judged := judgedOf(path, policy.Depth)
	results := make([]verify.CertRevocation, len(judged))
	for i, f := range g.ask(ctx, judged, path) {
		asked[judged[i]] = f
		results[i] = f.result(judged[i])
	}
	return results
}

// result is a finding in the words of verify.
func (f *found) result(c *x509.Certificate) verify.CertRevocation {
	r := verify.CertRevocation{Certificate: c, Exempt: f.exempt}
	switch f.finding {
	case revocation.FoundGood:
		r.Status = revocation.Good
	case revocation.FoundRevoked:
		r.Status, r.Entry = revocation.Revoked, revocation.Entry{RevokedAt: f.answer.RevokedAt, Reason: f.answer.Reason}
	case revocation.FoundInvalid:
		r.Invalid = f.err
	default:
		r.Detail = describe(&f.answer)
		if f.err != nil {
			r.Detail = f.err.Error()
		}
	}
	return r
}

// weighRevocations decides about a peer that is in order but for revocation. The hardest decision counts.
func weighRevocations(report *verify.PeerReport, policy revocation.Policy, asked map[*x509.Certificate]found) Judgement {
	hardest := Judgement{Decision: policy.Decide(revocation.FoundGood), Finding: revocation.FoundGood, Chain: report.Path, Report: report}
	weigh := func(depth int, f found) {
		if d := policy.Decide(f.finding); d > hardest.Decision {
			hardest.Decision, hardest.Finding, hardest.Depth, hardest.Answer, hardest.Err = d, f.finding, depth, f.answer, f.err
		}
	}
	for i := range report.Revocations {
		r := &report.Revocations[i]
		f := asked[r.Certificate]
		switch {
		case r.Status == revocation.Good: // by a stapled response too
			f = found{finding: revocation.FoundGood, answer: f.answer}
		case r.Status == revocation.Revoked && f.finding != revocation.FoundRevoked:
			f = found{finding: revocation.FoundRevoked, answer: Answer{Status: revocation.Revoked, Because: revocation.BecauseUpstream,
				Reason: r.Entry.Reason, RevokedAt: r.Entry.RevokedAt, From: "the stapled OCSP response"}}
		}
		weigh(i, f)
	}
	for _, fault := range report.Checks[verify.CheckRevocation].Faults {
		if fault.Err.Rule == "must-staple" {
			weigh(0, found{finding: revocation.FoundIndeterminate, err: fault.Err})
		}
	}
	return hardest
}

// faults are all that the checks found wrong, as one error.
type faults struct{ report *verify.PeerReport }

// Error names each check that failed, and why.
func (f faults) Error() string {
	var failed []string
	for _, check := range f.report.Checks {
		if check.Outcome == verify.Fail {
			failed = append(failed, check.Name+": "+check.Detail)
		}
	}
	return strings.Join(failed, "; ")
}

// Unwrap is every fault.
func (f faults) Unwrap() []error {
	var all []error
	for _, check := range f.report.Checks {
		for _, fault := range check.Faults {
			all = append(all, fault.Err)
		}
	}
	return all
}

var errNoRoots = errors.New("the five checks need trust anchors: Checks.Roots is empty")
