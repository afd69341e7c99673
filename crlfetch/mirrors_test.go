package crlfetch

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/revocation"
)

// hosts serves each host by a handler of its own and counts what it is asked.
type hosts struct {
	mu      sync.Mutex
	handler map[string]http.HandlerFunc
	asked   map[string]int
	entire  map[string]int // unconditionally
}

func (h *hosts) serve(host string, f http.HandlerFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.handler[host] = f
}

func (h *hosts) gets(host string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked[host]
}

func (h *hosts) whole(host string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.entire[host]
}

func (h *hosts) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	h.mu.Lock()
	h.asked[req.Host]++
	if req.Header.Get("If-None-Match") == "" {
		h.entire[req.Host]++
	}
	serve := h.handler[req.Host]
	h.mu.Unlock()
	if serve == nil {
		w.WriteHeader(404)
		return
	}
	serve(w, req)
}

// inMirroredRig runs a test of a source at a.test with mirrors at b.test and c.test.
func inMirroredRig(t *testing.T, test func(t *testing.T, r *rig, h *hosts)) {
	bubble.Test(t, func(t *testing.T) {
		r, _, stop := newPipedRig(t)
		defer stop()
		r.src.URL, r.src.Mirrors = "http://a.test/1", []string{"http://b.test/1", "http://c.test/1"}
		h := &hosts{handler: map[string]http.HandlerFunc{}, asked: map[string]int{}, entire: map[string]int{}}
		r.serve(h.ServeHTTP)
		test(t, r, h)
	})
}

func TestAMirrorServesWhenThoseBeforeItFail(t *testing.T) {
	inMirroredRig(t, func(t *testing.T, r *rig, h *hosts) {
		good := r.crl(5, 1)
		h.serve("a.test", serveBytes([]byte("<html>maintenance")))
		h.serve("c.test", serveTagged(`"c"`, good))
		res := r.refresh()
		if !res.Changed || res.Via != "http://c.test/1" || res.URL != "http://a.test/1" {
			t.Fatalf("the result is %+v", res)
		}
		if line := r.log.String(); !strings.Contains(line, "level=WARN") || !strings.Contains(line, "via=http://c.test/1") ||
			!strings.Contains(line, "HTML page") || !strings.Contains(line, "http://b.test/1: the server answers 404") {
			t.Errorf("the log does not tell what was passed over: %s", line)
		}
		if got := testutil.ToFloat64(r.updater.metrics.Failovers.WithLabelValues("corp", r.src.URL)); got != 2 {
			t.Errorf("%v fail-overs were counted, want 2", got)
		}
		if st := r.memory.SourceState(r.src.Scope()); st.ETag != "" || st.Failures != 0 || st.LastError != "" {
			t.Errorf("the state is %+v, want success without the mirror's ETag", st)
		}

		if res := r.refresh(); !res.NotModified || h.whole("c.test") != 1 {
			t.Errorf("the mirror was not asked conditionally: %+v, %d whole", res, h.whole("c.test"))
		}
		h.serve("a.test", serveTagged(`"c"`, r.crl(6, 1, 2))) // the tag of another server
		if res := r.refresh(); !res.Changed || res.Via != "http://a.test/1" || h.gets("c.test") != 2 {
			t.Errorf("the primary is back: %+v", res)
		}
		if st := r.memory.SourceState(r.src.Scope()); st.ETag != `"c"` {
			t.Errorf("the primary's ETag was not kept: %+v", st)
		}
	})
}

func TestWhenAllURLsFailTheErrorNamesEach(t *testing.T) {
	inMirroredRig(t, func(t *testing.T, r *rig, h *hosts) {
		h.serve("a.test", serveBytes(r.crl(5, 1)))
		r.refresh()
		h.serve("a.test", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1800")
			w.WriteHeader(503)
		})
		h.serve("b.test", serveBytes(r.crl(4)))
		res := r.refresh()
		if res.Err == nil || ruleOf(res.Err) != "rollback" {
			t.Fatalf("the refresh says %v (rule %s), want the alarming rule rollback", res.Err, ruleOf(res.Err))
		}
		for _, part := range []string{"http://a.test/1: the server answers 503", "http://b.test/1: the CRL has number 4", "http://c.test/1: the server answers 404"} {
			if !strings.Contains(res.Err.Error(), part) {
				t.Errorf("the error %q does not have %q", res.Err, part)
			}
		}
		if wait := time.Until(res.Next); wait < 29*time.Minute {
			t.Errorf("Retry-After of the primary was not heeded: %s", wait)
		}
		r.wantHeld("5", "01")
	})
}

func TestMirrorsAreComparedNowAndThen(t *testing.T) {
	inMirroredRig(t, func(t *testing.T, r *rig, h *hosts) {
		good := r.crl(5, 1)
		h.serve("a.test", serveTagged(`"1"`, good))
		h.serve("b.test", serveBytes(good))
		poll := func(n int) {
			for range n {
				r.refresh()
				time.Sleep(5 * time.Minute)
			}
		}
		state := func() string { return r.memory.SourceState(r.src.Scope()).LastError }
		checks := func(result string) float64 {
			return testutil.ToFloat64(r.updater.metrics.Mirrors.WithLabelValues("corp", r.src.URL, result))
		}
		disagreeing := func() float64 {
			return testutil.ToFloat64(r.updater.metrics.Disagree.WithLabelValues("corp", r.src.URL))
		}

		poll(compareAfter - 1)
		if h.gets("b.test") != 0 {
			t.Errorf("a mirror was asked %d times before its time", h.gets("b.test"))
		}
		poll(1)
		if checks("agrees") != 1 || checks("http-status") != 1 || state() != "" || disagreeing() != 0 {
			t.Errorf("a mirror that agrees and one that fails: state %q, log %s", state(), r.log.String())
		}
		if !strings.Contains(r.log.String(), `msg="crl mirror not usable" issuer=corp url=http://a.test/1 mirror=http://c.test/1`) {
			t.Errorf("the log does not tell of the mirror that fails: %s", r.log.String())
		}

		h.serve("b.test", serveBytes(r.crl(5, 1, 2)))
		h.serve("c.test", serveBytes(r.crl(6, 1, 3)))
		poll(compareAfter)
		if checks("equivocation") != 1 || disagreeing() != 1 || !strings.Contains(state(), "http://b.test/1") {
			t.Errorf("a mirror with another CRL of the same number: state %q", state())
		}
		if !strings.Contains(r.log.String(), `level=ERROR msg="crl sources disagree"`) {
			t.Errorf("the log raises no alarm: %s", r.log.String())
		}
		r.wantHeld("5", "01") // nothing is replaced by it, a newer one of the other mirror included
		poll(1)
		if !strings.Contains(state(), "disagree") {
			t.Error("a poll of the primary made the disagreement forgotten")
		}

		h.serve("b.test", serveBytes(good))
		h.serve("c.test", serveBytes(r.crl(4)))
		poll(compareAfter)
		if state() != "" || disagreeing() != 0 || checks("rollback") != 1 {
			t.Errorf("after they agreed again: state %q", state())
		}
	})
}

func TestAPrimaryThatContradictsTheCRLInForceIsAnAlarm(t *testing.T) {
	inMirroredRig(t, func(t *testing.T, r *rig, h *hosts) {
		good := r.crl(5, 1)
		h.serve("b.test", serveBytes(good))
		r.refresh()
		h.serve("a.test", serveBytes(r.crl(5, 2)))
		if res := r.refresh(); !res.NotModified || res.Via != "http://b.test/1" {
			t.Errorf("the result is %+v", res)
		}
		st := r.memory.SourceState(r.src.Scope())
		if !strings.Contains(st.LastError, "http://a.test/1") || !strings.Contains(r.log.String(), "level=ERROR") {
			t.Errorf("no alarm: state %q, log %s", st.LastError, r.log.String())
		}
		h.serve("a.test", serveBytes(good))
		r.refresh()
		if st := r.memory.SourceState(r.src.Scope()); st.LastError != "" {
			t.Errorf("the primary is right again: state %q", st.LastError)
		}
	})
}

// Two sources whose primaries are each other's mirrors, each host allowing one fetch at a time.
func TestSourcesThatFailOverToEachOtherDoNotWaitForEver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.Refresher.perHost = 1
		w.serve(func(rw http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			rw.WriteHeader(404)
		})
		a, b := w.source("http://a.test/1"), w.source("http://b.test/1")
		a.Mirrors, b.Mirrors = []string{"http://b.test/2"}, []string{"http://a.test/2"}
		w.SetSources([]Source{a, b})
		defer w.run()()
		w.wantGets(3*time.Second, 4, "both URLs of both sources")
		if _, err := w.Refresh(t.Context(), w.issuer.ID); err == nil {
			t.Error("a refresh of what answers 404 was called done")
		}
	})
}

func TestFailuresOfOneURLAreNotWrapped(t *testing.T) {
	r := newRig(t)
	r.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	if res := r.refresh(); !strings.HasPrefix(res.Err.Error(), "the server answers 404") || revocation.RuleOf(res.Err, "") != "http-status" {
		t.Errorf("the error is %q", res.Err)
	}
}
