package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/snapshot"
)

// mirrors is api.Mirrored over a world.
type mirrors struct {
	*world
	mu      sync.Mutex // guards what follows
	state   *api.MirrorState
	changed chan struct{}
	fails   bool
}

func newMirrors(w *world) *mirrors {
	return &mirrors{world: w, changed: make(chan struct{}), state: &api.MirrorState{Epoch: epoch, Issuers: []snapshot.Issuer{{Name: "corp"}}}}
}

const epoch = "000102030405060708090a0b0c0d0e0f"

func (m *mirrors) Pin() api.Pinned { return m }

func (m *mirrors) Generation() uint64 {
	_, newest, _, _ := m.Changes(0, 1)
	return newest
}

func (m *mirrors) State() *api.MirrorState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

func (m *mirrors) set(s *api.MirrorState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = s
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *mirrors) Epoch() string                           { return epoch }
func (m *mirrors) Continues(name string, _ uint64) bool    { return name == epoch }
func (m *mirrors) Entries(_, s []string) []api.EntryObject { return make([]api.EntryObject, len(s)) }

func (m *mirrors) StateChanged() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *mirrors) Listed(_ int, yield func(string, snapshot.Entry) error) error {
	if m.fails {
		return errors.New("a CRL cannot be read")
	}
	return yield("\x0a", snapshot.Entry{})
}

func mirrorServer(t *testing.T) (*server, *mirrors) {
	var m *mirrors
	s := newServer(t, func(o *api.Options) {
		m = newMirrors(o.Feed.(*server).world)
		o.Mirrored = m
	})
	return s, m
}

// stream reads events for a while; the time of the bubble stands still but for waiting.
func stream(t *testing.T, s *server, query string, lasts time.Duration, headers ...header) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "/v1/events"+query, nil)
	for _, h := range headers {
		name, value, _ := strings.Cut(string(h), ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.api.Handler().ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" {
		t.Fatalf("code %d, %v: %s", w.Code, w.Header(), w.Body)
	}
	var names []string
	for block := range strings.SplitSeq(strings.TrimSuffix(w.Body.String(), "\n\n"), "\n\n") {
		name := ":"
		for line := range strings.Lines(block) {
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				name = strings.TrimSpace(id) + " "
			} else if event, ok := strings.CutPrefix(line, "event: "); ok {
				name = strings.TrimPrefix(name, ":") + strings.TrimSpace(event)
			} else if data, ok := strings.CutPrefix(line, "data: "); ok && !json.Valid([]byte(data)) {
				t.Errorf("data is not JSON: %s", data)
			}
		}
		names = append(names, name)
	}
	return names
}

func TestEventsAreChangesThenTheState(t *testing.T) {
	for _, row := range []struct {
		fact, query string
		headers     []header
		lasts       time.Duration
		later       func(*server, *mirrors)
		want        string
	}{
		{"all that follow", "?since=7", nil, time.Second, nil, "8 change, 9 change, state"},
		{"from a client's last event", "?since=7", []header{"Last-Event-ID: 8"}, time.Second, nil, "9 change, state"},
		{"from now", "", nil, time.Second, nil, "state"},
		{"with entries, of this history", "?since=8&entries=true&epoch=" + epoch, nil, time.Second, nil, "9 change, state"},
		{"of another history", "?since=8&epoch=00", nil, time.Second, nil, "resync"},
		{"no longer kept", "?since=3", nil, time.Second, nil, "resync"},
		{"never reached", "?since=99", nil, time.Second, nil, "resync"},
		{"heartbeats", "?since=9", nil, 31 * time.Second, nil, "state, :, :"},
		{"a change when it comes", "?since=9", nil, 10 * time.Second, func(s *server, _ *mirrors) { s.change(api.ChangeObject{Kind: "crl"}) }, "state, 10 change"},
		{"another state when it comes", "?since=9", nil, 10 * time.Second, func(_ *server, m *mirrors) {
			m.set(&api.MirrorState{Epoch: epoch, Issuers: []snapshot.Issuer{}})
		}, "state, state"},
		{"the same state is not sent again", "?since=9", nil, 10 * time.Second, func(_ *server, m *mirrors) {
			m.set(&api.MirrorState{Generation: 9, Epoch: epoch, Issuers: []snapshot.Issuer{{Name: "corp"}}})
		}, "state"},
		{"a state is not sent before the changes that show in it", "?since=9", nil, 10 * time.Second, func(s *server, m *mirrors) {
			m.set(&api.MirrorState{Generation: 10, Epoch: epoch, Issuers: []snapshot.Issuer{}})
			synctest.Wait()
			s.change(api.ChangeObject{Kind: "crl"})
		}, "state, 10 change, state"},
		{"until the server stops", "?since=9", nil, time.Hour, func(s *server, _ *mirrors) { s.api.Drain() }, "state"},
	} {
		t.Run(row.fact, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s, m := mirrorServer(t)
				for range 2 {
					s.change(api.ChangeObject{Kind: "admin", IssuerIDs: []string{"aa"}, Serials: []string{"0a"}})
				}
				if row.later != nil {
					go func() {
						time.Sleep(5 * time.Second)
						row.later(s, m)
					}()
				}
				if got := strings.Join(stream(t, s, row.query, row.lasts, row.headers...), ", "); got != row.want {
					t.Errorf("got %s, want %s", got, row.want)
				}
			})
		})
	}
	s, _ := mirrorServer(t)
	for _, query := range []string{"?since=x", "?sinse=1", "?entries=maybe"} {
		wantProblem(t, s.do(t, "GET", "/v1/events"+query, ""), 422, "invalid-request")
	}
}

func TestPollingForMirrorsHasEntriesAndState(t *testing.T) {
	s, _ := mirrorServer(t)
	s.change(api.ChangeObject{Kind: "admin", IssuerIDs: []string{"aa"}, Serials: []string{"0a"}})
	s.change(api.ChangeObject{Kind: "admin", IssuerIDs: []string{"aa"}, Serials: []string{"0b"}})
	all := decode[api.ChangePage](t, s.do(t, "GET", "/v1/changes?since=7&entries=true&epoch="+epoch, ""), 200)
	if len(all.Changes) != 2 || len(all.Changes[0].Entries) != 1 || all.State == nil || all.Epoch != epoch {
		t.Errorf("%+v", all)
	}
	some := decode[api.ChangePage](t, s.do(t, "GET", "/v1/changes?since=7&limit=1&entries=true", ""), 200)
	if len(some.Changes) != 1 || some.State != nil {
		t.Errorf("a state before all changes: %+v", some)
	}
	if other := decode[api.ChangePage](t, s.do(t, "GET", "/v1/changes?since=7&entries=true&epoch=00", ""), 200); !other.Resync {
		t.Errorf("of another history: %+v", other)
	}
}

func TestASnapshotIsReadOnce(t *testing.T) {
	s, m := mirrorServer(t)
	w := s.do(t, "GET", "/v1/snapshot", "")
	r, err := snapshot.NewReader(bytes.NewReader(w.Body.Bytes()), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Header.Generation != 7 || r.Header.Epoch != epoch || r.Header.Issuers != 1 || w.Header().Get("Veto-Generation") != "7" {
		t.Errorf("header %+v, %v", r.Header, w.Header())
	}
	tag := header("If-None-Match: " + w.Header().Get("Etag"))
	if w := s.do(t, "GET", "/v1/snapshot", "", tag); w.Code != 304 {
		t.Errorf("the same again: %d", w.Code)
	}
	m.set(&api.MirrorState{Epoch: epoch, Issuers: []snapshot.Issuer{{Name: "other"}}})
	if w := s.do(t, "GET", "/v1/snapshot", "", tag); w.Code != 200 {
		t.Errorf("after another state: %d", w.Code)
	}
	m.fails = true
	defer func() {
		if recover() == nil {
			t.Error("half a snapshot ended like a whole one")
		}
	}()
	s.do(t, "GET", "/v1/snapshot", "")
}
