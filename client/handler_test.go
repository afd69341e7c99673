package client_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/revocation"
)

func TestHandlerJudgesEveryRequest(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		m := newMTLS(t)
		g := m.guard(client.GuardOptions{Policy: revocation.Policy{Indeterminate: revocation.Fail}})
		s := httptest.NewUnstartedServer(g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })))
		s.TLS, s.EnableHTTP2 = m.serverConfig(), h2 // no guard in the handshake: the requests show what Handler does
		s.TLS.ClientAuth = tls.VerifyClientCertIfGiven
		s.StartTLS()
		t.Cleanup(s.Close)
		get := func(withCertificate bool) (*http.Response, string) {
			t.Helper()
			cfg := m.clientConfig()
			if !withCertificate {
				cfg.Certificates = nil
			}
			transport := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: h2}
			defer transport.CloseIdleConnections()
			resp, err := (&http.Client{Transport: transport}).Get(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return resp, string(body)
		}
		for _, row := range []struct {
			fact        string
			says        says
			certificate bool
			code        int
			text        string
		}{
			{"good", good, true, 200, "HTTP/"},
			{"revoked", revokedNow, true, 403, "The certificate is revoked."},
			{"not known", notConfigured, true, 403, "not known"},
			{"undetermined", unreachable, true, 503, "could not be found out"},
			{"none", good, false, 401, "client certificate"},
		} {
			m.known.set("client.test", row.says)
			resp, body := get(row.certificate)
			if resp.StatusCode != row.code || !strings.Contains(body, row.text) || strings.Contains(body, "connection refused") {
				t.Errorf("h2 %v, %s: HTTP %d %q, want %d %q", h2, row.fact, resp.StatusCode, body, row.code, row.text)
			}
			if row.code == 200 {
				continue
			}
			var p struct {
				Type, Title, Detail string
				Status              int
			}
			if kind := resp.Header.Get("Content-Type"); kind != "application/problem+json" || json.Unmarshal([]byte(body), &p) != nil || p.Status != row.code || p.Type == "" {
				t.Errorf("%s: %s %+v is no problem of RFC 9457", row.fact, kind, p)
			}
		}
	}
}

func TestHandlerWithoutTLSIsWithoutACertificate(t *testing.T) {
	m := newMTLS(t)
	w := httptest.NewRecorder()
	m.guard(client.GuardOptions{}).Handler(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("got HTTP %d, want 401", w.Code)
	}
}
