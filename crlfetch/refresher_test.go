package crlfetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// world is a Refresher, its store, one CA, and a network on which every host is one handler.
type world struct {
	*Refresher
	t       *testing.T
	memory  *memory
	ca      *pkitest.CA
	issuer  revocation.Issuer
	handler atomic.Pointer[http.HandlerFunc]
	gets    atomic.Int32
	counted int32 // of gets, by wantGets
}

// inWorld runs a test in a bubble of its own time. Sources start and end with Run, which it waits for.
func inWorld(t *testing.T, test func(t *testing.T, w *world)) {
	bubble.Test(t, func(t *testing.T) {
		w := &world{t: t, memory: newMemory(t), ca: newCA(t, pkitest.CAOptions{})}
		w.issuer = issuerOf("corp", w.ca.Certificate)
		w.Refresher = New(Options{Store: w.memory, Builder: w.memory, Jitter: func() float64 { return 0.5 }})
		n, stop := newPipeNet(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			w.gets.Add(1)
			(*w.handler.Load())(rw, req)
		}))
		defer stop()
		w.updater.fetcher.dial = n.dial
		w.serve(serveTagged(`"1"`, makeCRL(t, w.ca, 1, 7)))
		test(t, w)
	})
}

func (w *world) serve(h http.HandlerFunc) { w.handler.Store(&h) }

func (w *world) source(url string) Source { return Source{Issuer: w.issuer, URL: url} }

// run runs the Refresher; the function it returns stops it and sees that it ends without an error.
func (w *world) run() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	synctest.Wait()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	})
}

// wantGets lets time pass and says how many requests came since it was called last.
func (w *world) wantGets(during time.Duration, want int32, why string) {
	w.t.Helper()
	time.Sleep(during)
	synctest.Wait()
	got := w.gets.Load() - w.counted
	w.counted += got
	if got != want {
		w.t.Errorf("%s: %d requests in %s, want %d", why, got, during, want)
	}
}

func TestASourceIsFetchedAtOnceAndThenOnSchedule(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.SetSources([]Source{w.source("http://a.test/1")})
		defer w.run()()
		w.wantGets(0, 1, "at the start")
		w.wantGets(time.Hour+time.Second, 12, "every five minutes")
		report := w.Sources()[0]
		if report.Info == nil || report.URL != "http://a.test/1" || report.Fetching || report.Issuer.Name != "corp" ||
			report.State.Failures != 0 || time.Until(report.Next) != 5*time.Minute-time.Second {
			t.Errorf("the report is %+v", report)
		}
	})
}

func TestARestartFollowsThePlan(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.SetSources([]Source{w.source("http://a.test/1")})
		w.run()()
		again := New(Options{Store: w.memory, Builder: w.memory, Jitter: func() float64 { return 0.5 }})
		again.updater.fetcher = w.updater.fetcher
		w.Refresher = again
		w.SetSources([]Source{w.source("http://a.test/1")})
		time.Sleep(time.Minute)
		w.wantGets(0, 1, "before the restart")
		defer w.run()()
		w.wantGets(4*time.Minute-time.Second, 0, "before the time planned")
		w.wantGets(time.Second, 1, "at the time planned")
	})
}

func TestSetSourcesWhileRunning(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, b := w.source("http://a.test/1"), w.source("http://b.test/1")
		w.SetSources(nil)
		stop := w.run()
		defer stop()
		w.SetSources([]Source{a, a})
		w.wantGets(time.Second, 1, "a source that is new, though it is listed twice")
		w.SetSources([]Source{b, a})
		w.wantGets(time.Second, 1, "another source beside one that did not change")
		a.Every = time.Minute
		w.SetSources([]Source{a, b})
		w.wantGets(time.Second, 0, "a source with another schedule")
		w.wantGets(time.Minute, 1, "that schedule")
		w.SetSources([]Source{b})
		w.wantGets(4*time.Minute, 1, "a source that is gone beside one that stayed")
		if w.memory.CRLInfo(a.Scope()) == nil {
			t.Error("the CRL of the source that is gone went too")
		}
		w.SetSources([]Source{a})
		w.wantGets(time.Second, 1, "a source that came back after its time")
		w.SetSources(nil)
		w.wantGets(time.Hour, 0, "no source")
		stop()
		w.SetSources([]Source{a})
		if _, err := w.Refresh(t.Context(), w.issuer.ID); !errors.Is(err, errRemoved) {
			t.Errorf("Refresh after Run ended: %v, want %v", err, errRemoved)
		}
	})
}

func TestRefreshDoesNotWaitForTheSchedule(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.SetSources([]Source{w.source("http://b.test/1"), w.source("http://a.test/1")})
		defer w.run()()
		w.serve(serveBytes(makeCRL(t, w.ca, 2, 7, 8)))
		before := time.Now()
		results, err := w.Refresh(t.Context(), w.issuer.ID)
		if err != nil || len(results) != 2 || !results[0].Changed || results[0].URL != "http://a.test/1" || !results[1].Changed {
			t.Errorf("Refresh = %+v, %v", results, err)
		}
		if time.Since(before) != 0 {
			t.Errorf("Refresh waited for %s", time.Since(before))
		}
		w.wantGets(0, 4, "two at the start and two on demand")
		w.wantGets(5*time.Minute-time.Second, 0, "the schedule begins anew")
		w.wantGets(time.Second, 2, "the schedule begins anew")
		if _, err := w.Refresh(t.Context(), revocation.IssuerID{1}); !errors.Is(err, ErrNoSource) {
			t.Errorf("Refresh of an issuer without source: %v, want %v", err, ErrNoSource)
		}
	})
}

func TestRefreshesAtTheSameTimeAreOne(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.SetSources([]Source{w.source("http://a.test/1")})
		defer w.run()()
		crl := makeCRL(t, w.ca, 2, 7, 8)
		w.serve(func(rw http.ResponseWriter, req *http.Request) {
			time.Sleep(3 * time.Second)
			serveBytes(crl)(rw, req)
		})
		before := w.gets.Load()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond)
				if res, err := w.Refresh(t.Context(), w.issuer.ID); err != nil || !res[0].Changed {
					t.Errorf("Refresh = %+v, %v", res, err)
				}
			})
		}
		wg.Wait()
		if got := w.gets.Load() - before; got != 1 {
			t.Errorf("%d requests, want 1", got)
		}
	})
}

func TestACallerThatGoesAwayEndsNoRefresh(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.SetSources([]Source{w.source("http://a.test/1")})
		defer w.run()()
		crl := makeCRL(t, w.ca, 2, 7, 8)
		w.serve(func(rw http.ResponseWriter, req *http.Request) {
			time.Sleep(3 * time.Second)
			serveBytes(crl)(rw, req)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := w.Refresh(ctx, w.issuer.ID); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Refresh = %v, want %v", err, context.DeadlineExceeded)
		}
		if !w.Sources()[0].Fetching {
			t.Error("the report does not tell of the refresh in progress")
		}
		time.Sleep(3 * time.Second)
		if number, _ := w.memory.held(w.source("http://a.test/1").Scope()); number != "2" {
			t.Errorf("held is CRL %s, want 2", number)
		}
	})
}

func TestRefreshForgivesFailures(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.serve(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) })
		w.SetSources([]Source{w.source("http://a.test/1")})
		defer w.run()()
		w.wantGets(0, 1, "at the start")
		w.wantGets(10*time.Second, 1, "after the first failure")
		w.wantGets(20*time.Second, 1, "after the second failure")
		w.wantGets(40*time.Second, 1, "after the third failure")
		if _, err := w.Refresh(t.Context(), w.issuer.ID); err == nil || !strings.Contains(err.Error(), "refreshing http://a.test/1: the server answers 500") {
			t.Errorf("Refresh says %v", err)
		}
		if got := w.Sources()[0].State.Failures; got != 5 {
			t.Errorf("%d failures in a row are reported, want 5", got)
		}
		w.wantGets(0, 1, "on demand")
		w.wantGets(10*time.Second, 1, "after the failure a person asked for")
		w.wantGets(20*time.Second, 1, "after the failure that follows")
	})
}

// A thousand CAs on a hundred hosts are due at once, and all of them are slow.
func TestLimitsHoldWhenEverythingIsDue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var mu sync.Mutex
		now, most := map[string]int{}, map[string]int{}
		count := func(host string, by int) {
			mu.Lock()
			defer mu.Unlock()
			for _, who := range []string{host, "all"} {
				now[who] += by
				most[who] = max(most[who], now[who])
			}
		}
		w.serve(func(rw http.ResponseWriter, req *http.Request) {
			count(req.Host, 1)
			time.Sleep(100 * time.Millisecond)
			count(req.Host, -1)
			rw.WriteHeader(404)
		})
		var sources []Source
		for i := range 1000 {
			sources = append(sources, Source{Issuer: w.issuer, URL: fmt.Sprintf("http://h%d.test/%d", i%100, i), Every: time.Hour})
		}
		w.SetSources(sources)
		stop := w.run()
		time.Sleep(6500 * time.Millisecond) // 1000 in groups of 16
		if got := w.gets.Load(); got < 1000 {
			t.Errorf("%d requests were made, want all 1000", got)
		}
		stop()
		for who, n := range most {
			if limit := map[bool]int{true: 16, false: 2}[who == "all"]; n > limit {
				t.Errorf("%d fetches from %s at once, want at most %d", n, who, limit)
			}
		}
	})
}

func TestRunEndsAtOnceInTheMiddleOfAFetch(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.serve(func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() })
		w.SetSources([]Source{w.source("http://a.test/1"), w.source("http://a.test/2"), w.source("http://a.test/3")})
		stop := w.run()
		asked := make(chan error)
		go func() { _, err := w.Refresh(t.Context(), w.issuer.ID); asked <- err }()
		synctest.Wait()
		before := time.Now()
		stop()
		if err := <-asked; err == nil {
			t.Error("a caller was told that its refresh was done")
		}
		if time.Since(before) != 0 {
			t.Errorf("Run took %s to end", time.Since(before))
		}
		for _, s := range w.Sources() {
			if s.State.Failures != 0 {
				t.Errorf("the shutdown counts as a failure of %s", s.URL)
			}
		}
		if err := w.Run(t.Context()); err == nil {
			t.Error("a second Run was not refused")
		}
	})
}

func TestOneLoopOfAScopeAtATime(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		src := w.source("http://a.test/1")
		w.SetSources([]Source{src})
		defer w.run()()
		for i := range 50 { // the fake store fails the test when two builds of a scope are open
			src.Every = time.Duration(i+1) * time.Millisecond
			w.serve(serveBytes(makeCRL(t, w.ca, int64(i+2), 7)))
			w.SetSources([]Source{src})
			if i%3 == 0 {
				w.SetSources(nil)
				w.SetSources([]Source{src})
			}
			time.Sleep(time.Duration(i%4) * time.Second)
		}
	})
}
