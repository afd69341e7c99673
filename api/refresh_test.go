package api_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/revocation"
)

const corpRefresh = "/v1/issuers/corp/refresh"

func TestRefreshAndWait(t *testing.T) {
	s := newServer(t, nil)
	r := decode[api.RefreshReport](t, s.do(t, "POST", corpRefresh+"?wait=true", "", asAlice), 200)
	if r.State != "done" || r.Issuer != "corp" || len(r.Results) != 1 || r.Results[0].Added != 2 || r.Results[0].CRLNumber != "1043" {
		t.Errorf("got %+v", r)
	}
	if lines := s.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "action=refresh outcome=done who=alice") {
		t.Errorf("log %q", lines)
	}
	wantProblem(t, s.do(t, "POST", "/v1/issuers/nobody/refresh", "", asAlice), 404, "unknown-issuer")
	wantProblem(t, s.do(t, "POST", "/v1/issuers/home/refresh", "", asAlice), 409, "nothing-to-fetch")
	wantProblem(t, s.do(t, "POST", corpRefresh+"?wait=maybe", "", asAlice), 422, "invalid-request")
}

func TestRefreshThatFailsSaysThatTheOldCRLStays(t *testing.T) {
	s := newServer(t, nil)
	s.refresh = func(context.Context) ([]api.RefreshResult, error) {
		return []api.RefreshResult{{URL: "http://a.test/", Outcome: "not_modified"},
			{URL: "http://b.test/", Outcome: "failed", Error: "status 503"}}, nil
	}
	p := wantProblem(t, s.do(t, "POST", corpRefresh+"?wait=true", "", asAlice), 502, "fetch-failed")
	if len(p.Results) != 2 || !strings.Contains(p.Detail, "status 503") || !strings.Contains(p.Detail, "stays in force") {
		t.Errorf("got %+v", p)
	}
	s.refresh = func(context.Context) ([]api.RefreshResult, error) {
		return nil, revocation.Refuse("rollback", "", "older than the CRL held")
	}
	if p := wantProblem(t, s.do(t, "POST", corpRefresh+"?wait=true", "", asAlice), 502, "fetch-failed"); p.Rule != "rollback" {
		t.Errorf("got %+v", p)
	}
	s.refresh = func(context.Context) ([]api.RefreshResult, error) { return nil, revocation.ErrNotDurable }
	wantProblem(t, s.do(t, "POST", corpRefresh+"?wait=true", "", asAlice), 507, "not-durable")
}

func TestRefreshWithoutWaitRunsOnceAndEndsWithTheAPI(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newServer(t, nil)
		runs, ended := 0, make(chan error, 1)
		s.refresh = func(ctx context.Context) ([]api.RefreshResult, error) {
			runs++
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		}
		if r := decode[api.RefreshReport](t, s.do(t, "POST", corpRefresh, "", asAlice), 202); r.State != "started" {
			t.Errorf("first: %+v", r)
		}
		synctest.Wait()
		if r := decode[api.RefreshReport](t, s.do(t, "POST", corpRefresh, "", asAlice), 202); r.State != "running" {
			t.Errorf("second: %+v", r)
		}
		s.api.Close()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) || runs != 1 {
				t.Errorf("ended with %v after %d runs", err, runs)
			}
		default:
			t.Error("Close did not wait for the refresh")
		}
		wantProblem(t, s.do(t, "POST", corpRefresh, "", asAlice), 503, "shutting-down")
	})
}
