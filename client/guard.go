package client

import (
	"context"
	"crypto/x509"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/revocation"
)

// GuardOptions say how a Guard judges.
type GuardOptions struct {
	Checker Checker           // who is asked
	Policy  revocation.Policy // what becomes of the answers; the zero value is strict
	Timeout time.Duration     // of judging one peer; 5 s when zero. What is not known by then is indeterminate

	// ShortLived exempts certificates that are valid no longer than this when nothing is known of them; zero: none.
	ShortLived time.Duration

	// Checks have the guard make all five checks of mutual TLS in handshakes; nil: that of revocation, for the chains that crypto/tls
	// verified. With Checks, a peer that crypto/tls was told not to verify is judged too.
	Checks *Checks

	// OnDecision is told of every decision but a plain allow: denials, and what the policy let in all the same. It is called before
	// the decision takes effect, by the goroutine of the connection, and from several at once.
	OnDecision func(Judgement)
}

// Guard turns what a Checker knows into allow or deny, by a policy. It is safe for concurrent use.
type Guard struct {
	o       GuardOptions
	counts  [revocation.DecisionDeny + 1]atomic.Uint64
	wrapped configSet // the TLS configurations that have this guard already
	now     func() time.Time
}

// NewGuard makes a Guard.
func NewGuard(o GuardOptions) (*Guard, error) {
	if o.Checker == nil && o.Policy.Mode != revocation.Off {
		return nil, fmt.Errorf("a guard needs a Checker: there is nobody to ask")
	}
	if err := o.Policy.Valid(); err != nil {
		return nil, err
	}
	if o.Checks != nil && len(o.Checks.Roots) == 0 {
		return nil, errNoRoots
	}
	o.Timeout = timeoutOr(o.Timeout)
	return &Guard{o: o, now: time.Now}, nil
}

// Verify judges a verified chain: the peer's certificate first, each followed by its issuer's, the trust anchor last. It is nil when
// the policy lets the peer in, and else a *Denied. The anchor itself is not judged: nobody could revoke it but itself.
func (g *Guard) Verify(ctx context.Context, chain []*x509.Certificate) error {
	var chains [][]*x509.Certificate
	if len(chain) > 0 {
		chains = append(chains, chain)
	}
	return g.decide(g.judge(ctx, peer{chains: chains}, g.o.Policy))
}

// Count is how many decisions of one kind were made.
func (g *Guard) Count(d revocation.Decision) uint64 { return g.counts[d].Load() }

// Degraded is how often a peer was let in that is not plainly good: by the policy, because it only reports, or because it is off.
func (g *Guard) Degraded() uint64 {
	return g.Count(revocation.DecisionDegraded) + g.Count(revocation.DecisionWouldDeny)
}

// decide counts a judgement, reports it, and makes it the error of a denial.
func (g *Guard) decide(j Judgement) error {
	g.counts[j.Decision].Add(1)
	if j.Decision != revocation.DecisionAllow && g.o.OnDecision != nil {
		g.o.OnDecision(j)
	}
	if j.Decision.Allows() {
		return nil
	}
	return &Denied{j}
}
