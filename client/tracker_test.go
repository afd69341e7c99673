package client_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// trackerRig runs a tracker until the test ends, and sees that nothing is left behind.
type trackerRig struct {
	*mtls
	guard   *client.Guard
	tracker *client.ConnTracker
	closed  chan string // a text for each connection that was closed
}

func newTrackerRig(t *testing.T, g client.GuardOptions, o client.TrackerOptions) *trackerRig {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	r := &trackerRig{mtls: newMTLS(t), closed: make(chan string, 100)}
	r.guard = r.mtls.guard(g)
	o.Every = time.Hour // tests say when
	o.OnClose = func(remote string, why *client.Denied) {
		r.closed <- why.Chain[0].Subject.CommonName + " from " + remote
	}
	r.tracker = client.NewConnTracker(r.guard, o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- r.tracker.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v", err)
		}
		goleak.VerifyNone(t, leaks)
	})
	return r
}

func (r *trackerRig) revoke(name string) {
	r.known.set(name, revokedNow)
	r.tracker.Recheck()
}

// serve runs an http.Server on a listener until the test ends.
func serve(t *testing.T, s *http.Server, l net.Listener, run func(net.Listener) error) string {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- run(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serving ended with %v", err)
		}
	})
	return l.Addr().String()
}

func loopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// dial connects as the client with a bound on everything that follows.
func (r *trackerRig) dial(address string, pair *pkitest.Pair) *tls.Conn {
	r.t.Helper()
	cfg := r.clientConfig()
	cfg.Certificates = []tls.Certificate{r.pair(pair)}
	c, err := tls.Dial("tcp", address, cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(time.Minute))
	r.t.Cleanup(func() { c.Close() })
	return c
}

// ask sends one request over an open connection.
func ask(t *testing.T, c net.Conn) {
	t.Helper()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: server.test\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 {
		t.Fatalf("HTTP %d, %v", resp.StatusCode, err)
	}
	resp.Body.Close()
}

// wantCut waits until the other side ends the connection.
func wantCut(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := c.Read(make([]byte, 1))
	if timeout, ok := errors.AsType[net.Error](err); err == nil || ok && timeout.Timeout() {
		t.Errorf("the connection lives: %v", err)
	}
}

func okHandler(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }

func TestRevokedPeersAreCut(t *testing.T) {
	for _, row := range []struct {
		fact string
		make func(r *trackerRig, s *http.Server) func(net.Listener) error
	}{
		{"by the tracker's listener", func(r *trackerRig, s *http.Server) func(net.Listener) error {
			return func(l net.Listener) error { return s.Serve(r.tracker.Listener(l, r.serverConfig())) }
		}},
		{"by ConnState", func(r *trackerRig, s *http.Server) func(net.Listener) error {
			s.TLSConfig, s.ConnState = client.WrapServerTLS(r.serverConfig(), r.guard), r.tracker.ConnState
			return func(l net.Listener) error { return s.ServeTLS(l, "", "") }
		}},
	} {
		t.Run(row.fact, func(t *testing.T) {
			r := newTrackerRig(t, client.GuardOptions{}, client.TrackerOptions{})
			s := &http.Server{Handler: http.HandlerFunc(okHandler)}
			address := serve(t, s, loopback(t), row.make(r, s))
			other := r.issue(pkitest.LeafOptions{Name: "other.test"})
			first, second, stays := r.dial(address, r.client), r.dial(address, r.client), r.dial(address, other)
			for _, c := range []net.Conn{first, second, stays} {
				ask(t, c)
			}
			if n := r.tracker.Len(); n != 3 {
				t.Errorf("%d connections are tracked, want 3", n)
			}
			before := r.known.questions("client.test")
			r.revoke("client.test")
			wantCut(t, first)
			wantCut(t, second)
			ask(t, stays)
			if n := r.known.questions("client.test") - before; n != 1 {
				t.Errorf("%d questions about one certificate", n)
			}
			want := map[string]bool{"client.test from " + first.LocalAddr().String(): true, "client.test from " + second.LocalAddr().String(): true}
			for range 2 {
				if got := <-r.closed; !want[got] {
					t.Errorf("OnClose was told of %q", got)
				}
			}
			if n := r.tracker.Len(); n != 1 {
				t.Errorf("%d connections are tracked, want the one that stays", n)
			}
			r.revoke("ca")
			wantCut(t, stays)
		})
	}
}

func TestConnectionsOfHTTP2AndTakenOverOnesAreCut(t *testing.T) {
	r := newTrackerRig(t, client.GuardOptions{}, client.TrackerOptions{})
	taken := make(chan net.Conn, 2)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/stream" { // of HTTP/2: goes on until the connection ends
			http.NewResponseController(w).Flush()
			<-q.Context().Done()
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(c, "taken over")
		taken <- c
	})}
	cfg := r.serverConfig()
	cfg.NextProtos = []string{"h2", "http/1.1"}
	byListener := serve(t, s, loopback(t), func(l net.Listener) error { return s.Serve(r.tracker.Listener(l, cfg)) })
	s2 := &http.Server{Handler: s.Handler, TLSConfig: client.WrapServerTLS(r.serverConfig(), r.guard), ConnState: r.tracker.ConnState}
	byState := serve(t, s2, loopback(t), func(l net.Listener) error { return s2.ServeTLS(l, "", "") })
	defer func() {
		for range 2 {
			(<-taken).Close()
		}
	}()
	transport := &http.Transport{TLSClientConfig: r.clientConfig(), ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	var open []io.ReadCloser
	for _, address := range []string{byListener, byState} {
		c := r.dial(address, r.client)
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: server.test\r\n\r\n")
		if _, err := io.ReadFull(c, make([]byte, len("taken over"))); err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		resp, err := (&http.Client{Transport: transport}).Get("https://" + address + "/stream")
		if err != nil || resp.ProtoMajor != 2 {
			t.Fatalf("%+v, %v, want HTTP/2", resp, err)
		}
		open = append(open, resp.Body)
	}
	r.revoke("client.test")
	for _, c := range open {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a connection lives")
		}
		c.Close()
	}
}

func TestClosedConnectionsAreForgotten(t *testing.T) {
	r := newTrackerRig(t, client.GuardOptions{}, client.TrackerOptions{})
	var ended sync.WaitGroup
	s := &http.Server{Handler: http.HandlerFunc(okHandler), ConnState: func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			ended.Add(1)
		case http.StateClosed:
			ended.Done()
		}
	}}
	address := serve(t, s, loopback(t), func(l net.Listener) error { return s.Serve(r.tracker.Listener(l, r.serverConfig())) })
	for range 20 {
		c := r.dial(address, r.client)
		ask(t, c)
		c.Close()
	}
	ended.Wait()
	if n := r.tracker.Len(); n != 0 {
		t.Errorf("%d connections are tracked after all were closed", n)
	}
}

// TestTakenOverConnectionsThatNobodyHasAreForgotten is about those that ConnState told of: nobody says when they are closed.
func TestTakenOverConnectionsThatNobodyHasAreForgotten(t *testing.T) {
	r := newTrackerRig(t, client.GuardOptions{}, client.TrackerOptions{})
	s := &http.Server{TLSConfig: client.WrapServerTLS(r.serverConfig(), r.guard), ConnState: r.tracker.ConnState,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})}
	address := serve(t, s, loopback(t), func(l net.Listener) error { return s.ServeTLS(l, "", "") })
	c := r.dial(address, r.client)
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: server.test\r\n\r\n")
	wantCut(t, c)
	for range 1000 {
		runtime.GC()
		r.tracker.Recheck()
		if r.tracker.Len() == 0 {
			return
		}
	}
	t.Errorf("%d connections are tracked, and nobody has them", r.tracker.Len())
}

func TestDialedConnectionsAreCut(t *testing.T) {
	r := newTrackerRig(t, client.GuardOptions{}, client.TrackerOptions{})
	s := &http.Server{Handler: http.HandlerFunc(okHandler)}
	address := serve(t, s, loopback(t), func(l net.Listener) error { return s.Serve(tls.NewListener(l, r.serverConfig())) })
	dial := r.tracker.Dialer(r.clientConfig())
	c, err := dial(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, c)
	r.revoke("server.test")
	wantCut(t, c)
	c.Close()
	if c, err := dial(t.Context(), "tcp", address); err == nil {
		c.Close()
		t.Error("a new connection to the revoked server was made")
	} else if _, ok := errors.AsType[*client.Denied](err); !ok {
		t.Errorf("got %v, want *Denied", err)
	}
}

func TestAnOutageCutsOnlyWhenStrict(t *testing.T) {
	for _, strict := range []bool{false, true} {
		decisions := make(chan client.Judgement, 10)
		r := newTrackerRig(t, client.GuardOptions{OnDecision: func(j client.Judgement) { decisions <- j }}, client.TrackerOptions{Strict: strict})
		s := &http.Server{Handler: http.HandlerFunc(okHandler)}
		address := serve(t, s, loopback(t), func(l net.Listener) error { return s.Serve(r.tracker.Listener(l, r.serverConfig())) })
		c := r.dial(address, r.client)
		ask(t, c)
		r.known.set("client.test", unreachable)
		r.tracker.Recheck()
		j := <-decisions
		if strict {
			if j.Decision != revocation.DecisionDeny {
				t.Errorf("strict: decided %s", j.Decision)
			}
			wantCut(t, c)
			continue
		}
		if j.Decision != revocation.DecisionDegraded || r.guard.Degraded() != 1 {
			t.Errorf("decided %s, %d degraded counted; want one allow-degraded", j.Decision, r.guard.Degraded())
		}
		ask(t, c)
	}
}

// TestTheEndOfACertificateEndsItsConnections moves the clock, which synctest lets it.
func TestTheEndOfACertificateEndsItsConnections(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		m := newMTLS(t)
		m.client = m.issue(pkitest.LeafOptions{Name: "client.test", NotAfter: time.Now().Add(time.Hour)})
		var why *client.Denied
		tracker := client.NewConnTracker(m.guard(client.GuardOptions{}), client.TrackerOptions{Every: 10 * time.Minute,
			OnClose: func(_ string, d *client.Denied) { why = d }})
		ctx, cancel := context.WithCancel(t.Context())
		go tracker.Run(ctx)
		here, there := net.Pipe()
		tracker.Conn(here).Track(tls.ConnectionState{PeerCertificates: m.chain(m.client)[:2], VerifiedChains: [][]*x509.Certificate{m.chain(m.client)}})
		closed := make(chan time.Time, 1)
		go func() {
			there.Read(make([]byte, 1))
			closed <- time.Now()
		}()
		if at := <-closed; at.Before(m.client.Certificate.NotAfter) || at.After(m.client.Certificate.NotAfter.Add(10*time.Minute)) {
			t.Errorf("closed at %s, the certificate ends at %s", at, m.client.Certificate.NotAfter)
		}
		synctest.Wait()
		if why == nil || revocation.RuleOf(why, "") != "expired" {
			t.Errorf("closed because %v", why)
		}
		cancel()
		synctest.Wait()
	})
}

// TestARecheckDuringTheHandshakeIsNotMissed tracks a connection whose peer was judged before a revocation that was told of before it was
// tracked.
func TestARecheckDuringTheHandshakeIsNotMissed(t *testing.T) {
	r := newTrackerRig(t, client.GuardOptions{}, client.TrackerOptions{})
	here, there := net.Pipe()
	c := r.tracker.Conn(here)
	r.revoke("client.test")
	c.Track(tls.ConnectionState{PeerCertificates: r.chain(r.client)[:2], VerifiedChains: [][]*x509.Certificate{r.chain(r.client)}})
	wantCut(t, there)
	there.Close()
}
