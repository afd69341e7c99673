package client

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"sync"
	"time"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// peer is who is to be judged.
type peer struct {
	chains [][]*x509.Certificate // verified ones, any of which will do
	again  bool                  // they were verified some time ago
}

// judge finds out what becomes of a peer. Of several chains the best counts: one valid path is enough (RFC 5280 §6.1).
func (g *Guard) judge(ctx context.Context, p peer, policy revocation.Policy) Judgement {
	if policy.Mode == revocation.Off {
		j := Judgement{Decision: policy.Decide(revocation.FoundIndeterminate), Finding: revocation.FoundIndeterminate, Err: errOff}
		if len(p.chains) > 0 {
			j.Chain = p.chains[0]
		}
		return j
	}
	ctx, cancel := context.WithTimeout(ctx, g.o.Timeout)
	defer cancel()
	best := Judgement{Decision: policy.Decide(revocation.FoundNothing), Finding: revocation.FoundNothing}
	for i, chain := range p.chains {
		j := g.judgeChain(ctx, chain, p.again, policy)
		if j.Finding == revocation.FoundRevoked && j.Depth == 0 {
			return j // whichever path: the peer's own certificate is revoked
		}
		if i == 0 || j.Decision < best.Decision {
			best = j
		}
		if best.Decision == revocation.DecisionAllow {
			break
		}
	}
	return best
}

var (
	errOff      = errors.New("the policy's mode is off: nobody was asked")
	errNoIssuer = errors.New("its issuer's certificate is not in the chain")
)

// judgeChain judges the certificates of a chain, as deep as the policy says. The hardest decision counts; of equal ones, that of the
// certificate nearest to the peer.
func (g *Guard) judgeChain(ctx context.Context, chain []*x509.Certificate, again bool, policy revocation.Policy) Judgement {
	hardest := Judgement{Decision: revocation.DecisionAllow, Finding: revocation.FoundGood, Chain: chain}
	weigh := func(depth int, f found) {
		if d := policy.Decide(f.finding); depth == 0 || d > hardest.Decision {
			hardest = Judgement{Decision: d, Finding: f.finding, Chain: chain, Depth: depth, Answer: f.answer, Err: f.err}
		}
	}
	if again {
		if i, err := g.outOfTime(chain); err != nil {
			return Judgement{Decision: policy.Decide(revocation.FoundInvalid), Finding: revocation.FoundInvalid, Chain: chain, Depth: i, Err: err}
		}
	}
	if len(chain) == 1 && !selfSigned(chain[0]) {
		weigh(0, found{finding: revocation.FoundIndeterminate, err: errNoIssuer})
		return hardest
	}
	for i, f := range g.ask(ctx, judgedOf(chain, policy.Depth), chain) {
		weigh(i, f)
	}
	return hardest
}

// judgedOf are the certificates of a path that are judged: those below the anchor, or the peer's alone.
func judgedOf(path []*x509.Certificate, depth revocation.Depth) []*x509.Certificate {
	judged := path[:max(len(path)-1, 0)]
	if depth == revocation.Leaf && len(judged) > 1 {
		judged = judged[:1]
	}
	return judged
}

// outOfTime finds a certificate whose time is over.
func (g *Guard) outOfTime(chain []*x509.Certificate) (int, error) {
	now := g.now()
	for i, c := range chain {
		if now.After(c.NotAfter) {
			return i, revocation.Refuse("expired", "RFC 5280 §6.1.3(a)(2)", "it expired at %s", c.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	return 0, nil
}

// selfSigned says whether a certificate is its own issuer's, as a root is.
func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// found is what is known of one certificate.
type found struct {
	finding revocation.Finding
	answer  Answer
	err     error
	exempt  string // why it is good whatever the answer is; "" when it is not exempt
}

// ask finds out about the first certificates of a chain, all at once, so that a Checker may put the questions together.
func (g *Guard) ask(ctx context.Context, judged, chain []*x509.Certificate) []found {
	list := make([]found, len(judged))
	var others sync.WaitGroup
	for i := 1; i < len(judged); i++ {
		others.Go(func() { list[i] = g.about(ctx, chain[i], chain[i+1]) })
	}
	if len(judged) > 0 {
		list[0] = g.about(ctx, chain[0], chain[1])
	}
	others.Wait()
	return list
}

// about finds out about one certificate. A revocation goes before everything else that can be said.
func (g *Guard) about(ctx context.Context, c, issuer *x509.Certificate) found {
	a, err := g.o.Checker.Check(ctx, c, issuer)
	if err == nil && a.Status == revocation.Revoked {
		return found{finding: revocation.FoundRevoked, answer: a}
	}
	if exempt, contradiction := verify.Exemption(c); contradiction != nil {
		return found{finding: revocation.FoundInvalid, answer: a, err: contradiction}
	} else if exempt != "" {
		return found{finding: revocation.FoundGood, answer: a, exempt: exempt}
	}
	f := found{finding: findingOf(&a), answer: a}
	if err != nil {
		f = found{finding: revocation.FoundIndeterminate, err: err}
	}
	life := c.NotAfter.Sub(c.NotBefore)
	if f.finding != revocation.FoundGood && a.Because != revocation.BecauseNotIssued && life <= g.o.ShortLived {
		f = found{finding: revocation.FoundGood, answer: a, exempt: "it lives for " + life.String() + " only"}
	}
	return f
}

// findingOf is what an answer means to a policy. An OCSP responder that says unknown does not know the certificate (RFC 6960 §2.2).
func findingOf(a *Answer) revocation.Finding {
	if a.Status == revocation.Unknown && a.Because == revocation.BecauseUpstream {
		return revocation.FoundUnknown
	}
	return revocation.FindingOf(&revocation.CertStatus{Status: a.Status, Because: a.Because})
}
