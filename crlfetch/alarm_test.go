package crlfetch

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestACRLThatBecomesLateAndStaleIsSaidOnceEach(t *testing.T) {
	for _, url := range []string{"push:", "http://a.test/1"} {
		t.Run(url, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				var log lockedBuffer
				w.updater.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{}))
				crl := makeCRL(t, w.ca, 5, 7) // valid for a day
				src := w.source(url)
				src.Every = 3 * time.Hour
				w.serve(serveBytes(crl))
				w.SetSources([]Source{src})
				defer w.run()()
				if src.Pushed() {
					if _, err := w.push("", crl); err != nil {
						t.Fatal(err)
					}
				}
				after := func(wait time.Duration, late, stale int, level float64) {
					t.Helper()
					time.Sleep(wait)
					synctest.Wait()
					if got := strings.Count(log.String(), "level=WARN msg=\"crl late"); got != late {
						t.Errorf("after %s it was called late %d times, want %d", wait, got, late)
					}
					if got := strings.Count(log.String(), "level=ERROR msg=\"crl stale"); got != stale {
						t.Errorf("after %s it was called stale %d times, want %d", wait, got, stale)
					}
					if got := testutil.ToFloat64(w.updater.metrics.Late.WithLabelValues("corp", url)); got != level {
						t.Errorf("after %s the lateness is %v, want %v", wait, got, level)
					}
				}
				after(17*time.Hour, 0, 0, 0)
				after(time.Hour+time.Minute, 1, 0, 1)
				after(5*time.Hour, 1, 0, 1)
				after(2*time.Hour, 1, 1, 2)
				after(100*time.Hour, 1, 1, 2)
				next := makeCRL(t, w.ca, 300, 7)
				if src.Pushed() {
					w.push("", next)
				} else {
					w.serve(serveBytes(next))
					w.Refresh(t.Context(), w.issuer.ID)
				}
				after(0, 1, 1, 0)
				after(18*time.Hour+5*time.Minute, 2, 1, 1)
			})
		})
	}
}

func TestAServersMaxAgeSparesPolls(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		crl := makeCRL(t, w.ca, 5, 7)
		w.serve(func(rw http.ResponseWriter, req *http.Request) {
			rw.Header().Set("Cache-Control", "max-age=1800")
			serveTagged(`"1"`, crl)(rw, req)
		})
		w.SetSources([]Source{w.source("http://a.test/1")})
		defer w.run()()
		w.wantGets(0, 1, "at the start")
		w.wantGets(30*time.Minute, 0, "while it is fresh")
		w.wantGets(2*time.Minute, 1, "then, though it says not modified")
		w.wantGets(29*time.Minute, 0, "a 304 is fresh as long")
	})
}

func TestALargeCRLIsNotTransferredAtEachPollPastHalfOfItsLife(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		crl := makeCRL(t, w.ca, 5, 7)
		var whole atomic.Int32
		w.serve(func(rw http.ResponseWriter, req *http.Request) {
			rw.Header().Set("ETag", `"1"`)
			if req.Header.Get("If-None-Match") != "" {
				rw.WriteHeader(http.StatusNotModified)
				return
			}
			whole.Add(1)
			for part := range slices.Chunk(crl, 1+len(crl)/36) { // three minutes for all
				rw.Write(part)
				rw.(http.Flusher).Flush()
				time.Sleep(5 * time.Second)
			}
		})
		src := w.source("http://a.test/1")
		src.Timeout, src.MinRate = time.Hour, 1
		w.SetSources([]Source{src})
		defer w.run()()
		time.Sleep(13 * time.Hour)
		before := whole.Load()
		time.Sleep(8 * time.Hour)
		if got := whole.Load() - before; got < 3 || got > 4 {
			t.Errorf("in eight hours the whole CRL was transferred %d times, want once in 150 minutes", got)
		}
	})
}
