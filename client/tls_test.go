package client_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"testing"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// TestPolicyDecidesHandshakes is the table of the policy: what is known of a peer, and what becomes of its connection.
func TestPolicyDecidesHandshakes(t *testing.T) {
	policies := []struct {
		name   string
		policy revocation.Policy
	}{
		{"strict", revocation.Presets()["strict"]}, {"soft", revocation.Presets()["soft"]}, {"report", revocation.Presets()["report"]},
		{"off", revocation.Policy{Mode: revocation.Off}}, {"errors", revocation.Policy{Indeterminate: revocation.Fail}},
	}
	const allow, degraded, would, fails, deny = revocation.DecisionAllow, revocation.DecisionDegraded, revocation.DecisionWouldDeny,
		revocation.DecisionError, revocation.DecisionDeny
	table := []struct {
		fact string
		says says
		of   string // the common name of what it is said of; "": of the peer's own certificate
		want [5]revocation.Decision
	}{
		{"good", good, "", [5]revocation.Decision{allow, allow, allow, degraded, allow}},
		{"revoked", revokedNow, "", [5]revocation.Decision{deny, deny, would, degraded, deny}},
		{"its CA is revoked", revokedNow, "ca", [5]revocation.Decision{deny, allow, would, degraded, deny}},
		{"issuer not known", notConfigured, "", [5]revocation.Decision{deny, degraded, would, degraded, deny}},
		{"never issued", notIssued, "", [5]revocation.Decision{deny, degraded, would, degraded, deny}},
		{"stale", stale, "", [5]revocation.Decision{deny, degraded, would, degraded, fails}},
		{"nobody answers", unreachable, "", [5]revocation.Decision{deny, degraded, would, degraded, fails}},
	}
	m := newMTLS(t)
	for version, number := range versions {
		for i, p := range policies {
			for _, row := range table {
				for _, side := range []string{"server", "client"} {
					t.Run(fmt.Sprintf("%s/%s/%s/%s judges", version, p.name, row.fact, side), func(t *testing.T) {
						var told []client.Judgement
						g := m.guard(client.GuardOptions{Policy: p.policy, OnDecision: func(j client.Judgement) { told = append(told, j) }})
						server, clientSide, about := m.serverConfig(), m.clientConfig(), "client.test"
						server.MaxVersion = number
						if side == "server" {
							server = client.WrapServerTLS(server, g)
						} else {
							clientSide, about = client.WrapClientTLS(clientSide, g), "server.test"
						}
						if row.of != "" {
							about = row.of
						}
						m.known.says = map[string]says{about: row.says}
						h := connect(t, server, clientSide)
						wantHandshake(t, h, side, row.want[i])
						if g.Count(row.want[i]) != 1 || (g.Degraded() == 1) != (row.want[i] == degraded || row.want[i] == would) {
							t.Errorf("%d decisions %s and %d degraded were counted", g.Count(row.want[i]), row.want[i], g.Degraded())
						}
						if plain := row.want[i] == allow; plain != (len(told) == 0) {
							t.Errorf("the hook was told of %d decisions", len(told))
						} else if !plain && told[0].Decision != row.want[i] {
							t.Errorf("the hook was told %s", told[0].Decision)
						}
					})
				}
			}
		}
	}
}

// wantHandshake compares how a connection ended with a decision of one side.
func wantHandshake(t *testing.T, h handshake, side string, want revocation.Decision) {
	t.Helper()
	judge, other := h.server, h.client
	if side == "client" {
		judge, other = other, judge
	}
	if want.Allows() {
		if h.server != nil || h.client != nil {
			t.Errorf("server %v, client %v, want a connection", h.server, h.client)
		}
		return
	}
	denied, ok := errors.AsType[*client.Denied](judge)
	if !ok || denied.Decision != want {
		t.Errorf("the %s's error is %v, want a denial: %s", side, judge, want)
	}
	if other == nil && side == "server" {
		t.Error("the client learned nothing of its denial")
	}
}

func TestResumedSessionsAreJudged(t *testing.T) {
	for version, number := range versions {
		for _, side := range []string{"server", "client"} {
			t.Run(version+"/"+side+" judges", func(t *testing.T) {
				m := newMTLS(t)
				g := m.guard(client.GuardOptions{})
				server, clientSide, about := m.serverConfig(), m.clientConfig(), "client.test"
				server.MaxVersion = number
				clientSide.ClientSessionCache = tls.NewLRUClientSessionCache(4)
				var resumed bool // as the configuration's own VerifyConnection sees it, before the guard
				note := func(cs tls.ConnectionState) error { resumed = cs.DidResume; return nil }
				if side == "server" {
					server.VerifyConnection = note
					server = client.WrapServerTLS(server, g)
				} else {
					clientSide.VerifyConnection, about = note, "server.test"
					clientSide = client.WrapClientTLS(clientSide, g)
				}
				for _, again := range []bool{false, true} {
					h := connect(t, server, clientSide)
					if h.server != nil || h.client != nil || resumed != again {
						t.Fatalf("a good peer: %v, %v, resumed %v, want %v", h.server, h.client, resumed, again)
					}
				}
				m.known.set(about, revokedNow)
				h := connect(t, server, clientSide)
				wantHandshake(t, h, side, revocation.DecisionDeny)
				if !resumed {
					t.Error("the session was not resumed: the test shows nothing")
				}
			})
		}
	}
}

func TestOwnVerifyConnectionComesFirst(t *testing.T) {
	m := newMTLS(t)
	refuses := errors.New("not on a Sunday")
	server := m.serverConfig()
	server.VerifyConnection = func(tls.ConnectionState) error { return refuses }
	h := connect(t, client.WrapServerTLS(server, m.guard(client.GuardOptions{})), m.clientConfig())
	if !errors.Is(h.server, refuses) || m.known.questions("client.test") != 0 {
		t.Errorf("got %v, and %d questions to the checker", h.server, m.known.questions("client.test"))
	}
}

func TestConfigurationsForClientsAreGuardedOnce(t *testing.T) {
	m := newMTLS(t)
	m.known.set("client.test", revokedNow)
	g := m.guard(client.GuardOptions{Policy: revocation.Policy{Mode: revocation.Report}})
	strange := errors.New("no such name")
	own := m.serverConfig()
	own.ClientAuth = tls.NoClientCert // only what GetConfigForClient returns asks for certificates
	other := m.serverConfig()
	wrapped := client.WrapServerTLS(other, g)
	for _, row := range []struct {
		fact    string
		config  *tls.Config
		err     error
		decided uint64
	}{
		{"a plain one", other, nil, 1},
		{"one with the guard already", wrapped, nil, 1},
		{"none, so the outer one", nil, nil, 0},
		{"an error", nil, strange, 0},
	} {
		t.Run(row.fact, func(t *testing.T) {
			before := g.Degraded()
			own.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return row.config, row.err }
			h := connect(t, client.WrapServerTLS(own, g), m.clientConfig())
			if !errors.Is(h.server, row.err) {
				t.Errorf("got %v, want %v", h.server, row.err)
			}
			if n := g.Degraded() - before; n != row.decided {
				t.Errorf("the client was judged %d times, want %d", n, row.decided)
			}
		})
	}
}

func TestClientsWithoutAVerifiedCertificate(t *testing.T) {
	m := newMTLS(t)
	nobody := m.clientConfig()
	nobody.Certificates = nil
	self, err := pkitest.NewCA(pkitest.CAOptions{Name: "self"})
	if err != nil {
		t.Fatal(err)
	}
	stranger := m.clientConfig()
	stranger.Certificates = []tls.Certificate{{Certificate: [][]byte{self.Certificate.Raw}, PrivateKey: self.Key}}
	for _, row := range []struct {
		fact   string
		auth   tls.ClientAuthType
		client *tls.Config
		in     bool
	}{
		{"none asked for", tls.NoClientCert, m.clientConfig(), true},
		{"none given where none must be", tls.VerifyClientCertIfGiven, nobody, true},
		{"none given where one is asked for", tls.RequestClientCert, nobody, true},
		{"none given where one must be", tls.RequireAndVerifyClientCert, nobody, false},
		{"given and verified", tls.VerifyClientCertIfGiven, m.clientConfig(), true},
		{"given and not verified", tls.RequestClientCert, m.clientConfig(), false},
		{"a stranger's, not verified", tls.RequireAnyClientCert, stranger, false},
	} {
		t.Run(row.fact, func(t *testing.T) {
			server := m.serverConfig()
			server.ClientAuth = row.auth
			h := connect(t, client.WrapServerTLS(server, m.guard(client.GuardOptions{})), row.client)
			if (h.server == nil) != row.in {
				t.Errorf("got %v, want in: %v", h.server, row.in)
			}
		})
	}
	blind := m.clientConfig()
	blind.InsecureSkipVerify = true
	h := connect(t, m.serverConfig(), client.WrapClientTLS(blind, m.guard(client.GuardOptions{})))
	wantHandshake(t, h, "client", revocation.DecisionDeny)
}
