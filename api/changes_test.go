package api_test

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/bubble"
)

// generations are those of the rows of a page.
func generations(p api.ChangePage) []uint64 {
	list := []uint64{}
	for _, c := range p.Changes {
		list = append(list, c.Generation)
	}
	return list
}

func TestChangesAreReadFromWhereOneWas(t *testing.T) {
	s := newServer(t, nil) // at generation 7, with no row kept
	for range 3 {
		s.change(api.ChangeObject{Kind: "admin", Action: "created", Issuer: "corp", IssuerIDs: []string{"aa"}, Serials: []string{"0a"}})
	}
	for _, row := range []struct {
		fact, query string
		rows        []uint64
		next        uint64
		resync      bool
	}{
		{"all that follow", "?since=7", []uint64{8, 9, 10}, 10, false},
		{"some that follow", "?since=7&limit=2", []uint64{8, 9}, 9, false},
		{"none follow", "?since=10", []uint64{}, 10, false},
		{"some are no longer kept", "?since=5", []uint64{}, 10, true},
		{"nothing was ever read", "", []uint64{}, 10, true},
		{"a generation that never was", "?since=11", []uint64{}, 10, true},
		{"waiting does not delay what is there", "?since=9&wait=30s", []uint64{10}, 10, false},
		{"waiting does not delay a resync", "?since=11&wait=30s", []uint64{}, 10, true},
	} {
		p := decode[api.ChangePage](t, s.do(t, "GET", "/v1/changes"+row.query, ""), 200)
		if diff := cmp.Diff([]any{row.rows, row.next, row.resync, uint64(10)}, []any{generations(p), p.Next, p.Resync, p.Generation}); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", row.fact, diff)
		}
	}
	for _, query := range []string{"?since=-1", "?wait=long", "?wait=-1s", "?limit=0", "?sinse=1"} {
		wantProblem(t, s.do(t, "GET", "/v1/changes"+query, ""), 422, "invalid-request")
	}
}

// TestChangesAreWaitedFor measures with the clock of the test bubble: it stands still but for waiting.
func TestChangesAreWaitedFor(t *testing.T) {
	for _, row := range []struct {
		fact, wait string
		event      func(*server)
		took       time.Duration
		rows       []uint64
	}{
		{"until one comes", "30s", func(s *server) { s.change(api.ChangeObject{Kind: "crl"}) }, 5 * time.Second, []uint64{8}},
		{"as long as asked for", "20s", func(*server) {}, 20 * time.Second, []uint64{}},
		{"at most a minute", "3h", func(*server) {}, time.Minute, []uint64{}},
		{"until the server stops", "30s", func(s *server) { s.api.Drain() }, 5 * time.Second, []uint64{}},
	} {
		t.Run(row.fact, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s := newServer(t, nil)
				go func() {
					time.Sleep(5 * time.Second)
					row.event(s)
				}()
				start := time.Now()
				p := decode[api.ChangePage](t, s.do(t, "GET", "/v1/changes?since=7&wait="+row.wait, ""), 200)
				if diff := cmp.Diff([]any{row.rows, row.took}, []any{generations(p), time.Since(start)}); diff != "" {
					t.Errorf("want -, got +:\n%s", diff)
				}
			})
		})
	}
}

func TestAClientThatGoesAwayIsNotWaitedFor(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s := newServer(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		s.api.Handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/v1/changes?since=7&wait=30s", nil))
		wantProblem(t, w, 503, "shutting-down")
	})
}

func TestAuditIsReadPageByPageByAdministrators(t *testing.T) {
	s := newServer(t, nil)
	s.audited = 5
	p := decode[api.AuditPage](t, s.do(t, "GET", "/v1/audit?limit=3", "", asAlice), 200)
	if len(p.Rows) != 3 || p.Rows[0].Seq != 1 || p.Rows[1].Prev != "1" || p.Next != 3 {
		t.Errorf("first page: %+v", p)
	}
	p = decode[api.AuditPage](t, s.do(t, "GET", "/v1/audit?limit=3&after=3", "", asAlice), 200)
	if len(p.Rows) != 2 || p.Rows[1].Seq != 5 || p.Next != 0 {
		t.Errorf("last page: %+v", p)
	}
	wantProblem(t, s.do(t, "GET", "/v1/audit", ""), 401, "token-required")
	wantProblem(t, s.do(t, "GET", "/v1/audit?limit=1001", "", asAlice), 422, "invalid-request")
}
