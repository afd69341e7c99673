package extauthz

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/revocation"
)

// Question is what Envoy asks.
type Question struct {
	Header http.Header    // of its client's request, and its client's certificate under certheader.SourceCertificate
	Caller http.Header    // Envoy's own metadata: its token
	Remote netip.AddrPort // Envoy's address
	TLS    *tls.ConnectionState
}

// Answer is what it is told.
type Answer struct {
	Decision   revocation.Decision
	Status     string // good, revoked or unknown; "" when there was no certificate to ask for
	Reason     string
	Serial     string
	Issuer     string
	Generation uint64
}

// Authorizer decides by a profile. One that does not exist lets nobody in. It must not block.
type Authorizer func(profile string, q *Question) Answer

// Server is an Authorization service.
type Server struct {
	authv3.UnimplementedAuthorizationServer
	authorize Authorizer
}

// Limits of a connection. A check holds the headers of one request and a certificate.
const (
	maxMessage    = 256 << 10
	maxConcurrent = 1000
)

// New makes a gRPC server with the Authorization service and gRPC's own health service. credentials is nil without TLS.
func New(authorize Authorizer, c credentials.TransportCredentials) *grpc.Server {
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(maxConcurrent), grpc.ConnectionTimeout(10 * time.Second)}
	if c != nil {
		options = append(options, grpc.Creds(c))
	}
	s := grpc.NewServer(options...)
	authv3.RegisterAuthorizationServer(s, &Server{authorize: authorize})
	healthv1.RegisterHealthServer(s, health.NewServer())
	return s
}

// Check answers one request of Envoy's client.
func (s *Server) Check(ctx context.Context, r *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	q := question(ctx, r)
	a := s.authorize(r.GetAttributes().GetContextExtensions()["profile"], q)
	if a.Decision == revocation.DecisionError {
		return nil, status.Errorf(codes.Unavailable, "whether the client certificate is revoked cannot be told now: %s", a.Reason)
	}
	return response(&a), nil
}

func question(ctx context.Context, r *authv3.CheckRequest) *Question {
	request := r.GetAttributes().GetRequest().GetHttp()
	q := &Question{Header: http.Header{}, Caller: http.Header{}}
	for name, value := range request.GetHeaders() {
		q.Header.Add(name, value)
	}
	for _, h := range request.GetHeaderMap().GetHeaders() { // with encode_raw_headers, instead of the other
		q.Header.Add(h.GetKey(), h.GetValue()+string(h.GetRawValue()))
	}
	if c := r.GetAttributes().GetSource().GetCertificate(); c != "" {
		q.Header[certheader.SourceCertificate] = []string{c}
	}
	if sent, ok := metadata.FromIncomingContext(ctx); ok {
		for name, values := range sent {
			q.Caller[http.CanonicalHeaderKey(name)] = values
		}
	}
	if p, ok := peer.FromContext(ctx); ok {
		q.Remote, _ = netip.ParseAddrPort(p.Addr.String())
		if t, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			q.TLS = &t.State
		}
	}
	return q
}

func generation(a *Answer) string { return strconv.FormatUint(a.Generation, 10) }
