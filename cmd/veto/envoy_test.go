package main

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// TestEnvoyAsksByGRPC asks as Envoy does: with its client's certificate, and with the header it writes of it.
func TestEnvoyAsksByGRPC(t *testing.T) {
	g := newGatewayPKI(t)
	g.write("edge.token", edgeToken+"\n")
	g.write("veto.yaml", `data_dir: data
public: {listen: "127.0.0.1:0"}
api: {listen: "127.0.0.1:0", envoy_listen: "127.0.0.1:0"}
admin: {token_file: admin.token}
issuers: [{name: corp, certificate: ca.pem, crls: [{url: ca.crl}]}]
profiles:
  - {name: mesh, header: envoy-grpc, trust: {cidrs: [127.0.0.1], token_file: edge.token}}
  - {name: forwarded, header: envoy-xfcc, trust: {cidrs: [127.0.0.1]}}
  - {name: open-minded, header: envoy-grpc, policy: {indeterminate: error}, trust: {cidrs: [127.0.0.1]}}
`)
	g.serveConfig()
	client := g.envoy(t, insecure.NewCredentials())
	check := func(profile, token, certificate, xfcc string) (code int, reason string) {
		t.Helper()
		r := &authv3.CheckRequest{Attributes: &authv3.AttributeContext{ContextExtensions: map[string]string{"profile": profile},
			Source: &authv3.AttributeContext_Peer{Certificate: certificate}, Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
				Headers: map[string]string{"x-veto-token": edgeToken, "x-forwarded-client-cert": xfcc}}}}}
		ctx := t.Context()
		if token != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "x-veto-token", token)
		}
		answer, err := client.Check(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		if d := answer.GetDeniedResponse(); d != nil {
			return int(d.GetStatus().GetCode()), answer.GetDynamicMetadata().GetFields()["reason"].GetStringValue()
		}
		return 200, answer.GetDynamicMetadata().GetFields()["reason"].GetStringValue()
	}
	good, bad, second := escapedPEM(g.clients["good"]), escapedPEM(g.clients["bad"]), escapedPEM(g.clients["second"])
	end := strings.LastIndex(good, "%0A-----END")
	for _, row := range []struct {
		fact, profile, token, certificate, xfcc string
		code                                    int
		reason                                  string
	}{
		{"good", "mesh", edgeToken, good, "", 200, "not_listed"},
		{"revoked", "mesh", edgeToken, bad, "", 403, "keyCompromise"},
		{"no certificate", "mesh", edgeToken, "", `Cert="` + good + `"`, 401, "no-certificate"},
		{"another certificate in the header", "mesh", edgeToken, bad, `Cert="` + good + `"`, 403, "keyCompromise"},
		{"not PEM", "mesh", edgeToken, "x", "", 403, "pem"},
		{"cut off", "mesh", edgeToken, good[:end], "", 403, "pem"},
		{"cut off in an escape", "mesh", edgeToken, good[:end+1], "", 403, "escape"},
		{"a caller without the token, and a client that has it", "mesh", "", good, "", 403, "untrusted-caller"},
		{"by the header", "forwarded", "", "", `Cert="` + good + `"`, 200, "not_listed"},
		{"revoked, by the header", "forwarded", "", good, `Cert="` + bad + `"`, 403, "keyCompromise"},
		{"another profile", "other", edgeToken, good, "", 403, "unknown-profile"},
		{"no profile", "", edgeToken, good, "", 403, "unknown-profile"},
		{"before its revocation", "mesh", edgeToken, second, "", 200, "not_listed"},
	} {
		if code, reason := check(row.profile, row.token, row.certificate, row.xfcc); code != row.code || reason != row.reason {
			t.Errorf("%s: %d %s, want %d %s", row.fact, code, reason, row.code, row.reason)
		}
	}
	g.admin("revoke", "second")
	if code, reason := check("mesh", edgeToken, second, ""); code != 403 {
		t.Errorf("after its revocation: %d %s", code, reason)
	}
}

// TestEnvoyIsKnownByItsCertificate: over TLS, a profile asks for the caller's own client certificate, by gRPC and by HTTP.
func TestEnvoyIsKnownByItsCertificate(t *testing.T) {
	g := newGatewayPKI(t)
	g.write("veto.yaml", `data_dir: data
public: {listen: "127.0.0.1:0"}
api: {listen: "127.0.0.1:0", envoy_listen: "127.0.0.1:0", tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}}
admin: {token_file: admin.token}
issuers: [{name: corp, certificate: ca.pem, crls: [{url: ca.crl}]}]
profiles:
  - {name: mesh, header: envoy-grpc, trust: {certificates: [{dns: good.test}, {dns: bad.test}]}}
  - {name: edge, header: nginx-escaped, trust: {certificates: [{dns: good.test}, {dns: bad.test}]}}
`)
	g.serveConfig()
	for _, row := range []struct {
		gateway string
		allowed bool
	}{{"good", true}, {"bad", false}, {"second", false}, {"", false}} {
		transport := g.transport("tcp", strings.TrimPrefix(g.api, "https://"), row.gateway)
		client := g.envoy(t, credentials.NewTLS(transport.TLSClientConfig))
		answer, err := client.Check(t.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{ContextExtensions: map[string]string{"profile": "mesh"},
			Source: &authv3.AttributeContext_Peer{Certificate: escapedPEM(g.clients["second"])}}})
		if err != nil {
			t.Fatal(err)
		}
		if allowed := answer.GetOkResponse() != nil; allowed != row.allowed {
			t.Errorf("gateway %q by gRPC: allowed %t, want %t: %s", row.gateway, allowed, row.allowed, answer.GetStatus().GetMessage())
		}
		code, reason := g.askEdge(t, transport)
		if (code == 200) != row.allowed || !row.allowed && reason != "untrusted-caller" {
			t.Errorf("gateway %q by HTTP: %d %s, allowed %t", row.gateway, code, reason, row.allowed)
		}
	}
}

// serveConfig runs veto by the rig's veto.yaml and notes its addresses.
func (g *gatewayRig) serveConfig() {
	t := g.t
	t.Helper()
	out, log := startRun(t, "serve", "--config", g.file("veto.yaml"))
	lines := bufio.NewScanner(out)
	for g.api == "" && lines.Scan() {
		name, address, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case "envoy":
			g.envoyAddress = address
		case "public":
			g.public = address
		case "api":
			g.api = address
		}
	}
	if g.api == "" {
		t.Fatalf("veto serve ended early: %s", log)
	}
	if strings.HasPrefix(g.api, "http://") {
		awaitCRL(t, g.api, "corp")
	} else {
		g.awaitReady()
	}
}

func (g *gatewayRig) envoy(t *testing.T, c credentials.TransportCredentials) authv3.AuthorizationClient {
	t.Helper()
	conn, err := grpc.NewClient(g.envoyAddress, grpc.WithTransportCredentials(c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return authv3.NewAuthorizationClient(conn)
}

// askEdge asks by HTTP whether a client of the profile edge may be let in.
func (g *gatewayRig) askEdge(t *testing.T, transport *http.Transport) (code int, reason string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "https://localhost/v1/authz/edge", nil)
	g.check(err)
	r.Header.Set("X-SSL-Client-Cert", escapedPEM(g.clients["second"]))
	resp, err := (&http.Client{Transport: transport}).Do(r)
	g.check(err)
	resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("X-Veto-Reason")
}

// awaitReady waits, over TLS, until every issuer can be answered for.
func (g *gatewayRig) awaitReady() {
	g.t.Helper()
	transport := g.transport("tcp", strings.TrimPrefix(g.api, "https://"), "")
	for range 6000 {
		if resp, err := (&http.Client{Transport: transport}).Get("https://localhost/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == 200 {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	g.t.Fatal("veto does not become ready")
}
