package crlfetch

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vetopki/veto/revocation"
)

// halting is a store that stops a build at an entry, or in its commit, until it is let go.
type halting struct {
	*memory
	at   int // entry; 0: commit
	here chan struct{}
	on   chan struct{}
}

type haltingBuild struct {
	Build
	*halting
	n int
}

func (h *halting) NewBuild(issuer revocation.IssuerID, scope revocation.ScopeID) (Build, error) {
	b, err := h.memory.NewBuild(issuer, scope)
	return &haltingBuild{Build: b, halting: h}, err
}

func (h *halting) halt() {
	h.here <- struct{}{}
	<-h.on
}

func (b *haltingBuild) Add(r *revocation.Record) error {
	if b.n++; b.n == b.at {
		b.halt()
	}
	return b.Build.Add(r)
}

func (b *haltingBuild) Commit(info *revocation.CRLInfo, signed string, st revocation.SourceState, maxShrink float64) (revocation.CRLChange, error) {
	if b.at == 0 {
		b.halt()
	}
	return b.Build.Commit(info, signed, st, maxShrink)
}

func TestProgressIsSeen(t *testing.T) {
	serials := make([]int64, 5000)
	for i := range serials {
		serials[i] = int64(i) + 1<<40
	}
	for _, at := range []int{3000, 0} {
		inWorld(t, func(t *testing.T, w *world) {
			crl := makeCRL(t, w.ca, 5, serials...)
			w.serve(serveBytes(crl))
			h := &halting{memory: w.memory, at: at, here: make(chan struct{}), on: make(chan struct{})}
			w.updater.builder = h
			src := w.source("http://a.test/1")
			w.SetSources([]Source{src})
			if p := w.reportOf(src).Progress; p != (Progress{}) {
				t.Errorf("before it began: %+v", p)
			}
			defer w.run()()
			<-h.here
			p := w.reportOf(src).Progress
			if at > 0 && (p.Doing != "reading" || p.Of != int64(len(crl)) || p.Octets == 0 || p.Octets > p.Of || p.Entries != 2048) {
				t.Errorf("at entry %d: %+v", at, p)
			}
			if at == 0 && (p.Doing != "writing" || p.Octets != int64(len(crl)) || p.Entries != 5000) {
				t.Errorf("at the commit: %+v", p)
			}
			h.on <- struct{}{}
			synctest.Wait()
			if r := w.reportOf(src); r.Progress != (Progress{}) || r.Info == nil {
				t.Errorf("after it ended: %+v", r)
			}
		})
	}
}

func TestALongDownloadIsSeenAndLogged(t *testing.T) {
	log := &lockedBuffer{}
	inWorld(t, func(t *testing.T, w *world) {
		w.updater.log = slog.New(slog.NewTextHandler(log, nil))
		crl := makeCRL(t, w.ca, 5, 7)
		w.serve(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Content-Length", fmt.Sprint(len(crl)))
			for part := range slices.Chunk(crl, 1+len(crl)/35) {
				rw.Write(part)
				rw.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		})
		src := w.source("http://a.test/1")
		src.Timeout, src.MinRate = time.Hour, 1
		w.SetSources([]Source{src})
		defer w.run()()
		time.Sleep(15500 * time.Millisecond)
		p := w.reportOf(src).Progress
		if p.Doing != "downloading" || p.Of != int64(len(crl)) || p.Octets < p.Of/3 || p.Octets > p.Of/2 {
			t.Errorf("after 15 of 35 seconds: %+v", p)
		}
		time.Sleep(time.Minute)
		if r := w.reportOf(src); r.Progress != (Progress{}) || r.Info == nil {
			t.Errorf("after it ended: %+v", r)
		}
	})
	if got := strings.Count(log.String(), "crl refresh under way"); got != 3 || !strings.Contains(log.String(), "doing=downloading") {
		t.Errorf("%d lines tell of a download of 35 seconds, want 3: %s", got, log.String())
	}
}

func TestAPushIsSeenToo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		h := &halting{memory: w.memory, here: make(chan struct{}), on: make(chan struct{})}
		w.updater.builder = h
		src := w.source("push:")
		w.SetSources([]Source{src})
		defer w.run()()
		done := make(chan error)
		go func() {
			_, err := w.Push(t.Context(), w.issuer.ID, "", bytes.NewReader(makeCRL(t, w.ca, 5, 1)))
			done <- err
		}()
		<-h.here
		if p := w.reportOf(src).Progress; p.Doing != "writing" {
			t.Errorf("the progress is %+v", p)
		}
		h.on <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
