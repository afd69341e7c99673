package api_test

import (
	"strings"
	"testing"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
)

const corpAccept = "/v1/issuers/corp/accept"

func TestWhatIsRetainedIsKeptOrDropped(t *testing.T) {
	s := newServer(t, nil)
	s.crl.Retained = 120
	r := decode[api.AcceptReport](t, s.do(t, "POST", corpAccept, `{"keep":true,"comment":"the CA is asked"}`, asAlice, jsonBody), 200)
	if len(r.Results) != 1 || r.Results[0].Outcome != "kept" || r.Results[0].Serials != 120 || r.Results[0].URL != s.crl.URL || r.Issuer != "corp" {
		t.Errorf("kept: %+v", r)
	}
	if a := s.accepted; a.By != "alice" || a.Comment != "the CA is asked" || !a.Keep || a.Issuer != s.corpID || a.Now.IsZero() {
		t.Errorf("the port got %+v", a)
	}
	r = decode[api.AcceptReport](t, s.do(t, "POST", corpAccept, `{"url":"`+s.crl.URL+`"}`, asAlice, jsonBody), 200)
	if len(r.Results) != 1 || r.Results[0].Outcome != "dropped" || r.Results[0].Serials != 120 {
		t.Errorf("dropped: %+v", r)
	}
	wantProblem(t, s.do(t, "POST", corpAccept, `{}`, asAlice, jsonBody), 409, "nothing-retained")
	lines := s.log.lines()
	for i, want := range []string{"outcome=kept who=alice issuer=corp", "outcome=dropped who=alice", "outcome=nothing-retained who=alice"} {
		if len(lines) != 3 || !strings.Contains(lines[i], "action=accept "+want) {
			t.Errorf("line %d is not %s: %q", i, want, lines)
		}
	}
}

func TestAcceptRefusesWhatItDoesNotUnderstand(t *testing.T) {
	s := newServer(t, nil)
	s.crl.Retained = 120
	wantProblem(t, s.do(t, "POST", corpAccept, `{}`, jsonBody), 401, "token-required")
	wantProblem(t, s.do(t, "POST", "/v1/issuers/nobody/accept", `{}`, asAlice, jsonBody), 404, "unknown-issuer")
	wantProblem(t, s.do(t, "POST", corpAccept, `{"url":"http://else.test/"}`, asAlice, jsonBody), 422, "invalid-request")
	wantProblem(t, s.do(t, "POST", corpAccept, `{"comment":"a\nb"}`, asAlice, jsonBody), 422, "invalid-request")
	wantProblem(t, s.do(t, "POST", corpAccept, `{"keeep":true}`, asAlice, jsonBody), 422, "invalid-request")
	wantProblem(t, s.do(t, "POST", corpAccept, `{`, asAlice, jsonBody), 400, "malformed-request")
	wantProblem(t, s.do(t, "POST", corpAccept, `{}`, asAlice), 415, "unsupported-media-type")
	s.adminErr = revocation.ErrNotDurable
	wantProblem(t, s.do(t, "POST", corpAccept, `{}`, asAlice, jsonBody), 507, "not-durable")
	if s.crl.Retained != 120 {
		t.Error("something was dropped")
	}
}

func TestAChangeThatWasCutShortSaysWhatHolds(t *testing.T) {
	s := newServer(t, nil)
	s.adminErr = &api.PartialChange{Done: 1, Of: 2, Err: revocation.ErrNotDurable}
	p := wantProblem(t, s.do(t, "POST", corpRevocations, `{"serial":"0b"}`, asAlice, jsonBody), 507, "not-durable")
	if !strings.Contains(p.Detail, "1 of 2 parts of the change were made and hold; ask again") {
		t.Errorf("detail %q", p.Detail)
	}
}
