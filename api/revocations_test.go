package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

const corpRevocations = "/v1/issuers/corp/revocations"

func (s *server) revoke(t testing.TB, body string) *httptest.ResponseRecorder {
	t.Helper()
	return s.do(t, "POST", corpRevocations, body, asAlice, jsonBody)
}

func TestRevokeTakesEffectAndIsLogged(t *testing.T) {
	s := newServer(t, nil)
	w := s.revoke(t, `{"serial":"0x0B","reason":"superseded","comment":"replaced","revoked_at":"2026-01-02T03:04:05.9+02:00"}`)
	r := decode[api.ChangeReport](t, w, 201)
	want := api.RevocationObject{Serial: "0b", Source: "admin", Reason: "superseded", By: "alice", Comment: "replaced",
		RevokedAt: time.Date(2026, 1, 2, 1, 4, 5, 0, time.UTC), RecordedAt: r.Revocation.RecordedAt}
	if r.Outcome != "created" || r.Generation != 8 || r.Revocation != want || time.Since(want.RecordedAt) > time.Minute {
		t.Errorf("got %+v", r)
	}
	if r.Status.Status != "revoked" || r.Status.Because != "admin" {
		t.Errorf("status after the revoke: %+v", r.Status)
	}
	at := w.Header().Get("Location")
	if o := decode[api.StatusObject](t, s.do(t, "GET", at, ""), 200); o.Status != "revoked" || o.Serial != "0b" {
		t.Errorf("status at %s: %+v", at, o)
	}
	lines := s.log.lines()
	if len(lines) != 1 || strings.Contains(lines[0], adminToken) {
		t.Fatalf("log %q", lines)
	}
	for _, field := range []string{"action=revoke", "outcome=created", "who=alice", "issuer=corp", "serial=0b", "reason=superseded", "remote=192.0.2.1"} {
		if !strings.Contains(lines[0], field) {
			t.Errorf("no %s in %s", field, lines[0])
		}
	}
}

func TestRevokeAgainstWhatStands(t *testing.T) {
	s := newServer(t, nil)
	for _, c := range []struct {
		fact, body string
		code       int
		outcome    string
	}{
		{"a hold is new", `{"serial":"0b","reason":"certificateHold"}`, 201, "created"},
		{"the same again changes nothing", `{"serial":"0b","reason":"certificateHold"}`, 200, "unchanged"},
		{"a hold becomes permanent", `{"serial":"0b","reason":"superseded"}`, 200, "upgraded"},
		{"a permanent reason does not become a hold", `{"serial":"0b","reason":"certificateHold"}`, 409, ""},
		{"a permanent reason does not become another", `{"serial":"0b","reason":"cessationOfOperation"}`, 409, ""},
		{"any reason becomes keyCompromise", `{"serial":"0b","reason":"keyCompromise"}`, 200, "upgraded"},
		{"another date contradicts", `{"serial":"0b","reason":"keyCompromise","revoked_at":"2020-01-01T00:00:00Z"}`, 409, ""},
	} {
		w := s.revoke(t, c.body)
		if c.code == 409 {
			p := wantProblem(t, w, 409, "conflict")
			if p.Standing == nil || p.Standing.Serial != "0b" || p.Standing.Source != "admin" || p.Standing.By != "alice" || p.Standing.RevokedAt.IsZero() {
				t.Errorf("%s: standing %+v", c.fact, p.Standing)
			}
			continue
		}
		if r := decode[api.ChangeReport](t, w, c.code); r.Outcome != c.outcome {
			t.Errorf("%s: %+v", c.fact, r)
		}
		if (c.code == 201) != (w.Header().Get("Location") != "") {
			t.Errorf("%s: Location %q", c.fact, w.Header().Get("Location"))
		}
	}
	if lines := s.log.lines(); len(lines) != 7 || !strings.Contains(lines[3], "outcome=conflict") || !strings.Contains(lines[3], "level=WARN") {
		t.Errorf("log %q", lines)
	}
}

func TestRevokeByCertificate(t *testing.T) {
	s := newServer(t, nil)
	body := func(ca *pkitest.CA) string {
		leaf, err := ca.Issue(pkitest.LeafOptions{Serial: big.NewInt(0x77)})
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(map[string]string{"certificate": string(pkitest.CertificatePEM(leaf.Certificate))})
		return string(text)
	}
	if r := decode[api.ChangeReport](t, s.revoke(t, body(s.corp)), 201); r.Revocation.Serial != "77" || r.Revocation.Reason != "unspecified" {
		t.Errorf("got %+v", r)
	}
	wantProblem(t, s.revoke(t, body(s.home)), 422, "other-issuer")
	forger, err := pkitest.NewCA(pkitest.CAOptions{Name: "corp"})
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, s.revoke(t, body(forger)), 422, "other-issuer")
}

func TestRevokeRefuses(t *testing.T) {
	s := newServer(t, nil)
	future := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	for _, c := range []struct {
		fact, body     string
		code           int
		kind, location string
	}{
		{"no body", ``, 400, "malformed-request", ""},
		{"no JSON", "{\n \"serial\": 0b}", 400, "malformed-request", "body"},
		{"neither serial nor certificate", `{"reason":"superseded"}`, 422, "invalid-request", "body"},
		{"serial and certificate", `{"serial":"0b","certificate":"x"}`, 422, "invalid-request", "body"},
		{"an unknown member", `{"serial":"0b","raeson":"superseded"}`, 422, "invalid-request", "body.raeson"},
		{"a malformed serial", `{"serial":"no"}`, 400, "malformed-serial", "body.serial"},
		{"a serial that is a number", `{"serial":11}`, 422, "invalid-request", "body.serial"},
		{"a certificate that is none", `{"certificate":"x"}`, 400, "malformed-certificate", "body.certificate"},
		{"removeFromCRL", `{"serial":"0b","reason":"removeFromCRL"}`, 422, "invalid-request", "body.reason"},
		{"an unknown reason", `{"serial":"0b","reason":"bored"}`, 422, "invalid-request", "body.reason"},
		{"a date in the future", `{"serial":"0b","revoked_at":"` + future + `"}`, 422, "invalid-request", "body.revoked_at"},
		{"a date that is none", `{"serial":"0b","revoked_at":"yesterday"}`, 422, "invalid-request", "body.revoked_at"},
		{"a comment with a line feed", `{"serial":"0b","comment":"a\nb"}`, 422, "invalid-request", "body.comment"},
		{"a comment with an escape sequence", `{"serial":"0b","comment":"\u001b[2J"}`, 422, "invalid-request", "body.comment"},
		{"a comment of 1,001 characters", `{"serial":"0b","comment":"` + strings.Repeat("é", 1001) + `"}`, 422, "invalid-request", "body.comment"},
		{"a body of 200 KiB", `{"serial":"0b","comment":"` + strings.Repeat("a", 200<<10) + `"}`, 413, "too-large", ""},
	} {
		t.Run(c.fact, func(t *testing.T) {
			w := s.revoke(t, c.body)
			p := wantProblem(t, w, c.code, c.kind)
			if c.location != "" && (len(p.Faults) == 0 || p.Faults[0].Location != c.location || p.Faults[0].Message == "") {
				t.Errorf("faults %+v, want one at %s", p.Faults, c.location)
			}
			if w.Body.Len() > 2000 {
				t.Errorf("the answer echoes the body: %.200s", w.Body)
			}
			if lines := s.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "outcome="+c.kind) {
				t.Errorf("log %q", lines)
			}
		})
	}
	wantProblem(t, s.do(t, "POST", "/v1/issuers/nobody/revocations", `{"serial":"0b"}`, asAlice, jsonBody), 404, "unknown-issuer")
	wantProblem(t, s.do(t, "POST", corpRevocations, `serial=0b`, asAlice, "Content-Type: application/x-www-form-urlencoded"), 415, "unsupported-media-type")
	wantProblem(t, s.do(t, "POST", corpRevocations, `{"serial":"0b"}`, asAlice), 415, "unsupported-media-type")
	wantProblem(t, s.do(t, "POST", corpRevocations+"?dry=1", `{"serial":"0b"}`, asAlice, jsonBody), 422, "invalid-request")
	if s.generation != 7 {
		t.Errorf("something was changed: generation %d", s.generation)
	}
}

func TestRelease(t *testing.T) {
	s := newServer(t, nil)
	decode[api.ChangeReport](t, s.revoke(t, `{"serial":"0b","reason":"certificateHold"}`), 201)
	decode[api.ChangeReport](t, s.revoke(t, `{"serial":"0c","reason":"superseded"}`), 201)
	decode[api.ChangeReport](t, s.revoke(t, `{"serial":"0a","reason":"certificateHold"}`), 201)
	remove := func(serial string) *httptest.ResponseRecorder {
		return s.do(t, "DELETE", corpRevocations+"/"+serial, "", asAlice)
	}
	r := decode[api.ChangeReport](t, s.do(t, "DELETE", corpRevocations+"/0x0B?comment=found+again", "", asAlice), 200)
	if r.Outcome != "released" || !r.Revocation.Released || r.Revocation.Comment != "found again" || r.Status.Status != "good" {
		t.Errorf("a hold: %+v", r)
	}
	wantProblem(t, remove("0b"), 404, "no-revocation")
	wantProblem(t, remove("0d"), 404, "no-revocation")
	wantProblem(t, remove("xyz"), 400, "malformed-serial")
	if p := wantProblem(t, remove("0c"), 409, "conflict"); p.Standing.Reason != "superseded" || p.Standing.Source != "admin" {
		t.Errorf("a permanent revocation: %+v", p.Standing)
	}
	if r := decode[api.ChangeReport](t, remove("0a"), 200); r.Status.Status != "revoked" || r.Status.Because != "crl" {
		t.Errorf("a hold of what a CRL lists stays revoked: %+v", r.Status)
	}
	if p := wantProblem(t, remove("0a"), 409, "conflict"); p.Standing.Source != "crl" || p.Standing.Reason != "keyCompromise" {
		t.Errorf("a revocation of the CRL: %+v", p.Standing)
	}
	wantProblem(t, s.do(t, "DELETE", corpRevocations+"/0c?comment=a%0ab", "", asAlice), 422, "invalid-request")
}

func TestAChangeThatFailsIsNotAcknowledged(t *testing.T) {
	s := newServer(t, nil)
	for _, c := range []struct {
		err  error
		code int
		kind string
	}{
		{fmt.Errorf("writing state: %w: no space left", revocation.ErrNotDurable), 507, "not-durable"},
		{revocation.Refuse("read-only", "RFC 5280 §5", "this replica is fenced"), 422, "refused"},
		{errors.New("secret path /var/lib"), 500, "internal"},
	} {
		s.adminErr = c.err
		for _, w := range []*httptest.ResponseRecorder{s.revoke(t, `{"serial":"0b"}`), s.do(t, "DELETE", corpRevocations+"/0b", "", asAlice)} {
			wantProblem(t, w, c.code, c.kind)
			if strings.Contains(w.Body.String(), "/var/lib") {
				t.Errorf("the answer tells internals: %s", w.Body)
			}
		}
	}
}

func TestListIsPaged(t *testing.T) {
	s := newServer(t, nil)
	for i := range 25 {
		decode[api.ChangeReport](t, s.revoke(t, fmt.Sprintf(`{"serial":"%x"}`, i+1)), 201)
	}
	var seen []string
	pages := 0
	for after := ""; ; pages++ {
		page := decode[api.RevocationPage](t, s.do(t, "GET", corpRevocations+"?limit=10&after="+after, ""), 200)
		for _, r := range page.Revocations {
			seen = append(seen, r.Serial+" "+r.Source)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if pages != 2 || len(seen) != 25 || seen[9] != "0a crl" || seen[10] != "0b admin" || seen[24] != "19 admin" {
		t.Errorf("%d full pages, rows %q", pages, seen)
	}
	empty := s.do(t, "GET", "/v1/issuers/home/revocations", "")
	if page := decode[api.RevocationPage](t, empty, 200); page.Revocations == nil || page.Next != "" {
		t.Errorf("an empty list: %s", empty.Body)
	}
	wantProblem(t, s.do(t, "GET", corpRevocations+"?limit=0", ""), 422, "invalid-request")
	wantProblem(t, s.do(t, "GET", corpRevocations+"?limit=1001", ""), 422, "invalid-request")
	wantProblem(t, s.do(t, "GET", corpRevocations+"?after=xyz", ""), 400, "malformed-serial")
	wantProblem(t, s.do(t, "GET", "/v1/issuers/nobody/revocations", ""), 404, "unknown-issuer")
}
