package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// mtls is a root, a CA below it, and the two sides of a connection.
type mtls struct {
	t              testing.TB
	root, ca       *pkitest.CA
	roots          *x509.CertPool
	server, client *pkitest.Pair
	known          *known
}

func newMTLS(t testing.TB) *mtls {
	t.Helper()
	m := &mtls{t: t, roots: x509.NewCertPool(), known: &known{says: map[string]says{}, asked: map[string]int{}}}
	var err error
	if m.root, err = pkitest.NewCA(pkitest.CAOptions{Name: "root"}); err != nil {
		t.Fatal(err)
	}
	if m.ca, err = pkitest.NewCA(pkitest.CAOptions{Name: "ca", Parent: m.root}); err != nil {
		t.Fatal(err)
	}
	m.roots.AddCert(m.root.Certificate)
	m.server, m.client = m.issue(pkitest.LeafOptions{Name: "server.test"}), m.issue(pkitest.LeafOptions{Name: "client.test"})
	return m
}

func (m *mtls) issue(o pkitest.LeafOptions) *pkitest.Pair {
	m.t.Helper()
	pair, err := m.ca.Issue(o)
	if err != nil {
		m.t.Fatal(err)
	}
	return pair
}

// pair is a certificate with its CA's, as it is presented.
func (m *mtls) pair(p *pkitest.Pair) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{p.Certificate.Raw, m.ca.Certificate.Raw}, PrivateKey: p.Key}
}

func (m *mtls) serverConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{m.pair(m.server)}, ClientCAs: m.roots, ClientAuth: tls.RequireAndVerifyClientCert}
}

func (m *mtls) clientConfig() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{m.pair(m.client)}, RootCAs: m.roots, ServerName: "server.test"}
}

func (m *mtls) chain(p *pkitest.Pair) []*x509.Certificate {
	return []*x509.Certificate{p.Certificate, m.ca.Certificate, m.root.Certificate}
}

func (m *mtls) guard(o client.GuardOptions) *client.Guard {
	m.t.Helper()
	if o.Checker == nil {
		o.Checker = m.known
	}
	g, err := client.NewGuard(o)
	if err != nil {
		m.t.Fatal(err)
	}
	return g
}

// says is what a checker answers.
type says struct {
	answer client.Answer
	err    error
}

var (
	good       = says{answer: client.Answer{Status: revocation.Good, Because: revocation.BecauseNotListed, Fresh: true, From: "the test"}}
	revokedNow = says{answer: client.Answer{Status: revocation.Revoked, Because: revocation.BecauseAdmin, Reason: revocation.KeyCompromise,
		RevokedAt: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), From: "the test"}}
	notConfigured = says{answer: client.Answer{Because: revocation.BecauseUnknownIssuer}}
	notIssued     = says{answer: client.Answer{Because: revocation.BecauseNotIssued}}
	stale         = says{answer: client.Answer{Because: revocation.BecauseStale}}
	unreachable   = says{err: errors.New("connection refused")}
)

// known is a Checker that knows what it was told by common name, and all others to be good.
type known struct {
	mu    sync.Mutex
	says  map[string]says
	asked map[string]int
}

func (k *known) Check(_ context.Context, c, issuer *x509.Certificate) (client.Answer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := c.CheckSignatureFrom(issuer); err != nil {
		return client.Answer{}, err
	}
	k.asked[c.Subject.CommonName]++
	s, ok := k.says[c.Subject.CommonName]
	if !ok {
		s = good
	}
	return s.answer, s.err
}

func (k *known) set(name string, s says) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.says[name] = s
}

func (k *known) questions(name string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asked[name]
}

// handshake is how a connection ended on both sides. The client reads to the end, so that it learns of a refusal and has its ticket.
type handshake struct {
	server, client     error
	serverCS, clientCS tls.ConnectionState
}

// connect makes a connection over loopback.
func connect(t testing.TB, server, clientConfig *tls.Config) (h handshake) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var wg sync.WaitGroup
	wg.Go(func() {
		raw, err := l.Accept()
		if err != nil {
			h.server = err
			return
		}
		c := tls.Server(raw, server)
		defer c.Close()
		if h.server = c.Handshake(); h.server == nil {
			h.serverCS = c.ConnectionState()
			io.WriteString(c, "hello")
		}
	})
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := tls.Client(raw, clientConfig)
	if h.client = c.Handshake(); h.client == nil {
		h.clientCS = c.ConnectionState()
		_, h.client = io.ReadAll(c)
	}
	c.Close()
	wg.Wait()
	return h
}
