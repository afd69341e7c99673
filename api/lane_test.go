package api_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/lane"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// bothWays asks in the lane and through the handler, and returns what they answer: nil when the lane leaves it to the handler.
func (s *server) bothWays(t testing.TB, target string, headers ...header) (inLane, handled *http.Response) {
	t.Helper()
	r := lane.Request{Target: []byte(target), Remote: netip.MustParseAddrPort("192.0.2.1:1234")}
	for _, h := range headers {
		name, value, _ := strings.Cut(string(h), ": ")
		r.Fields = append(r.Fields, lane.Field{Name: []byte(name), Value: []byte(value)})
	}
	handled = s.do(t, "GET", target, "", headers...).Result()
	out, ok := s.api.Respond([]byte("kept"), &r)
	if !ok {
		return nil, handled
	}
	rest, kept := bytes.CutPrefix(out, []byte("kept"))
	inLane, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(rest)), &http.Request{Method: "GET"})
	if err != nil || !kept {
		t.Fatalf("%q: %v", out, err)
	}
	return inLane, handled
}

// sameAnswer compares all that is said.
func sameAnswer(t *testing.T, fact string, a, b *http.Response) {
	t.Helper()
	read := func(r *http.Response) (http.Header, string) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength >= 0 && int64(len(body)) != r.ContentLength {
			t.Errorf("%s: a body of %d octets, %d were announced, %v", fact, len(body), r.ContentLength, err)
		}
		h := r.Header.Clone()
		h.Del("Date")
		return h, string(body)
	}
	ha, ba := read(a)
	hb, bb := read(b)
	if diff := cmp.Diff(ha, hb); a.StatusCode != b.StatusCode || ba != bb || diff != "" {
		t.Errorf("%s: %d and %d, %q and %q, headers in the lane -, of the handler +:\n%s", fact, a.StatusCode, b.StatusCode, ba, bb, diff)
	}
	if a.Header.Get("Date") == "" {
		t.Errorf("%s: no Date", fact)
	}
}

func TestTheLaneSaysWhatTheHandlerSays(t *testing.T) {
	s := newServer(t, nil)
	fails, report := profile(nil), profile(nil)
	fails.Name, fails.Policy.Indeterminate = "fails", revocation.Fail
	report.Name, report.Policy = "report", revocation.Presets()["report"]
	tokened, asked := profile(nil), profile(nil)
	tokened.Name, tokened.Callers.Token = "tokened", "a-token-for-the-edge"
	asked.Name, asked.Callers.Certificates = "asked", []verify.Identity{{Kind: verify.IdentityDNS, Value: "gw.test"}}
	s.profiles(t, profile(nil), fails, report, tokened, asked)
	cert := func(serial int64) header {
		return header("x-client-CERT: " + base64.StdEncoding.EncodeToString(s.peerCertificate(t, serial, pkitest.LeafOptions{}).Raw))
	}
	good, revoked := cert(0x0b), cert(0x0a)
	for _, row := range []struct {
		fact    string
		target  string
		headers []header
		lane    bool
	}{
		{"good", "/v1/authz/edge", []header{good, "Cookie: x"}, true},
		{"below", "/v1/authz/edge/a%2Fb//c", []header{good}, true},
		{"revoked", "/v1/authz/edge/", []header{revoked}, true},
		{"none", "/v1/authz/edge", nil, true},
		{"empty", "/v1/authz/edge", []header{"X-Client-Cert: "}, true},
		{"twice", "/v1/authz/edge", []header{good, good}, true},
		{"not base64", "/v1/authz/edge", []header{"X-Client-Cert: ?"}, true},
		{"reported", "/v1/authz/report", []header{revoked}, true},
		{"with its token", "/v1/authz/tokened", []header{good, "x-veto-token: a-token-for-the-edge"}, true},
		{"with its token as Bearer", "/v1/authz/tokened", []header{good, "Authorization: Bearer a-token-for-the-edge"}, true},
		{"without its token", "/v1/authz/tokened", []header{good}, true},
		{"by a profile that asks for certificates", "/v1/authz/asked", []header{good}, false},
		{"by no profile", "/v1/authz/other", []header{good}, false},
		{"by a profile that is escaped", "/v1/authz/%65dge", []header{good}, false},
		{"status good", "/v1/status/corp/0b", nil, true},
		{"status revoked", "/v1/status/" + s.corpID.String() + "/0a", []header{"Accept: */*"}, true},
		{"status in other ways to write it", "/v1/status/corp/0x0A", nil, true},
		{"status with a condition", "/v1/status/corp/0b", []header{`if-none-match: "x"`}, false},
		{"status of nobody", "/v1/status/nobody/0b", nil, false},
		{"status of no serial", "/v1/status/corp/xyz", nil, false},
		{"status with an escape", "/v1/status/corp/0%62", nil, false},
		{"status and more", "/v1/status/corp/0b/x", nil, false},
		{"something else", "/v1/issuers", nil, false},
	} {
		for _, stale := range []bool{false, true} {
			s.stale = stale
			inLane, handled := s.bothWays(t, row.target, row.headers...)
			if (inLane != nil) != row.lane {
				t.Errorf("%s: answered in the lane: %t", row.fact, inLane != nil)
			} else if inLane != nil {
				sameAnswer(t, row.fact, inLane, handled)
			}
		}
	}
	s.stale = true
	inLane, handled := s.bothWays(t, "/v1/authz/fails", good)
	sameAnswer(t, "an error by policy", inLane, handled)
	s.api.SetTokens(nil, tokens(t, "reader "+readToken))
	if inLane, _ := s.bothWays(t, "/v1/status/corp/0b"); inLane != nil {
		t.Error("a status is told without the token that reading needs")
	}
}

// TestAPanicInTheLaneIsUndetermined, as in the handler.
func TestAPanicInTheLaneIsUndetermined(t *testing.T) {
	s := newServer(t, func(o *api.Options) { o.Source = failing{} })
	s.profiles(t, profile(nil))
	c := s.peerCertificate(t, 0x0b, pkitest.LeafOptions{})
	r := lane.Request{Target: []byte("/v1/authz/edge"), Remote: netip.MustParseAddrPort("192.0.2.1:1"),
		Fields: []lane.Field{{Name: []byte("X-Client-Cert"), Value: []byte(base64.StdEncoding.EncodeToString(c.Raw))}}}
	out, ok := s.api.Respond(nil, &r)
	if !ok || !bytes.HasPrefix(out, []byte("HTTP/1.1 403 ")) {
		t.Errorf("%t: %s", ok, out)
	}
	if _, ok := s.api.Respond(nil, &lane.Request{Target: []byte("/v1/status/corp/0b")}); ok {
		t.Error("a status that cannot be told is answered")
	}
}

func BenchmarkLane(b *testing.B) {
	s := newServer(b, nil)
	s.profiles(b, profile(nil))
	r := lane.Request{Target: []byte("/v1/authz/edge"), Remote: netip.MustParseAddrPort("192.0.2.1:1"), Fields: []lane.Field{{Name: []byte("X-Client-Cert"),
		Value: []byte(base64.StdEncoding.EncodeToString(s.peerCertificate(b, 0x0b, pkitest.LeafOptions{}).Raw))}}}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		s.api.Respond(buf, &r)
	}
}
