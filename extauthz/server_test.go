package extauthz_test

import (
	"context"
	"net"
	"net/http"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/vetopki/veto/extauthz"
	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/revocation"
)

// serve runs a server until the test ends, and returns a connection to it.
func serve(t *testing.T, authorize extauthz.Authorizer) *grpc.ClientConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := extauthz.New(authorize, nil)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// envoyRequest has the shape of what Envoy 1.3x sends for an HTTP request of a client with a certificate.
func envoyRequest(profile, certificate string) *authv3.CheckRequest {
	address := func(host string, port uint32) *corev3.Address {
		return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: host,
			PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port}}}}
	}
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source:            &authv3.AttributeContext_Peer{Address: address("203.0.113.7", 51824), Principal: "spiffe://td.test/client", Certificate: certificate},
		Destination:       &authv3.AttributeContext_Peer{Address: address("10.0.0.5", 8443)},
		ContextExtensions: map[string]string{"profile": profile},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Id: "1847", Method: "GET", Path: "/orders?id=7", Host: "www.example.org",
			Scheme: "https", Protocol: "HTTP/1.1", Headers: map[string]string{":authority": "www.example.org", ":method": "GET", ":path": "/orders?id=7",
				"x-forwarded-proto": "https", "x-forwarded-client-cert": "By=spiffe://x/gw", "x-veto-token": "a-client-sent-this"}}},
	}}
}

func TestCheckTranslatesTheAnswer(t *testing.T) {
	var answer extauthz.Answer
	client := authv3.NewAuthorizationClient(serve(t, func(string, *extauthz.Question) extauthz.Answer { return answer }))
	full := extauthz.Answer{Status: "good", Reason: "not_listed", Serial: "0b", Issuer: "corp", Generation: 7}
	with := func(d revocation.Decision, change func(*extauthz.Answer)) extauthz.Answer {
		a := full
		a.Decision = d
		if change != nil {
			change(&a)
		}
		return a
	}
	nothing := func(a *extauthz.Answer) { *a = extauthz.Answer{Decision: a.Decision, Reason: "no-certificate"} }
	for _, row := range []struct {
		answer  extauthz.Answer
		code    codes.Code
		http    int
		headers map[string]string
		removed []string
	}{
		{with(revocation.DecisionAllow, nil), codes.OK, 200, map[string]string{"x-veto-decision": "allow", "x-veto-reason": "not_listed",
			"x-veto-status": "good", "x-veto-serial": "0b", "x-veto-issuer": "corp", "x-veto-generation": "7"}, nil},
		{with(revocation.DecisionDegraded, nothing), codes.OK, 200, map[string]string{"x-veto-decision": "allow-degraded", "x-veto-reason": "no-certificate"},
			[]string{"x-veto-status", "x-veto-serial", "x-veto-issuer", "x-veto-generation"}},
		{with(revocation.DecisionDeny, nil), codes.PermissionDenied, 403, map[string]string{"x-veto-decision": "deny", "x-veto-reason": "not_listed",
			"x-veto-status": "good", "x-veto-serial": "0b", "x-veto-issuer": "corp", "x-veto-generation": "7"}, nil},
		{with(revocation.DecisionAsk, nothing), codes.Unauthenticated, 401, map[string]string{"x-veto-decision": "deny", "x-veto-reason": "no-certificate"}, nil},
	} {
		answer = row.answer
		r, err := client.Check(t.Context(), envoyRequest("edge", ""))
		if err != nil {
			t.Fatalf("%s: %v", row.answer.Decision, err)
		}
		code, list, removed := 200, r.GetOkResponse().GetHeaders(), r.GetOkResponse().GetHeadersToRemove()
		if d := r.GetDeniedResponse(); d != nil {
			code, list = int(d.GetStatus().GetCode()), d.GetHeaders()
			if d.GetBody() == "" {
				t.Errorf("%s: no body", row.answer.Decision)
			}
		}
		got := map[string]string{}
		for _, h := range list {
			got[h.GetHeader().GetKey()] = h.GetHeader().GetValue()
			if h.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
				t.Errorf("%s is added to what the client sent", h.GetHeader().GetKey())
			}
		}
		if codes.Code(r.GetStatus().GetCode()) != row.code || code != row.http {
			t.Errorf("%s: %s and %d, want %s and %d", row.answer.Decision, codes.Code(r.GetStatus().GetCode()), code, row.code, row.http)
		}
		if diff := cmp.Diff(row.headers, got) + cmp.Diff(row.removed, removed); diff != "" {
			t.Errorf("%s: headers, want -, got +:\n%s", row.answer.Decision, diff)
		}
		if d := r.GetDynamicMetadata().GetFields()["decision"].GetStringValue(); d != row.answer.Decision.String() {
			t.Errorf("%s: the metadata say %q", row.answer.Decision, d)
		}
	}
	answer = extauthz.Answer{Decision: revocation.DecisionError, Reason: "stale"}
	if _, err := client.Check(t.Context(), envoyRequest("edge", "")); status.Code(err) != codes.Unavailable {
		t.Errorf("an error by policy: %v", err)
	}
}

func TestCheckPassesOnTheQuestion(t *testing.T) {
	var profile string
	var q *extauthz.Question
	client := authv3.NewAuthorizationClient(serve(t, func(p string, question *extauthz.Question) extauthz.Answer {
		profile, q = p, question
		return extauthz.Answer{}
	}))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-veto-token", "a-token-for-the-edge")
	if _, err := client.Check(ctx, envoyRequest("edge", "-----BEGIN%20CERTIFICATE-----")); err != nil {
		t.Fatal(err)
	}
	got := map[string]any{"profile": profile, "certificate": q.Header[certheader.SourceCertificate], "xfcc": q.Header["X-Forwarded-Client-Cert"],
		"token": q.Caller["X-Veto-Token"], "remote": q.Remote.Addr().String(), "tls": q.TLS}
	want := map[string]any{"profile": "edge", "certificate": []string{"-----BEGIN%20CERTIFICATE-----"}, "xfcc": []string{"By=spiffe://x/gw"},
		"token": []string{"a-token-for-the-edge"}, "remote": "127.0.0.1", "tls": q.TLS}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	// Raw headers, of which one comes twice.
	raw := envoyRequest("edge", "")
	h := raw.GetAttributes().GetRequest().GetHttp()
	h.Headers = nil
	h.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "x-client-cert", RawValue: []byte("a")}, {Key: "x-client-cert", RawValue: []byte("b")}}}
	if _, err := client.Check(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(http.Header{"X-Client-Cert": {"a", "b"}}, q.Header); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	// An empty request names no profile.
	if _, err := client.Check(t.Context(), &authv3.CheckRequest{}); err != nil || profile != "" {
		t.Errorf("profile %q, %v", profile, err)
	}
	if len(q.Caller["X-Veto-Token"]) != 0 {
		t.Error("a client's header passes for the caller's token")
	}
}

func TestHealthIsAnswered(t *testing.T) {
	conn := serve(t, func(string, *extauthz.Question) extauthz.Answer { return extauthz.Answer{} })
	r, err := healthv1.NewHealthClient(conn).Check(context.Background(), &healthv1.HealthCheckRequest{})
	if err != nil || r.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("%v, %v", r, err)
	}
}
