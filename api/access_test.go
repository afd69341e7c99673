package api_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/bubble"
)

func TestAdminRoutesNeedAnAdminToken(t *testing.T) {
	s := newServer(t, func(o *api.Options) { o.ReadTokens = tokens(t, "bob "+readToken) })
	routes := map[string]string{"POST " + corpRevocations: `{"serial":"0b"}`, "DELETE " + corpRevocations + "/0b": "", "POST " + corpRefresh: ""}
	for _, c := range []struct {
		fact    string
		headers []header
		code    int
		kind    string
		ask     string
	}{
		{"no token", nil, 401, "token-required", `Bearer realm="veto"`},
		{"a wrong token", []header{"Authorization: Bearer wrong"}, 401, "token-required", `Bearer realm="veto", error="invalid_token"`},
		{"a token and more", []header{"Authorization: Bearer " + adminToken + "x"}, 401, "token-required", `Bearer realm="veto", error="invalid_token"`},
		{"another scheme", []header{"Authorization: Basic " + adminToken}, 401, "token-required", `Bearer realm="veto"`},
		{"two tokens", []header{asAlice, asAlice}, 401, "token-required", `Bearer realm="veto"`},
		{"a read token", []header{"Authorization: Bearer " + readToken}, 403, "read-only-token", `Bearer realm="veto", error="insufficient_scope"`},
	} {
		for route, body := range routes {
			method, target, _ := strings.Cut(route, " ")
			w := s.do(t, method, target, body, append(c.headers, jsonBody)...)
			wantProblem(t, w, c.code, c.kind)
			if got := w.Header().Get("WWW-Authenticate"); got != c.ask {
				t.Errorf("%s on %s: WWW-Authenticate %q", c.fact, route, got)
			}
			lines := s.log.lines()
			if len(lines) != 1 || !strings.Contains(lines[0], "outcome="+c.kind) || strings.Contains(lines[0], "correct-horse") {
				t.Errorf("%s on %s: log %q", c.fact, route, lines)
			}
		}
	}
	if s.generation != 7 {
		t.Errorf("something was changed: generation %d", s.generation)
	}
}

func TestWithoutAdminTokenAdministrationIsDisabled(t *testing.T) {
	s := newServer(t, func(o *api.Options) { o.AdminTokens = nil })
	p := wantProblem(t, s.revoke(t, `{"serial":"0b"}`), 403, "admin-disabled")
	if !strings.Contains(p.Detail, "--admin-token-file") {
		t.Errorf("it does not say how to enable it: %s", p.Detail)
	}
}

func TestReadTokenGuardsReading(t *testing.T) {
	s := newServer(t, func(o *api.Options) { o.ReadTokens = tokens(t, readToken) })
	for _, path := range []string{"/v1/status/corp/0a", "/v1/issuers", "/v1/issuers/corp", corpRevocations} {
		wantProblem(t, s.do(t, "GET", path, ""), 401, "token-required")
		for _, token := range []string{readToken, adminToken} {
			if w := s.do(t, "GET", path, "", header("Authorization: bearer "+token)); w.Code != 200 {
				t.Errorf("%s with a token: %d", path, w.Code)
			}
		}
	}
	wantProblem(t, s.do(t, "POST", "/v1/status", `{}`, jsonBody), 401, "token-required")
	for _, path := range []string{"/healthz", "/readyz", "/openapi.json", "/docs"} {
		if w := s.do(t, "GET", path, ""); w.Code != 200 {
			t.Errorf("%s needs no token: %d", path, w.Code)
		}
	}
}

func TestTokensAreReplacedAtOnce(t *testing.T) {
	s := newServer(t, nil)
	revoke := func(token string) *httptest.ResponseRecorder {
		return s.do(t, "POST", corpRevocations, `{"serial":"0b"}`, jsonBody, header("Authorization: Bearer "+token))
	}
	decode[api.ChangeReport](t, revoke(adminToken), 201)
	s.api.SetTokens(tokens(t, "carol another-good-token-1234"), tokens(t, readToken))
	wantProblem(t, revoke(adminToken), 401, "token-required")
	decode[api.ChangeReport](t, revoke("another-good-token-1234"), 200)
	wantProblem(t, s.do(t, "GET", "/v1/issuers", ""), 401, "token-required")
	s.api.SetTokens(nil, nil)
	wantProblem(t, revoke("another-good-token-1234"), 403, "admin-disabled")
	decode[api.IssuerReports](t, s.do(t, "GET", "/v1/issuers", ""), 200)
}

func TestGuessingIsLimited(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newServer(t, nil)
		try := func(remote, token string) *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(context.Background(), "DELETE", corpRevocations+"/0b", nil)
			r.RemoteAddr = remote
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("X-Forwarded-For", fmt.Sprint(time.Now())) // believed by nobody
			w := httptest.NewRecorder()
			s.api.Handler().ServeHTTP(w, r)
			return w
		}
		for range 50 {
			wantProblem(t, try("192.0.2.9:1", adminToken), 404, "no-revocation") // the right token is never limited
		}
		for i := range 10 {
			wantProblem(t, try(fmt.Sprint("192.0.2.9:", i+1), "wrong"), 401, "token-required")
		}
		w := try("192.0.2.9:77", "wrong")
		wantProblem(t, w, 429, "too-many-attempts")
		if w.Header().Get("Retry-After") != "60" {
			t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
		}
		wantProblem(t, try("192.0.2.9:78", adminToken), 429, "too-many-attempts")
		wantProblem(t, try("192.0.2.8:1", adminToken), 404, "no-revocation")
		for i := range 10 {
			wantProblem(t, try(fmt.Sprintf("[2001:db8::%x]:1", i), "wrong"), 401, "token-required")
		}
		wantProblem(t, try("[2001:db8::ffff:1]:1", "wrong"), 429, "too-many-attempts")
		wantProblem(t, try("[2001:db8:0:1::1]:1", "wrong"), 401, "token-required")
		time.Sleep(time.Minute)
		wantProblem(t, try("192.0.2.9:79", adminToken), 404, "no-revocation")
	})
}

func TestLogLinesCannotBeForged(t *testing.T) {
	s := newServer(t, nil)
	s.do(t, "DELETE", "/v1/issuers/x%0atime=now%20level=INFO%20msg=admin/revocations/0b%0d%0afoo", "", asAlice)
	if lines := s.log.lines(); len(lines) != 1 {
		t.Errorf("log %q", lines)
	}
}

func TestTokenFile(t *testing.T) {
	f := tokens(t, "# rotation\n\nold-token-0123456789\r\nalice\t"+adminToken+"\n")
	for token, want := range map[string]string{"old-token-0123456789": "admin", adminToken: "alice", "": "", "alice": "", "# rotation": ""} {
		if name, ok := f.Authenticate(token); name != want || ok != (want != "") {
			t.Errorf("token %q: %q, %v", token, name, ok)
		}
	}
	for fact, contents := range map[string]string{
		"an empty file":              "",
		"comments only":              "# nothing\n",
		"a short token":              "short",
		"a token with a quote":       `0123456789012345"`,
		"three words":                "alice 0123456789012345 more",
		"a name with a control char": "ali\x01ce 0123456789012345",
	} {
		_, err := api.NewTokenFile([]byte(contents))
		if err == nil || strings.Contains(err.Error(), "0123456789") {
			t.Errorf("%s: error %v", fact, err)
		}
	}
}
