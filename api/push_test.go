package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
)

const corpCRL = "/v1/issuers/corp/crl"

const crlBody header = "Content-Type: application/pkix-crl"

func TestPush(t *testing.T) {
	s := newServer(t, nil)
	s.push = func(_ context.Context, source string, body io.Reader) (api.RefreshResult, error) {
		got, err := io.ReadAll(body)
		if string(got) != "the CRL" || err != nil || source != "push:a" {
			t.Errorf("pushed %q, %v to %q", got, err, source)
		}
		return api.RefreshResult{URL: source, Outcome: "changed", Added: 2, CRLNumber: "1043"}, nil
	}
	r := decode[api.RefreshResult](t, s.do(t, "PUT", corpCRL+"?source=push:a", "the CRL", asAlice, crlBody), 200)
	if r.Outcome != "changed" || r.Added != 2 || r.CRLNumber != "1043" {
		t.Errorf("got %+v", r)
	}
	if lines := s.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "action=push outcome=changed who=alice issuer=corp") {
		t.Errorf("log %q", lines)
	}
	for _, mediaType := range []string{"application/x-pem-file", "text/plain; charset=utf-8"} {
		decode[api.RefreshResult](t, s.do(t, "PUT", corpCRL+"?source=push:a", "the CRL", asAlice, header("Content-Type: "+mediaType)), 200)
	}
}

func TestAPushThatIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		code int
		kind string
		rule string
	}{
		{"an older CRL", revocation.Refuse("rollback", "RFC 5280 §5.2.3", "lower than number 5"), 409, "crl-not-newer", "rollback"},
		{"another of the same number", revocation.Refuse("equivocation", "", "the same number 5"), 409, "crl-not-newer", "equivocation"},
		{"one of another issuer", revocation.Refuse("issuer", "RFC 5280 §6.3.3(b)", "is issued by"), 422, "refused", "issuer"},
		{"one too large", revocation.Refuse("too-big", "", "max_bytes"), 413, "too-large", "too-big"},
		{"for a source that is not there", revocation.Refuse("source", "", "no CRL source with this URL"), 422, "invalid-request", ""},
		{"while the disk is full", fmt.Errorf("committing: %w", revocation.ErrNotDurable), 507, "not-durable", ""},
		{"while shutting down", context.Canceled, 503, "shutting-down", ""},
		{"with a fault of ours", errors.New("secret"), 500, "internal", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, nil)
			s.push = func(context.Context, string, io.Reader) (api.RefreshResult, error) {
				return api.RefreshResult{Outcome: "failed"}, tt.err
			}
			p := wantProblem(t, s.do(t, "PUT", corpCRL, "x", asAlice, crlBody), tt.code, tt.kind)
			if p.Rule != tt.rule || strings.Contains(p.Detail, "secret") {
				t.Errorf("got %+v", p)
			}
			if lines := s.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "outcome="+tt.kind) {
				t.Errorf("log %q", lines)
			}
		})
	}
}

func TestAPushThatNobodyIsAskedAbout(t *testing.T) {
	s := newServer(t, nil)
	s.push = func(context.Context, string, io.Reader) (api.RefreshResult, error) {
		t.Error("the pusher was asked")
		return api.RefreshResult{}, nil
	}
	wantProblem(t, s.do(t, "PUT", corpCRL, "x", crlBody), 401, "token-required")
	wantProblem(t, s.do(t, "PUT", "/v1/issuers/nobody/crl", "x", asAlice, crlBody), 404, "unknown-issuer")
	wantProblem(t, s.do(t, "PUT", "/v1/issuers/home/crl", "x", asAlice, crlBody), 409, "nothing-to-fetch")
	wantProblem(t, s.do(t, "PUT", corpCRL, "{}", asAlice, jsonBody), 415, "unsupported-media-type")
	wantProblem(t, s.do(t, "PUT", corpCRL, "x", asAlice, crlBody, "Content-Encoding: gzip"), 415, "unsupported-media-type")
	wantProblem(t, s.do(t, "PUT", corpCRL+"?url=x", "x", asAlice, crlBody), 422, "invalid-request")
	if lines := s.log.lines(); len(lines) != 6 {
		t.Errorf("%d lines for six requests: %q", len(lines), lines)
	}
}

func TestARefreshOfWhatIsPushedFetchesNothing(t *testing.T) {
	s := newServer(t, nil)
	s.refresh = func(context.Context) ([]api.RefreshResult, error) {
		return nil, fmt.Errorf("refreshing push:: %w", revocation.Refuse("push", "", "never fetched"))
	}
	p := wantProblem(t, s.do(t, "POST", corpRefresh+"?wait=true", "", asAlice), 409, "nothing-to-fetch")
	if !strings.Contains(p.Detail, "PUT /v1/issuers/corp/crl") {
		t.Errorf("got %+v", p)
	}
}

// TestAPushOverARealConnection sends more than fits in any buffer, and then less than was announced.
func TestAPushOverARealConnection(t *testing.T) {
	s := newServer(t, nil)
	s.push = func(_ context.Context, _ string, body io.Reader) (api.RefreshResult, error) {
		n, err := io.Copy(io.Discard, body)
		return api.RefreshResult{URL: "push:", Outcome: "changed", Entries: int(n)}, err
	}
	server := httptest.NewServer(s.api.Handler())
	t.Cleanup(server.Close)
	const size = 40 << 20
	r, _ := http.NewRequestWithContext(t.Context(), "PUT", server.URL+corpCRL, bytes.NewReader(make([]byte, size)))
	r.Header.Set("Content-Type", "application/pkix-crl")
	r.Header.Set("Authorization", "Bearer "+adminToken)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	if answer.StatusCode != 200 || !strings.Contains(string(body), fmt.Sprintf(`"entries":%d`, size)) {
		t.Errorf("%d: %s", answer.StatusCode, body)
	}

	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: veto\r\nAuthorization: Bearer %s\r\nContent-Type: application/pkix-crl\r\n"+
		"Content-Length: 100\r\n\r\nhalf", corpCRL, adminToken)
	conn.(*net.TCPConn).CloseWrite()
	text, _ := io.ReadAll(conn)
	if !strings.HasPrefix(string(text), "HTTP/1.1 400 ") && len(text) > 0 {
		t.Errorf("a body cut off: %s", text)
	}
}
