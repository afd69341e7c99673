package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
)

// authzRig is a gatewayRig whose veto answers gateways by profiles, and an application behind them.
type authzRig struct {
	*gatewayRig
	stop func() // ends veto

}

const edgeToken = "a-token-for-the-edge"

// newAuthzRig starts veto with one profile, "edge", and an application at 127.0.0.1:9000 as far as the gateway knows.
func newAuthzRig(t *testing.T, header, policy string) *authzRig {
	t.Helper()
	g := &authzRig{gatewayRig: newGatewayPKI(t)}
	g.write("edge.token", edgeToken+"\n")
	profile := documented(t, "profile")
	profile = strings.Replace(profile, "nginx-escaped ", header+" ", 1)
	profile = strings.Replace(profile, "policy: strict", "policy: "+policy, 1)
	g.write("veto.yaml", "data_dir: data\npublic: {listen: '127.0.0.1:0'}\napi: {listen: '127.0.0.1:0'}\nadmin: {token_file: admin.token}\n"+
		"issuers: [{name: corp, certificate: ca.pem, crls: [{url: ca.crl}]}]\n"+profile)
	g.start()
	awaitCRL(t, g.api, "corp")
	return g
}

// start runs veto until stop is called or the test ends.
func (g *authzRig) start() {
	g.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, w := io.Pipe()
	ended, log := make(chan int, 1), new(bytes.Buffer)
	go func() {
		ended <- run(ctx, []string{"serve", "--config", g.file("veto.yaml")}, w, log)
		w.Close()
	}()
	stopped := false
	g.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		go io.Copy(io.Discard, out)
		if code := <-ended; code != exitYes {
			g.t.Errorf("veto serve ended with %d: %s", code, log)
		}
	}
	g.t.Cleanup(g.stop)
	g.public, g.api = readAddresses(g.t, out, func() string { return "see the test's log" })
}

// application is what the gateway protects. It says which certificate header it was sent.
func (g *authzRig) application(header string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "the application; certificate %q", r.Header.Get(header))
	}))
	g.t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// config is a configuration of docs/GATEWAYS.md, with the places of this test, and with the lines for the policy soft if wanted.
func (g *authzRig) config(name string, soft bool, replace ...string) string {
	g.t.Helper()
	text := documented(g.t, name)
	if soft {
		text = strings.ReplaceAll(text, "#soft ", "")
	}
	replace = append(replace, "/etc/gateway/", g.dir+"/", "127.0.0.1:8081", strings.TrimPrefix(g.api, "http://"))
	return strings.NewReplacer(replace...).Replace(text)
}

// documented is a block of docs/GATEWAYS.md: the word after its language names it.
func documented(t *testing.T, name string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/GATEWAYS.md")
	if err != nil {
		t.Fatal(err)
	}
	var block strings.Builder
	inside := false
	for line := range strings.Lines(string(page)) {
		switch fence := strings.HasPrefix(line, "```"); {
		case fence && inside:
			return block.String()
		case fence:
			inside = strings.HasSuffix(strings.TrimSpace(line), " "+name)
		case inside:
			block.WriteString(line)
		}
	}
	t.Fatalf("docs/GATEWAYS.md has no block %s", name)
	return ""
}

// ask asks with a client's certificate and a header of its own: the code, and what the application says.
func (g *authzRig) ask(address, client, header, value string) (code int, body string) {
	g.t.Helper()
	transport := g.transport("tcp", address, client)
	defer transport.CloseIdleConnections()
	r, err := http.NewRequest("GET", "https://localhost/page?with=query", nil)
	g.check(err)
	if header != "" {
		r.Header.Set(header, value)
	}
	resp, err := (&http.Client{Transport: transport, Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// gatewayUnderTest is a gateway by the configuration of docs/GATEWAYS.md.
type gatewayUnderTest struct {
	header  string // the profile's format
	carries string // the header's name
	forged  func(c *pkitest.Pair) string
	start   func(g *authzRig, soft bool) (address string)
}

// judge puts a gateway through everything it must do.
func (u *gatewayUnderTest) judge(t *testing.T) {
	t.Run("strict", func(t *testing.T) {
		g := newAuthzRig(t, u.header, "strict")
		address := u.start(g, false)
		want := func(fact string, wanted int, code int, body string) {
			t.Helper()
			if code != wanted {
				t.Errorf("%s: HTTP %d, want %d: %.300s", fact, code, wanted, body)
			}
		}
		code, body := g.ask(address, "good", "", "")
		want("a good certificate", 200, code, body)
		code, body = g.ask(address, "bad", "", "")
		want("a revoked certificate", 403, code, body)
		code, body = g.ask(address, "", "", "")
		want("no certificate", 401, code, body)
		forged := u.forged(g.clients["good"])
		code, body = g.ask(address, "", u.carries, forged)
		want("no certificate, and a header that claims one", 401, code, body)
		code, body = g.ask(address, "bad", u.carries, forged)
		want("a revoked certificate, and a header that claims another", 403, code, body)
		code, body = g.ask(address, "good", u.carries, "forged")
		want("a good certificate, and a forged header", 200, code, body)
		if strings.Contains(body, "forged") {
			t.Errorf("the application sees what a client claims: %s", body)
		}
		u.untrusted(t, g, forged)

		code, body = g.ask(address, "second", "", "")
		want("before its revocation", 200, code, body)
		g.admin("revoke", "second")
		g.awaitRefused(address, "second")
		code, body = g.ask(address, "good", "", "")
		want("another one after that", 200, code, body)

		g.stop()
		if code, body = g.ask(address, "good", "", ""); code == 200 {
			t.Errorf("veto is stopped, and strict lets in: %.300s", body)
		}
	})
	t.Run("soft", func(t *testing.T) {
		g := newAuthzRig(t, u.header, "soft")
		address := u.start(g, true)
		if code, body := g.ask(address, "bad", "", ""); code != 403 {
			t.Errorf("a revoked certificate: HTTP %d, want 403: %.300s", code, body)
		}
		if code, body := g.ask(address, "", "", ""); code != 401 {
			t.Errorf("no certificate: HTTP %d, want 401: %.300s", code, body)
		}
		g.stop()
		if code, body := g.ask(address, "good", "", ""); code != 200 {
			t.Errorf("veto is stopped, and soft keeps out: HTTP %d: %.300s", code, body)
		}
	})
}

// awaitRefused asks until the client is refused: a second is enough where nothing is cached.
func (g *authzRig) awaitRefused(address, client string) {
	g.t.Helper()
	for range 1000 {
		if code, _ := g.ask(address, client, "", ""); code == 403 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	g.t.Errorf("%s was revoked, and is still let in", client)
}

// untrusted asks veto itself, as somebody who is not the gateway.
func (u *gatewayUnderTest) untrusted(t *testing.T, g *authzRig, forged string) {
	t.Helper()
	for _, token := range []string{"", "another-token-altogether"} {
		r, err := http.NewRequest("GET", g.api+"/v1/authz/edge", nil)
		g.check(err)
		r.Header.Set(u.carries, forged)
		if token != "" {
			r.Header.Set("X-Veto-Token", token)
		}
		resp, err := http.DefaultClient.Do(r)
		g.check(err)
		resp.Body.Close()
		if reason := resp.Header.Get("X-Veto-Reason"); resp.StatusCode != 403 || reason != "untrusted-caller" {
			t.Errorf("a forged header of an untrusted caller: HTTP %d, %s", resp.StatusCode, reason)
		}
	}
}

// atFreePort starts a gateway at a port that is free now, again when somebody takes it meanwhile.
func atFreePort(t *testing.T, start func(port string) *process) (address string) {
	t.Helper()
	for range 5 {
		address = fmt.Sprintf("127.0.0.1:%d", freePort(t))
		_, port, _ := net.SplitHostPort(address)
		p := start(port)
		err := p.await("tcp", address)
		if err == nil {
			return address
		}
		if !strings.Contains(strings.ToLower(p.log.String()), "already in use") && !strings.Contains(p.log.String(), "cannot bind") {
			t.Fatal(err)
		}
	}
	t.Fatal("no port is free for long enough")
	return ""
}
