package grpcguard_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"go.uber.org/goleak"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/client/grpcguard"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// list is a Checker that knows who is revoked, and all others to be good.
type list struct {
	mu      sync.Mutex
	revoked map[string]bool
}

func (l *list) Check(_ context.Context, c, _ *x509.Certificate) (client.Answer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revoked[c.Subject.CommonName] {
		return client.Answer{Status: revocation.Revoked, Reason: revocation.Superseded}, nil
	}
	return client.Answer{Status: revocation.Good}, nil
}

func (l *list) revoke(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revoked[name] = true
}

// rig is a gRPC server with a health service, and who is revoked.
type rig struct {
	t       *testing.T
	list    *list
	guard   *client.Guard
	pairs   map[string]tls.Certificate
	roots   *x509.CertPool
	address string
}

// newRig serves with a guard in the credentials, in the interceptors, or both.
func newRig(t *testing.T, inHandshake, inCalls bool, tracker bool) (*rig, *client.ConnTracker) {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	r := &rig{t: t, list: &list{revoked: map[string]bool{}}, pairs: map[string]tls.Certificate{}, roots: x509.NewCertPool()}
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	r.check(err)
	r.roots.AddCert(ca.Certificate)
	for _, name := range []string{"server.test", "alice", "bob"} {
		pair, err := ca.Issue(pkitest.LeafOptions{Name: name})
		r.check(err)
		r.pairs[name] = tls.Certificate{Certificate: [][]byte{pair.Certificate.Raw}, PrivateKey: pair.Key}
	}
	r.guard, err = client.NewGuard(client.GuardOptions{Checker: r.list})
	r.check(err)
	cfg := &tls.Config{Certificates: []tls.Certificate{r.pairs["server.test"]}, ClientCAs: r.roots, ClientAuth: tls.VerifyClientCertIfGiven}
	var tracked *client.ConnTracker
	if tracker {
		tracked = client.NewConnTracker(r.guard, client.TrackerOptions{Every: time.Hour})
	}
	options := []grpc.ServerOption{grpc.Creds(credentials.NewTLS(cfg))}
	if inHandshake {
		options[0] = grpc.Creds(grpcguard.ServerCredentials(cfg, r.guard, tracked))
	}
	if inCalls {
		options = append(options, grpc.UnaryInterceptor(grpcguard.Unary(r.guard)), grpc.StreamInterceptor(grpcguard.Stream(r.guard)))
	}
	s := grpc.NewServer(options...)
	healthpb.RegisterHealthServer(s, health.NewServer())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.check(err)
	r.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.Serve(l) })
	if tracker {
		wg.Go(func() { tracked.Run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		s.Stop()
		wg.Wait()
		goleak.VerifyNone(t, leaks)
	})
	return r, tracked
}

func (r *rig) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) config(name string) *tls.Config {
	cfg := &tls.Config{RootCAs: r.roots, ServerName: "server.test"}
	if name != "" {
		cfg.Certificates = []tls.Certificate{r.pairs[name]}
	}
	return cfg
}

func (r *rig) dial(creds credentials.TransportCredentials) healthpb.HealthClient {
	r.t.Helper()
	conn, err := grpc.NewClient(r.address, grpc.WithTransportCredentials(creds))
	r.check(err)
	r.t.Cleanup(func() { conn.Close() })
	return healthpb.NewHealthClient(conn)
}

func (r *rig) call(c healthpb.HealthClient) codes.Code {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	_, err := c.Check(ctx, &healthpb.HealthCheckRequest{})
	return status.Code(err)
}

func TestCallsAreJudged(t *testing.T) {
	r, _ := newRig(t, false, true, false)
	alice, bob, nobody := r.dial(credentials.NewTLS(r.config("alice"))), r.dial(credentials.NewTLS(r.config("bob"))), r.dial(credentials.NewTLS(r.config("")))
	r.list.revoke("bob")
	for name, row := range map[string]struct {
		c    healthpb.HealthClient
		want codes.Code
	}{"alice": {alice, codes.OK}, "bob": {bob, codes.PermissionDenied}, "nobody": {nobody, codes.Unauthenticated}} {
		if got := r.call(row.c); got != row.want {
			t.Errorf("%s: got %s, want %s", name, got, row.want)
		}
		stream, err := row.c.Watch(t.Context(), &healthpb.HealthCheckRequest{})
		r.check(err)
		if _, err := stream.Recv(); status.Code(err) != row.want {
			t.Errorf("%s: a stream ended with %v, want %s", name, err, row.want)
		}
	}
	r.list.revoke("alice")
	if got := r.call(alice); got != codes.PermissionDenied {
		t.Errorf("after a revocation, over the connection that stands: got %s", got)
	}
}

func TestHandshakesAreJudgedByBothSides(t *testing.T) {
	r, _ := newRig(t, true, false, false)
	if got := r.call(r.dial(credentials.NewTLS(r.config("alice")))); got != codes.OK {
		t.Errorf("good on both sides: got %s", got)
	}
	r.list.revoke("alice")
	if got := r.call(r.dial(credentials.NewTLS(r.config("alice")))); got != codes.Unavailable {
		t.Errorf("a revoked client: got %s, want that no connection comes about", got)
	}
	guarded := grpcguard.ClientCredentials(r.config("bob"), r.guard, nil)
	if got := r.call(r.dial(guarded.Clone())); got != codes.OK {
		t.Errorf("a guard on both sides: got %s", got)
	}
	r.list.revoke("server.test")
	if got := r.call(r.dial(guarded)); got != codes.Unavailable {
		t.Errorf("a revoked server: got %s, want that no connection comes about", got)
	}
}

func TestStreamsOfRevokedClientsAreCut(t *testing.T) {
	r, tracker := newRig(t, true, true, true)
	alice := r.dial(credentials.NewTLS(r.config("alice")))
	stream, err := alice.Watch(t.Context(), &healthpb.HealthCheckRequest{})
	r.check(err)
	if _, err := stream.Recv(); err != nil || tracker.Len() != 1 {
		t.Fatalf("%v, %d connections tracked", err, tracker.Len())
	}
	r.list.revoke("alice")
	tracker.Recheck()
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream ended with %v, want Unavailable: its connection is gone", err)
	}
}
