package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
)

// gatewayRig is a CA with client certificates, a veto that serves it, and the files a gateway needs. The CRL lists "bad".
type gatewayRig struct {
	t           *testing.T
	dir         string
	public, api string
	ca          *pkitest.CA
	roots       *x509.CertPool
	clients     map[string]*pkitest.Pair // good, bad, second
}

func newGatewayRig(t *testing.T) *gatewayRig {
	t.Helper()
	g := newGatewayPKI(t)
	g.public, g.api = startServe(t, "--data", g.file("data"), "--admin-token-file", g.file("admin.token"),
		"--issuer", "name=corp,cert="+g.file("ca.pem")+",crl="+g.file("ca.crl")+",signer="+g.file("ocsp.pem")+",key="+g.file("ocsp.key"))
	awaitCRL(t, g.api, "corp")
	return g
}

// newGatewayPKI makes the files of a gatewayRig, and starts nothing.
func newGatewayPKI(t *testing.T) *gatewayRig {
	t.Helper()
	g := &gatewayRig{t: t, dir: openTempDir(t), roots: x509.NewCertPool(), clients: map[string]*pkitest.Pair{}}
	ca, err := pkitest.NewCA(pkitest.CAOptions{Name: "Gateway CA"})
	g.check(err)
	g.ca = ca
	g.roots.AddCert(ca.Certificate)
	signer, err := ca.IssueOCSPSigner(pkitest.LeafOptions{})
	g.check(err)
	server, err := ca.Issue(pkitest.LeafOptions{Name: "localhost"})
	g.check(err)
	for _, name := range []string{"good", "bad", "second"} {
		g.clients[name], err = ca.Issue(pkitest.LeafOptions{Name: name + ".test"})
		g.check(err)
		g.pair(name, g.clients[name].Certificate, g.clients[name].Key)
	}
	crl, err := ca.CRL(pkitest.CRLOptions{Number: big.NewInt(1), Entries: []x509.RevocationListEntry{
		{SerialNumber: g.clients["bad"].Certificate.SerialNumber, RevocationTime: time.Now(), ReasonCode: 1}}})
	g.check(err)
	g.pair("ca", ca.Certificate, ca.Key)
	g.pair("ocsp", signer.Certificate, signer.Key)
	g.pair("server", server.Certificate, server.Key)
	g.write("ca.crl", string(crl))
	g.write("admin.token", "correct-horse-battery-staple\n")
	return g
}

// openTempDir is t.TempDir that another user may look into: servers started by root run as one.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gateway")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (g *gatewayRig) check(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *gatewayRig) file(name string) string { return filepath.Join(g.dir, name) }

func (g *gatewayRig) write(name, content string) string {
	g.t.Helper()
	g.check(os.WriteFile(g.file(name), []byte(content), 0o644))
	return g.file(name)
}

func (g *gatewayRig) pair(name string, cert *x509.Certificate, key any) {
	g.t.Helper()
	g.check((&playground{dir: g.dir}).writePair(name, cert, key))
}

// admin runs veto revoke, hold or release for a client's certificate.
func (g *gatewayRig) admin(command, client string) {
	g.t.Helper()
	runVeto(g.t, exitYes, command, "--server", g.api, "--token-file", g.file("admin.token"), "--issuer", "corp", "--cert", g.file(client+".pem"))
}

// transport makes new connections with a client's certificate, "" for none.
func (g *gatewayRig) transport(network, address, client string) *http.Transport {
	config := &tls.Config{RootCAs: g.roots, ServerName: "localhost"}
	if client != "" {
		config.Certificates = []tls.Certificate{{Certificate: [][]byte{g.clients[client].Certificate.Raw}, PrivateKey: g.clients[client].Key}}
	}
	return &http.Transport{TLSClientConfig: config, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}}
}

// knock makes a new connection with a client's certificate and asks for a page. It says how the gateway answered: the HTTP code, or 0
// when it refused the handshake.
func (g *gatewayRig) knock(network, address, client string) (code int, err error) {
	transport := g.transport(network, address, client)
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("https://localhost/page")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// wantKnock knocks and compares. Any refusal is as good as another: nginx answers 400, Apache ends the handshake.
func (g *gatewayRig) wantKnock(network, address, client string, allowed bool) {
	g.t.Helper()
	code, err := g.knock(network, address, client)
	if got := code == http.StatusOK; got != allowed {
		g.t.Errorf("client %q: HTTP %d, %v; allowed %v, want %v", client, code, err, got, allowed)
	}
}

// process is a server of another project, started by a test and ended with it.
type process struct {
	name  string
	ended chan struct{} // closed when it has ended
	log   syncedBuffer
}

// startProcess starts a program that stays in the foreground. SIGTERM ends it with the test.
func startProcess(t *testing.T, dir, name string, args ...string) *process {
	t.Helper()
	p := &process{name: name, ended: make(chan struct{})}
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = dir, &p.log, &p.log, 10*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd.Wait() // the code says nothing: it is told to end
		close(p.ended)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-p.ended
		if t.Failed() {
			t.Logf("%s wrote:\n%s", name, p.log.String())
		}
	})
	return p
}

var errEnded = errors.New("the program ended early")

// await waits until something listens at the address.
func (p *process) await(network, address string) error {
	for range 6000 {
		conn, err := net.Dial(network, address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return errEnded
		case <-time.After(10 * time.Millisecond):
		}
	}
	return errors.New(p.name + " does not listen at " + address)
}

// syncedBuffer is written by a process while a test reads it.
type syncedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *syncedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
