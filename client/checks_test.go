package client_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// TestEachOfTheFiveChecksDenies lets each check fail alone, on both sides, with crypto/tls told not to verify, so that what is shown is the
// guard's word.
func TestEachOfTheFiveChecksDenies(t *testing.T) {
	m := newMTLS(t)
	elsewhere, err := pkitest.NewCA(pkitest.CAOptions{Name: "elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := elsewhere.Issue(pkitest.LeafOptions{Name: "peer.test"})
	if err != nil {
		t.Fatal(err)
	}
	name := func(value string) verify.Identity {
		i, err := verify.NewIdentity(verify.IdentityDNS, value)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	plain := m.issue(pkitest.LeafOptions{Name: "peer.test"})
	forged := m.pair(plain)
	forged.Certificate = [][]byte{append([]byte(nil), plain.Certificate.Raw...), m.ca.Certificate.Raw}
	forged.Certificate[0][len(forged.Certificate[0])-1] ^= 1
	for _, row := range []struct {
		fact string
		pair tls.Certificate
		says says
		name string
		text []string // nil: let in
	}{
		{"nothing", m.pair(plain), good, "peer.test", nil},
		{"validity", m.pair(m.issue(pkitest.LeafOptions{Name: "peer.test", NotAfter: time.Now().Add(-time.Minute)})), good, "peer.test", []string{"validity: ", "expired"}},
		{"trust", tls.Certificate{Certificate: [][]byte{stranger.Certificate.Raw, elsewhere.Certificate.Raw}, PrivateKey: stranger.Key}, good, "peer.test", []string{"trust: "}},
		{"integrity", forged, good, "peer.test", []string{"integrity: "}},
		{"identity", m.pair(plain), good, "other.test", []string{"identity: ", "dns peer.test", "dns other.test"}},
		{"revocation", m.pair(plain), revokedNow, "peer.test", []string{"is revoked since", "keyCompromise"}},
		{"revocation that is not known", m.pair(plain), unreachable, "peer.test", []string{"connection refused"}},
		{"identity and revocation", m.pair(plain), revokedNow, "other.test", []string{"identity: ", "revocation: ", "keyCompromise"}},
	} {
		for _, side := range []string{"server", "client"} {
			t.Run(row.fact+"/"+side+" judges", func(t *testing.T) {
				m.known.says = map[string]says{"peer.test": row.says}
				checks := &client.Checks{Roots: []*x509.Certificate{m.root.Certificate}}
				server, clientSide := m.serverConfig(), m.clientConfig()
				if side == "server" {
					checks.Allowed = []verify.Identity{name("admin.test"), name(row.name)}
					server.ClientAuth = tls.RequireAnyClientCert
					clientSide.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &row.pair, nil } // wanted or not
					server = client.WrapServerTLS(server, m.guard(client.GuardOptions{Checks: checks}))
				} else {
					server.Certificates = []tls.Certificate{row.pair}
					clientSide.InsecureSkipVerify, clientSide.ServerName = true, row.name // the name that is expected without any other
					clientSide = client.WrapClientTLS(clientSide, m.guard(client.GuardOptions{Checks: checks}))
				}
				h := connect(t, server, clientSide)
				if row.text == nil {
					wantHandshake(t, h, side, revocation.DecisionAllow)
					return
				}
				wantHandshake(t, h, side, revocation.DecisionDeny)
				err := h.server
				if side == "client" {
					err = h.client
				}
				for _, want := range row.text {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q does not say %q", err, want)
					}
				}
				if denied, ok := errors.AsType[*client.Denied](err); !ok || denied.Report == nil {
					t.Errorf("%v has no report of the checks", err)
				}
			})
		}
	}
}

// TestThePolicyIsAboutRevocationOnly shows that soft lets in whom it cannot judge, and nobody who is somebody else.
func TestThePolicyIsAboutRevocationOnly(t *testing.T) {
	m := newMTLS(t)
	m.known.set("client.test", unreachable)
	other, err := verify.NewIdentity(verify.IdentityDNS, "other.test")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		allowed []verify.Identity
		want    revocation.Decision
	}{{nil, revocation.DecisionDegraded}, {[]verify.Identity{other}, revocation.DecisionDeny}} {
		g := m.guard(client.GuardOptions{Policy: revocation.Presets()["soft"],
			Checks: &client.Checks{Roots: []*x509.Certificate{m.root.Certificate}, Allowed: row.allowed}})
		wantHandshake(t, connect(t, client.WrapServerTLS(m.serverConfig(), g), m.clientConfig()), "server", row.want)
		if g.Count(row.want) != 1 {
			t.Errorf("%s was not counted", row.want)
		}
	}
}
