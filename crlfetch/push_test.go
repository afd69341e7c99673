package crlfetch

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

func (w *world) push(url string, body []byte) (Result, error) {
	return w.Push(w.t.Context(), w.issuer.ID, url, bytes.NewReader(body))
}

func TestAPushedCRLIsJudgedLikeAFetchedOne(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		src := w.source("push:")
		w.SetSources([]Source{src})
		defer w.run()()
		text := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: makeCRL(t, w.ca, 5, 1, 2)})
		res, err := w.push("", text)
		if err != nil || !res.Changed || res.Info.Number.String() != "5" || res.URL != "push:" || res.Bytes != int64(len(text)) {
			t.Fatalf("a first CRL: %+v, %v", res, err)
		}
		for _, tt := range []struct {
			name, rule string
			body       []byte
		}{
			{"an older one", "rollback", makeCRL(t, w.ca, 4, 1)},
			{"another of the same number", "equivocation", makeCRL(t, w.ca, 5, 1)},
			{"one of another issuer", "issuer", makeCRL(t, newCA(t, pkitest.CAOptions{Name: "Another CA"}), 9, 1)},
			{"a page", "parse", []byte("<html>")},
			{"half of one", "truncated", makeCRL(t, w.ca, 9, 1)[:40]},
			{"nothing", "truncated", nil},
		} {
			res, err := w.push("push:", tt.body)
			if ruleOf(err) != tt.rule || !errors.Is(res.Err, err) || res.Info == nil {
				t.Errorf("%s: %v, want rule %s", tt.name, err, tt.rule)
			}
		}
		if number, serials := w.memory.held(src.Scope()); number != "5" || len(serials) != 2 {
			t.Errorf("after refusals CRL %s with %v is in force", number, serials)
		}
		if st := w.memory.SourceState(src.Scope()); st.Failures != 0 || st.LastError != "" {
			t.Errorf("a refused push counts against the source: %+v", st)
		}
		if res, err := w.push("", text); err != nil || !res.NotModified {
			t.Errorf("the CRL in force once more: %+v, %v", res, err)
		}
		if res, err := w.push("", makeCRL(t, w.ca, 6, 1)); err != nil || !res.Changed {
			t.Errorf("a newer one: %+v, %v", res, err)
		}
		for result, want := range map[string]float64{"changed": 2, "not_modified": 1, "rollback": 1, "parse": 1} {
			if got := testutil.ToFloat64(w.updater.metrics.Pushes.WithLabelValues("corp", "push:", result)); got != want {
				t.Errorf("%v pushes with result %s were counted, want %v", got, result, want)
			}
		}
	})
}

func TestAPushSourceIsNeverFetched(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.SetSources([]Source{w.source("push:")})
		defer w.run()()
		time.Sleep(time.Hour)
		results, err := w.Refresh(t.Context(), w.issuer.ID)
		if ruleOf(err) != "push" || len(results) != 1 || !strings.Contains(err.Error(), "PUT /v1/issuers") {
			t.Errorf("Refresh says %v", err)
		}
		if report := w.Sources()[0]; !report.Next.IsZero() || report.State.Failures != 0 || report.State.LastError != "" {
			t.Errorf("the report is %+v", report)
		}
		w.SetSources([]Source{w.source("push:"), w.source("http://a.test/1")})
		if results, err := w.Refresh(t.Context(), w.issuer.ID); err != nil || len(results) != 1 || results[0].URL != "http://a.test/1" {
			t.Errorf("a refresh of what can be fetched: %+v, %v", results, err)
		}
	})
}

func TestPushNamesItsSource(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		crl := makeCRL(t, w.ca, 5, 1)
		if _, err := w.push("", crl); !errors.Is(err, ErrNoSource) {
			t.Errorf("an issuer without source: %v", err)
		}
		w.SetSources([]Source{w.source("push:a"), w.source("push:b")})
		defer w.run()()
		if _, err := w.push("", crl); ruleOf(err) != "source" || !strings.Contains(err.Error(), "2 CRL sources") {
			t.Errorf("no source named: %v", err)
		}
		if _, err := w.push("push:c", crl); ruleOf(err) != "source" {
			t.Errorf("a source that is not there: %v", err)
		}
		if res, err := w.push("push:b", crl); err != nil || res.URL != "push:b" {
			t.Errorf("a source named: %+v, %v", res, err)
		}
		if w.memory.CRLInfo(w.source("push:a").Scope()) != nil {
			t.Error("the CRL went to the other source too")
		}
	})
}

func TestAPushGoesToAFetchedSourceToo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.serve(serveTagged(`"1"`, makeCRL(t, w.ca, 5, 7)))
		w.SetSources([]Source{w.source("http://a.test/1")})
		defer w.run()()
		if res, err := w.push("", makeCRL(t, w.ca, 6, 7, 8)); err != nil || !res.Changed {
			t.Fatalf("the push: %+v, %v", res, err)
		}
		w.wantGets(5*time.Minute-time.Second, 1, "the schedule begins anew with the push")
		w.wantGets(time.Second, 1, "the schedule goes on")
		if st := w.Sources()[0].State; st.Failures != 1 || !strings.Contains(st.LastError, "lower than number 6") {
			t.Errorf("the server's older CRL was not refused as a rollback: %+v", st)
		}
	})
}

// endless is a body that never ends.
type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }

func TestAPushIsCapped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		src := w.source("push:")
		src.MaxBytes = 1 << 20
		w.SetSources([]Source{src})
		defer w.run()()
		if _, err := w.Push(t.Context(), w.issuer.ID, "", endless{}); ruleOf(err) != "too-big" {
			t.Errorf("an endless body: %v", err)
		}
		broken := io.MultiReader(bytes.NewReader([]byte{0x30}), errReader{})
		if _, err := w.Push(t.Context(), w.issuer.ID, "", broken); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("a body that breaks off: %v", err)
		}
	})
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, http.ErrAbortHandler }

func TestAPushWaitsForRunAndForNothingAfterIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.SetSources([]Source{w.source("push:")})
		crl := makeCRL(t, w.ca, 5, 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := w.Push(ctx, w.issuer.ID, "", bytes.NewReader(crl)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("before Run: %v, want %v", err, context.DeadlineExceeded)
		}
		pushed := make(chan error, 1)
		go func() { _, err := w.push("", crl); pushed <- err }()
		synctest.Wait()
		stop := w.run()
		if err := <-pushed; err != nil {
			t.Errorf("after Run began: %v", err)
		}
		stop()
		if _, err := w.push("", makeCRL(t, w.ca, 6, 1)); !errors.Is(err, errRemoved) {
			t.Errorf("after Run ended: %v, want %v", err, errRemoved)
		}
	})
}

func TestPushesAndRefreshesOfOneSourceTakeTurns(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var number int64 = 10
		w.serve(func(rw http.ResponseWriter, req *http.Request) {
			time.Sleep(time.Second)
			serveBytes(makeCRL(t, w.ca, 5, 7))(rw, req)
		})
		src := w.source("http://a.test/1")
		src.Every = time.Second
		w.SetSources([]Source{src})
		defer w.run()()
		for range 20 { // the fake store fails the test when two builds of a scope are open
			number++
			if res, err := w.push("", makeCRL(t, w.ca, number, 7)); err != nil || !res.Changed {
				t.Errorf("push %d: %+v, %v", number, res, err)
			}
			time.Sleep(700 * time.Millisecond)
		}
		if got, _ := w.memory.held(src.Scope()); got != "30" {
			t.Errorf("CRL %s is in force, want 30", got)
		}
	})
}

func TestAStoreThatIsFullRefusesAPush(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.SetSources([]Source{w.source("push:")})
		defer w.run()()
		w.memory.commitErr = revocation.ErrNotDurable
		if _, err := w.push("", makeCRL(t, w.ca, 5, 1)); !errors.Is(err, revocation.ErrNotDurable) {
			t.Errorf("the push: %v, want %v", err, revocation.ErrNotDurable)
		}
	})
}
