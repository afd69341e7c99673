package crlfetch

import (
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// site serves what it was given last for each URL, and counts.
type site struct {
	mu    sync.Mutex
	pages map[string]http.HandlerFunc
	asked map[string]int
}

func newSite() *site { return &site{pages: map[string]http.HandlerFunc{}, asked: map[string]int{}} }

func (s *site) put(url string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[url] = h
}

// gets is how often a URL was asked for since this was called last.
func (s *site) gets(url string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.asked[url]
	s.asked[url] = 0
	return n
}

func (s *site) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	url := "http://" + req.Host + req.URL.Path
	s.mu.Lock()
	s.asked[url]++
	page := s.pages[url]
	s.mu.Unlock()
	if page == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	page(w, req)
}

// inSite is inWorld with a site, a source of complete CRLs and one of the delta CRLs it names.
func inSite(t *testing.T, test func(t *testing.T, w *world, s *site, complete, delta Source)) {
	inWorld(t, func(t *testing.T, w *world) {
		s := newSite()
		w.serve(s.ServeHTTP)
		complete, delta := w.source("http://a.test/ca.crl"), w.source("freshest:")
		delta.Delta, delta.Base = true, complete.Scope()
		test(t, w, s, complete, delta)
	})
}

func (w *world) form(number int64) []byte {
	w.t.Helper()
	return makeForm(w.t, w.ca, number, []x509.RevocationListEntry{entryOf(number, nil)})
}

// tagged serves a CRL with an ETag of its own.
func tagged(number int64, crl []byte) http.HandlerFunc {
	return serveTagged(fmt.Sprintf(`"%d"`, number), crl)
}

func (w *world) reportOf(src Source) Report {
	w.t.Helper()
	for _, r := range w.Sources() {
		if r.URL == src.URL {
			return r
		}
	}
	w.t.Fatalf("no report of %s", src.URL)
	return Report{}
}

func TestDeltasAreFetchedFromWhereTheCompleteCRLSays(t *testing.T) {
	inSite(t, func(t *testing.T, w *world, s *site, complete, delta Source) {
		one, two := "http://d.test/1.crl", "http://e.test/2.crl"
		s.put(complete.URL, tagged(5, makeForm(t, w.ca, 5, nil, freshestAt(one, "file:///etc/passwd", one))))
		s.put(one, tagged(6, makeForm(t, w.ca, 6, nil, deltaOn(5))))
		w.SetSources([]Source{delta, complete})
		if r := w.reportOf(delta); !strings.Contains(r.Waiting, "not held yet") {
			t.Errorf("before anything came the report says %q", r.Waiting)
		}
		defer w.run()()
		r := w.reportOf(delta)
		if r.Info == nil || r.Info.Number.String() != "6" || r.Waiting != "" || r.State.LastError != "" || r.Next.IsZero() {
			t.Fatalf("the report is %+v", r)
		}
		if results, err := w.Refresh(t.Context(), w.issuer.ID); err != nil || len(results) != 2 || results[0].Via != one {
			t.Errorf("a refresh of both: %+v, %v", results, err)
		}
		s.gets(one)

		s.put(complete.URL, tagged(7, makeForm(t, w.ca, 7, nil, freshestAt("http://gone.test/x.crl", two))))
		s.put(two, tagged(8, makeForm(t, w.ca, 8, nil, deltaOn(7))))
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		if r := w.reportOf(delta); r.Info.Number.String() != "8" || s.gets("http://gone.test/x.crl") == 0 || s.gets(one) > 1 {
			t.Errorf("the complete CRL names another place now, and the report is %+v", r)
		}

		s.put(complete.URL, tagged(9, w.form(9)))
		time.Sleep(5*time.Minute + time.Second)
		synctest.Wait()
		s.gets(two)
		time.Sleep(48 * time.Hour) // past the delta's nextUpdate
		r = w.reportOf(delta)
		if s.gets(two) != 0 || !strings.Contains(r.Waiting, "names no delta CRLs") || !r.Next.IsZero() || r.State.LastError != "" {
			t.Errorf("the complete CRL names none any more, and the report is %+v", r)
		}
	})
}

// The swap that moves the delta comes while its refresh queues for a place of the host it leaves.
func TestADeltaThatQueuesGoesToWhereItIsWhenItsTurnComes(t *testing.T) {
	inSite(t, func(t *testing.T, w *world, s *site, complete, delta Source) {
		one, two := "http://d.test/1.crl", "http://e.test/2.crl"
		s.put(complete.URL, tagged(5, makeForm(t, w.ca, 5, nil, freshestAt(one))))
		s.put(one, tagged(6, makeForm(t, w.ca, 6, nil, deltaOn(5))))
		w.SetSources([]Source{complete, delta})
		defer w.run()()
		time.Sleep(5*time.Minute - 2*time.Second)
		synctest.Wait()
		s.gets(one)

		s.put(complete.URL, tagged(7, makeForm(t, w.ca, 7, nil, freshestAt(two))))
		s.put(two, tagged(8, makeForm(t, w.ca, 8, nil, deltaOn(7))))
		slow := []Source{w.source("http://d.test/slow/1"), w.source("http://d.test/slow/2")}
		for _, src := range slow {
			s.put(src.URL, func(rw http.ResponseWriter, req *http.Request) {
				select {
				case <-time.After(5 * time.Second):
				case <-req.Context().Done():
				}
				rw.WriteHeader(404)
			})
		}
		w.SetSources(append(slow, complete, delta))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		r := w.reportOf(delta)
		if r.Info.Number.String() != "8" || s.gets(one) != 0 || s.gets(two) == 0 {
			t.Errorf("the delta in force has number %s, and the report is %+v", r.Info.Number, r)
		}
	})
}

func TestNothingNamedIsNoFailure(t *testing.T) {
	inSite(t, func(t *testing.T, w *world, s *site, complete, delta Source) {
		s.put(complete.URL, tagged(5, w.form(5)))
		w.SetSources([]Source{complete, delta})
		defer w.run()()
		time.Sleep(time.Hour)
		r := w.reportOf(delta)
		if !strings.Contains(r.Waiting, "names no delta CRLs") || r.State.Failures != 0 || r.State.LastError != "" || !r.Next.IsZero() {
			t.Errorf("the report is %+v", r)
		}
		if results, err := w.Refresh(t.Context(), w.issuer.ID); err != nil || len(results) != 1 {
			t.Errorf("a refresh of what can be fetched: %+v, %v", results, err)
		}
		s.put(complete.URL, tagged(6, makeForm(t, w.ca, 6, nil, freshestAt("ldap:///CN=no host", "file:///etc/passwd", "push:x"))))
		time.Sleep(6 * time.Minute)
		if r := w.reportOf(delta); !strings.Contains(r.Waiting, "cannot be fetched") || !strings.Contains(r.Waiting, "file:///etc/passwd") {
			t.Errorf("the report is %+v", r)
		}
		s.put(complete.URL, tagged(7, makeForm(t, w.ca, 7, nil, freshestAt("http://d.test/1.crl"))))
		time.Sleep(6 * time.Minute)
		if r := w.reportOf(delta); r.Waiting != "" || r.State.Failures == 0 || r.Next.IsZero() {
			t.Errorf("a place is named that has nothing, and the report is %+v", r)
		}
		s.put(complete.URL, tagged(8, w.form(8)))
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if r := w.reportOf(delta); r.Waiting == "" || r.State.Failures != 0 || r.State.LastError != "" {
			t.Errorf("none is named any more, and the report is %+v", r)
		}
	})
}

// TestWhatACRLNamesIsNotTrustedLikeTheConfiguration: a freshestCRL leads to no internal address unless that is allowed.
func TestWhatACRLNamesIsNotTrustedLikeTheConfiguration(t *testing.T) {
	src := Source{URL: "freshest:users", Delta: true}.withDefaults()
	if !src.Egress.Discovered {
		t.Errorf("the egress is %+v", src.Egress)
	}
	if src := (Source{URL: "http://a.test/1", Delta: true}).withDefaults(); src.Egress.Discovered {
		t.Errorf("the egress of what the configuration names is %+v", src.Egress)
	}
	for url, want := range map[string]bool{"http://a/1": true, "https://a/1": true, "ldap://a/CN=b": true, "ldaps://a/CN=b": true, "file:///a": false,
		"push:": false, "freshest:": false, "ftp://a/b": false, "ldap:///CN=b": false, "http://u:p@a/": false, "": false, "http://a/#b": false} {
		if fetchable(url) != want {
			t.Errorf("%q: fetchable is %v", url, !want)
		}
	}
}

// TestACRLDoesNotLeadToThisMachine goes over real connections.
func TestACRLDoesNotLeadToThisMachine(t *testing.T) {
	r := newRig(t)
	delta := r.src
	delta.URL, delta.Delta, delta.Base = "freshest:", true, r.src.Scope()
	delta = delta.withDefaults()
	inside := r.src.URL + "?delta"
	r.serve(serveBytes(r.form(5, freshestAt(inside))))
	r.refresh()
	r.serve(serveBytes(r.form(6, deltaOn(5))))
	for _, allowed := range []bool{false, true} {
		if allowed {
			delta.Egress.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
		places, waiting := r.updater.places(delta)
		res, _ := r.updater.refresh(t.Context(), delta, track{}, trip{places: places})
		if waiting != "" || allowed != res.Changed || !allowed && ruleOf(res.Err) != "egress" || res.Via != inside {
			t.Errorf("loopback allowed: %v; the result is %+v", allowed, res)
		}
	}
}

func TestADeltaAheadOfTheCompleteCRLFetchesThat(t *testing.T) {
	inSite(t, func(t *testing.T, w *world, s *site, complete, delta Source) {
		delta.URL, delta.Every = "http://a.test/ca+.crl", time.Minute
		complete.Every = time.Hour
		s.put(complete.URL, tagged(5, w.form(5)))
		s.put(delta.URL, tagged(6, makeForm(t, w.ca, 6, nil, deltaOn(5))))
		w.SetSources([]Source{complete, delta})
		defer w.run()()
		s.gets(complete.URL)
		time.Sleep(30 * time.Minute)
		if n := s.gets(complete.URL); n != 0 {
			t.Errorf("the complete CRL was asked for %d times while the delta goes with it", n)
		}
		// The server keeps its tag: only an unconditional request sees the new CRL.
		s.put(complete.URL, tagged(5, w.form(7)))
		s.put(delta.URL, tagged(8, makeForm(t, w.ca, 8, nil, deltaOn(7))))
		time.Sleep(time.Minute + 10*time.Second)
		if got := w.reportOf(complete).Info.Number.String(); got != "7" || s.gets(complete.URL) != 1 {
			t.Errorf("complete CRL %s is in force, want 7 at once", got)
		}
		s.put(delta.URL, tagged(12, makeForm(t, w.ca, 12, nil, deltaOn(11))))
		time.Sleep(40 * time.Minute)
		if n := s.gets(complete.URL); n != 1 {
			t.Errorf("the complete CRL was asked for %d times because of a delta whose base nobody has, want once", n)
		}
	})
}

func TestASwapOfTheCompleteCRLFetchesItsDeltas(t *testing.T) {
	inSite(t, func(t *testing.T, w *world, s *site, complete, delta Source) {
		delta.URL, delta.Every = "push:delta", time.Hour
		other := w.source("http://b.test/other.crl")
		fetched := w.source("http://a.test/ca+.crl")
		fetched.Delta, fetched.Base, fetched.Every = true, complete.Scope(), 10*time.Hour
		s.put(complete.URL, tagged(5, w.form(5)))
		s.put(other.URL, tagged(5, w.form(5)))
		s.put(fetched.URL, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) })
		w.SetSources([]Source{complete, delta, fetched, other})
		defer w.run()()
		time.Sleep(9 * time.Minute)
		s.gets(fetched.URL)
		s.put(other.URL, tagged(6, w.form(6)))
		time.Sleep(50 * time.Second)
		if n := s.gets(fetched.URL); n != 0 {
			t.Errorf("the delta was asked for %d times because of another series", n)
		}
		failures := w.reportOf(fetched).State.Failures
		s.put(complete.URL, tagged(6, w.form(6)))
		time.Sleep(5 * time.Minute)
		if n := s.gets(fetched.URL); n == 0 {
			t.Error("the delta was not asked for when the complete CRL was replaced")
		}
		if got := w.reportOf(fetched).State.Failures; got <= failures || got > failures+2 {
			t.Errorf("%d failures of the delta, %d before: nobody asked to forgive them", got, failures)
		}
		if r := w.reportOf(delta); r.State.Failures != 0 || r.State.LastError != "" {
			t.Errorf("a delta that is pushed was fetched: %+v", r)
		}

		// Without a name a push means the complete CRLs, of which here there are two series.
		if _, err := w.push("", w.form(9)); ruleOf(err) != "source" {
			t.Errorf("a push to nobody knows what: %v", err)
		}
		w.SetSources([]Source{complete, delta})
		if res, err := w.push("", w.form(9)); err != nil || res.URL != complete.URL {
			t.Errorf("a push without a name: %+v, %v", res, err)
		}
		if _, err := w.push("", makeForm(t, w.ca, 10, nil, deltaOn(9))); ruleOf(err) != "delta" {
			t.Errorf("a delta pushed as a complete CRL: %v", err)
		}
		if res, err := w.push("push:delta", makeForm(t, w.ca, 10, nil, deltaOn(9))); err != nil || !res.Changed {
			t.Errorf("a delta pushed: %+v, %v", res, err)
		}
		s.gets(complete.URL)
		if _, err := w.push("push:delta", makeForm(t, w.ca, 21, nil, deltaOn(20))); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if n := s.gets(complete.URL); n != 1 {
			t.Errorf("after a pushed delta that is ahead the complete CRL was asked for %d times, want once", n)
		}
	})
}

// TestHostsThatCRLsNameHaveLimitsToo: all delta CRLs are on one host that no configuration names.
func TestHostsThatCRLsNameHaveLimitsToo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := newSite()
		w.serve(s.ServeHTTP)
		var mu sync.Mutex
		now, most := 0, 0
		var sources []Source
		for i := range 10 {
			complete := w.source(fmt.Sprintf("http://h%d.test/ca.crl", i))
			delta := w.source(fmt.Sprintf("freshest:%d", i))
			delta.Delta, delta.Base = true, complete.Scope()
			place := fmt.Sprintf("http://d.test/%d.crl", i)
			s.put(complete.URL, serveBytes(makeForm(t, w.ca, 5, nil, freshestAt(place))))
			s.put(place, func(rw http.ResponseWriter, req *http.Request) {
				mu.Lock()
				now++
				most = max(most, now)
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				now--
				mu.Unlock()
				serveBytes(makeForm(t, w.ca, 6, nil, deltaOn(5)))(rw, req)
			})
			sources = append(sources, complete, delta)
		}
		w.SetSources(sources)
		defer w.run()()
		for range 6 {
			time.Sleep(time.Second)
			w.SetSources(sources[:len(sources)-2]) // the limits of hosts in use stay
			w.SetSources(sources)
		}
		time.Sleep(time.Minute)
		for _, r := range w.Sources() {
			if r.Info == nil {
				t.Errorf("%s has nothing: %s", r.URL, r.State.LastError)
			}
		}
		if most > 2 {
			t.Errorf("%d fetches from one host at once, want at most 2", most)
		}
		w.SetSources(nil)
		synctest.Wait()
		w.SetSources(nil)
		if len(w.hosts) != 0 {
			t.Errorf("the limits of %d hosts are kept for nobody", len(w.hosts))
		}
	})
}

func TestADeltaThatLapsesIsAnAlarmOfItsOwn(t *testing.T) {
	log := &lockedBuffer{}
	inWorld(t, func(t *testing.T, w *world) {
		w.updater.log = slog.New(slog.NewTextHandler(log, nil))
		complete, delta := w.source("push:"), w.source("push:delta")
		delta.Delta, delta.Base = true, complete.Scope()
		w.SetSources([]Source{complete, delta})
		defer w.run()()
		if _, err := w.push("push:delta", makeForm(t, w.ca, 6, nil, deltaOn(5))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(25 * time.Hour)
	})
	if !strings.Contains(log.String(), "delta crl stale: its nextUpdate passed") {
		t.Errorf("the log is %s", log.String())
	}
}
