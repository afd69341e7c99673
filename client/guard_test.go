package client_test

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

func TestGuardSaysWhichCertificateWhatAndWhy(t *testing.T) {
	m := newMTLS(t)
	for _, row := range []struct {
		fact  string
		about string // the common name of the certificate that says it
		says  says
		depth int
		text  []string
	}{
		{"a revoked leaf", "client.test", revokedNow, 0, []string{`"CN=client.test"`, "serial ", `issued by "CN=ca,O=veto"`, "revoked since 2026-11-01T10:00:00Z", "keyCompromise", "the test"}},
		{"a revoked CA", "ca", revokedNow, 1, []string{`"CN=ca,O=veto"`, "revoked since"}},
		{"an issuer that is not configured", "client.test", notConfigured, 0, []string{"client.test", "its issuer is not known"}},
		{"a serial that was not issued", "client.test", notIssued, 0, []string{"client.test", "did not issue"}},
		{"a stale CRL", "client.test", stale, 0, []string{"client.test", "because stale"}},
		{"nobody answers", "ca", unreachable, 1, []string{"CN=ca", "connection refused"}},
	} {
		t.Run(row.fact, func(t *testing.T) {
			m.known.says = map[string]says{row.about: row.says}
			err := m.guard(client.GuardOptions{}).Verify(t.Context(), m.chain(m.client))
			denied, ok := errors.AsType[*client.Denied](err)
			if !ok {
				t.Fatalf("got %v, want *Denied", err)
			}
			for _, want := range row.text {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if denied.Depth != row.depth || denied.Certificate().Subject.CommonName != row.about {
				t.Errorf("it is about certificate %d, %s, want %d, %s", denied.Depth, denied.Certificate().Subject, row.depth, row.about)
			}
			if row.says.err != nil && !errors.Is(err, row.says.err) {
				t.Errorf("%v does not wrap what the checker said", err)
			}
			if public := denied.Public(); public == "" || strings.Contains(public, "the test") || strings.Contains(public, "refused") {
				t.Errorf("the peer is told %q", public)
			}
		})
	}
}

func TestGuardJudgesAsDeepAsThePolicySays(t *testing.T) {
	m := newMTLS(t)
	stranger := newMTLS(t)
	for _, row := range []struct {
		fact   string
		says   map[string]says
		policy revocation.Policy
		chain  []*x509.Certificate
		want   revocation.Decision
	}{
		{"all are good", nil, revocation.Policy{}, m.chain(m.client), revocation.DecisionAllow},
		{"the CA is revoked", map[string]says{"ca": revokedNow}, revocation.Policy{}, m.chain(m.client), revocation.DecisionDeny},
		{"the CA is revoked, only the leaf counts", map[string]says{"ca": revokedNow}, revocation.Policy{Depth: revocation.Leaf}, m.chain(m.client), revocation.DecisionAllow},
		{"the root is not judged", map[string]says{"root": revokedNow}, revocation.Policy{}, m.chain(m.client), revocation.DecisionAllow},
		{"the hardest counts", map[string]says{"client.test": stale, "ca": revokedNow}, revocation.Policy{Indeterminate: revocation.Allow}, m.chain(m.client), revocation.DecisionDeny},
		{"an anchor alone", nil, revocation.Policy{}, []*x509.Certificate{m.root.Certificate}, revocation.DecisionAllow},
		{"a leaf without its issuer", nil, revocation.Policy{}, m.chain(m.client)[:1], revocation.DecisionDeny},
		{"no certificate", nil, revocation.Policy{}, nil, revocation.DecisionAsk},
		{"no certificate, and only reported", nil, revocation.Policy{Mode: revocation.Report}, nil, revocation.DecisionWouldDeny},
		{"a chain that is none", nil, revocation.Policy{}, append(m.chain(m.client)[:1:1], stranger.ca.Certificate), revocation.DecisionDeny},
	} {
		t.Run(row.fact, func(t *testing.T) {
			m.known.says = row.says
			var told []client.Judgement
			g := m.guard(client.GuardOptions{Policy: row.policy, OnDecision: func(j client.Judgement) { told = append(told, j) }})
			err := g.Verify(t.Context(), row.chain)
			if (err == nil) != row.want.Allows() || g.Count(row.want) != 1 {
				t.Errorf("got %v, want %s", err, row.want)
			}
			if quiet := row.want == revocation.DecisionAllow; quiet != (len(told) == 0) || !quiet && told[0].Decision != row.want {
				t.Errorf("the hook was told %v", told)
			}
		})
	}
}

func TestGuardExempts(t *testing.T) {
	m := newMTLS(t)
	exempt := m.issue(pkitest.LeafOptions{Name: "exempt", Extensions: noRevAvail})
	contradicts := m.issue(pkitest.LeafOptions{Name: "contradicts", OCSPServer: []string{"http://o.test"}, Extensions: noRevAvail})
	for _, row := range []struct {
		fact  string
		cert  *pkitest.Pair
		says  says
		brief time.Duration
		want  revocation.Finding
	}{
		{"noRevAvail", exempt, stale, 0, revocation.FoundGood},
		{"noRevAvail with nobody to ask", exempt, unreachable, 0, revocation.FoundGood},
		{"noRevAvail and revoked all the same", exempt, revokedNow, 0, revocation.FoundRevoked},
		{"noRevAvail that contradicts itself", contradicts, good, 0, revocation.FoundInvalid},
		{"short-lived", m.client, unreachable, 48 * time.Hour, revocation.FoundGood},
		{"not short-lived enough", m.client, unreachable, time.Hour, revocation.FoundIndeterminate},
		{"short-lived and revoked", m.client, revokedNow, 48 * time.Hour, revocation.FoundRevoked},
		{"short-lived and never issued", m.client, notIssued, 48 * time.Hour, revocation.FoundUnknown},
	} {
		t.Run(row.fact, func(t *testing.T) {
			m.known.says = map[string]says{row.cert.Certificate.Subject.CommonName: row.says}
			got := revocation.FoundGood
			g := m.guard(client.GuardOptions{ShortLived: row.brief, OnDecision: func(j client.Judgement) { got = j.Finding }})
			g.Verify(t.Context(), m.chain(row.cert))
			if got != row.want {
				t.Errorf("found %d, want %d", got, row.want)
			}
		})
	}
}

// deaf answers when its context ends.
type deaf struct{}

func (deaf) Check(ctx context.Context, _, _ *x509.Certificate) (client.Answer, error) {
	<-ctx.Done()
	return client.Answer{}, ctx.Err()
}

func TestGuardGivesUpAfterItsTimeout(t *testing.T) {
	m := newMTLS(t)
	bubble.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			policy revocation.Policy
			want   revocation.Decision
		}{
			{revocation.Policy{}, revocation.DecisionDeny},
			{revocation.Policy{Indeterminate: revocation.Allow}, revocation.DecisionDegraded},
			{revocation.Policy{Indeterminate: revocation.Fail}, revocation.DecisionError},
		} {
			begin := time.Now()
			g := m.guard(client.GuardOptions{Checker: deaf{}, Policy: row.policy, Timeout: 3 * time.Second})
			err := g.Verify(context.Background(), m.chain(m.client))
			if (err == nil) != row.want.Allows() || g.Count(row.want) != 1 {
				t.Errorf("got %v, want %s", err, row.want)
			}
			if waited := time.Since(begin); waited != 3*time.Second {
				t.Errorf("it waited for %s", waited)
			}
		}
	})
}

func TestGuardNeedsSomebodyToAsk(t *testing.T) {
	if _, err := client.NewGuard(client.GuardOptions{}); err == nil {
		t.Error("a guard without a Checker was made")
	}
	if _, err := client.NewGuard(client.GuardOptions{Checker: deaf{}, Policy: revocation.Policy{Unknown: revocation.Fail}}); err == nil {
		t.Error("a guard with a policy that is not valid was made")
	}
	if _, err := client.NewGuard(client.GuardOptions{Policy: revocation.Policy{Mode: revocation.Off}}); err != nil {
		t.Errorf("a guard that is off: %v", err)
	}
}
