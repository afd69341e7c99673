package client_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/revocation"
)

// server answers as a veto server does, and counts.
type server struct {
	*httptest.Server
	gets, posts, notModified, asked atomic.Int64
	body                            atomic.Value  // JSON of every status
	hold                            chan struct{} // when not nil, requests wait for it
}

func newServer(t *testing.T, body string) *server {
	s := &server{}
	s.body.Store(body)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.hold != nil {
		<-s.hold
	}
	body := s.body.Load().(string)
	if r.Method == http.MethodGet {
		s.gets.Add(1)
		s.asked.Add(1)
		tag := fmt.Sprintf(`"%d"`, len(body))
		w.Header().Set("Etag", tag)
		w.Header().Set("Cache-Control", "max-age=0")
		if r.Header.Get("If-None-Match") == tag {
			s.notModified.Add(1)
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Write([]byte(body))
		return
	}
	s.posts.Add(1)
	var q struct {
		Queries []struct{ Certificate string }
	}
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var results []string
	for _, one := range q.Queries {
		s.asked.Add(1)
		if block, _ := pem.Decode([]byte(one.Certificate)); block == nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		results = append(results, body)
	}
	fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(results, ","))
}

func checker(t *testing.T, url string, inFlight int) *client.HTTP {
	t.Helper()
	c, err := client.NewHTTP(client.HTTPOptions{URL: url, MaxInFlight: inFlight})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHTTPReadsEveryStatusAndNothingElse(t *testing.T) {
	p := newPKI(t)
	for _, row := range []struct {
		fact, body string
		status     revocation.Status
		because    revocation.Because
		fails      bool
	}{
		{"good", `{"status":"good","because":"not_listed","fresh":true,"ttl":30}`, revocation.Good, revocation.BecauseNotListed, false},
		{"revoked", `{"status":"revoked","because":"crl","reason":"keyCompromise"}`, revocation.Revoked, revocation.BecauseCRL, false},
		{"revoked for a reason of later years", `{"status":"revoked","because":"crl","reason":"eaten"}`, revocation.Revoked, revocation.BecauseCRL, false},
		{"unknown", `{"status":"unknown","because":"stale"}`, revocation.Unknown, revocation.BecauseStale, false},
		{"a status nobody knows", `{"status":"fine"}`, revocation.Unknown, "", true},
		{"no status", `{}`, revocation.Unknown, "", true},
		{"HTML", `<html>good</html>`, revocation.Unknown, "", true},
		{"nothing", ``, revocation.Unknown, "", true},
	} {
		t.Run(row.fact, func(t *testing.T) {
			c := checker(t, newServer(t, row.body).URL, 1)
			got, err := c.Check(t.Context(), p.alice.Certificate, p.issuer)
			if got.Status != row.status || got.Because != row.because || (err != nil) != row.fails {
				t.Errorf("got %s because %q, %v", got.Status, got.Because, err)
			}
		})
	}
}

func TestHTTPErrorsAreUnknown(t *testing.T) {
	p := newPKI(t)
	for _, row := range []struct {
		fact    string
		handler http.HandlerFunc
	}{
		{"HTTP 500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
		{"HTTP 404 of something else", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.1:1/", 302) }},
		{"HTTP 304 that nobody asked for", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }},
	} {
		t.Run(row.fact, func(t *testing.T) {
			s := httptest.NewServer(row.handler)
			defer s.Close()
			got, err := checker(t, s.URL, 1).Check(t.Context(), p.alice.Certificate, p.issuer)
			if err == nil || got != (client.Answer{}) {
				t.Errorf("got %+v, %v, want unknown and an error", got, err)
			}
		})
	}
	unconfigured := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(404)
	}))
	defer unconfigured.Close()
	got, err := checker(t, unconfigured.URL, 1).Check(t.Context(), p.alice.Certificate, p.issuer)
	if err != nil || got.Because != revocation.BecauseUnknownIssuer || got.Status != revocation.Unknown {
		t.Errorf("an issuer that is not configured: got %s because %s, %v", got.Status, got.Because, err)
	}
}

func TestHTTPKeepsAnswersForAsLongAsItMay(t *testing.T) {
	p := newPKI(t)
	s := newServer(t, `{"status":"good","because":"not_listed","ttl":3600}`)
	c := checker(t, s.URL, 1)
	for range 3 {
		if got, err := c.Check(t.Context(), p.alice.Certificate, p.issuer); err != nil || got.Status != revocation.Good {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("an answer that may be kept for an hour was asked for %d times", n)
	}
	s.body.Store(`{"status":"good","because":"not_listed","ttl":0}`)
	for range 3 {
		if got, err := c.Check(t.Context(), p.bob.Certificate, p.issuer); err != nil || got.Status != revocation.Good {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if asked, same := s.asked.Load(), s.notModified.Load(); asked != 4 || same != 2 {
		t.Errorf("an answer that may not be kept: asked %d times, %d times not modified, want 4 and 2", asked, same)
	}
	s.body.Store(`{"status":"revoked","because":"admin","ttl":0,"reason":"superseded"}`)
	if got, err := c.Check(t.Context(), p.bob.Certificate, p.issuer); err != nil || got.Status != revocation.Revoked {
		t.Errorf("after a change: got %+v, %v, want revoked", got, err)
	}
}

func TestHTTPAsksByCertificateWhenTheSerialAloneIsOutOfScope(t *testing.T) {
	p := newPKI(t)
	s := newServer(t, `{"status":"unknown","because":"out_of_scope"}`)
	if _, err := checker(t, s.URL, 1).Check(t.Context(), p.alice.Certificate, p.issuer); err != nil {
		t.Fatal(err)
	}
	if s.gets.Load() != 1 || s.posts.Load() != 1 {
		t.Errorf("%d GET and %d POST, want one of each", s.gets.Load(), s.posts.Load())
	}
}

// inMemory hands requests to a handler without a network, so that synctest knows when everybody waits.
type inMemory struct{ http.Handler }

func (m inMemory) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	m.ServeHTTP(w, r)
	return w.Result(), nil
}

func TestHTTPBatchesWhatComesMeanwhile(t *testing.T) {
	p := newPKI(t)
	var all []*x509.Certificate
	for i := range 40 {
		pair, err := p.ca.Issue(leaf(i))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, pair.Certificate)
	}
	bubble.Test(t, func(t *testing.T) {
		s := &server{hold: make(chan struct{})}
		s.body.Store(`{"status":"good","because":"not_listed","ttl":60}`)
		c, err := client.NewHTTP(client.HTTPOptions{URL: "http://veto.test", MaxInFlight: 1, Client: &http.Client{Transport: inMemory{s}}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 4 * len(all) {
			go func() {
				got, err := c.Check(context.Background(), all[i%len(all)], p.issuer)
				if err != nil || got.Status != revocation.Good {
					t.Errorf("got %+v, %v", got, err)
				}
			}()
		}
		synctest.Wait() // one request is held, everybody else waits for it or for the next
		close(s.hold)
		synctest.Wait()
		if requests, asked := s.gets.Load()+s.posts.Load(), s.asked.Load(); requests > 2 || asked != int64(len(all)) {
			t.Errorf("%d requests with %d questions for %d certificates, want one or two and no question twice", requests, asked, len(all))
		}
	})
}

func TestHTTPStopsWaitingWithItsContext(t *testing.T) {
	p := newPKI(t)
	s := newServer(t, `{}`)
	s.hold = make(chan struct{})
	defer close(s.hold)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := checker(t, s.URL, 1).Check(ctx, p.alice.Certificate, p.issuer); err == nil || got.Status != revocation.Unknown {
		t.Errorf("got %+v, %v, want the context's error", got, err)
	}
}
