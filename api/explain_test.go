package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/explain"
)

// echo explains a message by its octets.
type echo struct{}

func (echo) ExplainOCSP(_ context.Context, der []byte) *explain.Explanation {
	return &explain.Explanation{Kind: explain.Request, Lines: []explain.Line{{Text: base64.StdEncoding.EncodeToString(der), Section: "RFC 6960 §4.1"}}}
}

func withExplainer(o *api.Options) { o.Explainer = echo{} }

func TestExplainTakesDERAndBase64(t *testing.T) {
	s := newServer(t, withExplainer)
	der := []byte{0x30, 3, 0x0a, 1, 3}
	text := base64.StdEncoding.EncodeToString(der)
	for _, row := range []struct{ fact, mediaType, body string }{
		{"a request", "application/ocsp-request", string(der)},
		{"a response", "application/ocsp-response", string(der)},
		{"octets", "application/octet-stream", string(der)},
		{"base64", "text/plain; charset=utf-8", text + "\n"},
		{"base64 under the name of DER", "application/ocsp-request", text},
	} {
		w := s.do(t, "POST", "/v1/explain/ocsp", row.body, header("Content-Type: "+row.mediaType))
		var x explain.Explanation
		if err := json.Unmarshal(w.Body.Bytes(), &x); err != nil || w.Code != 200 || len(x.Lines) != 1 || x.Lines[0].Text != text {
			t.Errorf("%s: %d %s (%v)", row.fact, w.Code, w.Body, err)
		}
	}
}

func TestExplainRefuses(t *testing.T) {
	s := newServer(t, withExplainer)
	const path, octets header = "/v1/explain/ocsp", "Content-Type: application/octet-stream"
	wantProblem(t, s.do(t, "POST", string(path), "{}", jsonBody), 415, "unsupported-media-type")
	wantProblem(t, s.do(t, "POST", string(path), "<html>", octets), 400, "malformed-request")
	wantProblem(t, s.do(t, "POST", string(path), strings.Repeat("A", api.MaxExplained+1), octets), 413, "too-large")
	wantProblem(t, s.do(t, "GET", string(path), ""), 405, "method-not-allowed")
	closed := newServer(t, func(o *api.Options) { withExplainer(o); o.ReadTokens = tokens(t, "bob "+readToken) })
	body := string(bytes.Repeat([]byte{0x30}, 4))
	wantProblem(t, closed.do(t, "POST", string(path), body, octets), 401, "token-required")
	if w := closed.do(t, "POST", string(path), body, octets, header("Authorization: Bearer "+readToken)); w.Code != 200 {
		t.Errorf("with a token for reading: %d %s", w.Code, w.Body)
	}
	wantProblem(t, newServer(t, nil).do(t, "POST", string(path), body, octets), 404, "not-found")
}
