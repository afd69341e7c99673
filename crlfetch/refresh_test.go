package crlfetch

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/revocation"
)

func TestTheFirstCRLIsHeldAndReported(t *testing.T) {
	r := newRig(t)
	r.serve(serveTagged(`"v5"`, r.crl(5, 1, 2)))
	res := r.refresh()
	if !res.Changed || res.NotModified || res.Err != nil || res.Info.Number.String() != "5" || res.Info.Entries != 2 ||
		res.Bytes != res.Info.Size || res.URL != r.src.URL || res.Change.Generation != 1 || res.Duration <= 0 {
		t.Errorf("the result is %+v", res)
	}
	if len(r.swaps) != 1 || r.swaps[0].New != res.Info || r.swaps[0].Old != nil {
		t.Errorf("the swaps reported are %+v", r.swaps)
	}
	st := r.memory.SourceState(r.src.Scope())
	if st.ETag != `"v5"` || st.Issuer != r.src.Issuer.ID || st.URL != r.src.URL || st.FetchedAt.IsZero() || st.CheckedAt.IsZero() ||
		!st.NextFetch.Equal(res.Next) {
		t.Errorf("the state is %+v", st)
	}
	if line := r.log.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, "result=changed") ||
		!strings.Contains(line, "number=5") || !strings.Contains(line, "issuer=corp") {
		t.Errorf("the log is %q, want one line", line)
	}
}

func TestNotModifiedExtendsNothing(t *testing.T) {
	for name, answer := range map[string]func(tag string, body []byte) http.HandlerFunc{
		"304":          serveTagged,
		"the same CRL": func(tag string, body []byte) http.HandlerFunc { return serveBytes(body) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			crl := r.crl(5, 1, 2)
			r.serve(serveTagged(`"v5"`, crl))
			first := r.refresh()
			r.serve(answer(`"v5"`, crl))
			res := r.refresh()
			if res.Changed || !res.NotModified || res.Err != nil || res.Info != first.Info {
				t.Errorf("the result is %+v", res)
			}
			if held := r.memory.CRLInfo(r.src.Scope()); held != first.Info {
				t.Errorf("the CRL held became %+v", held)
			}
			before, st := r.swaps, r.memory.SourceState(r.src.Scope())
			if len(before) != 1 || !st.CheckedAt.After(st.FetchedAt) {
				t.Errorf("%d swaps, checked at %s, fetched at %s; want one swap, checked later", len(before), st.CheckedAt, st.FetchedAt)
			}
		})
	}
}

func TestAServerThatSays304ForEverCannotHideANewCRL(t *testing.T) {
	r := newRig(t)
	r.serve(serveTagged(`"same"`, r.crl(5, 1, 2)))
	r.refresh()
	r.serve(serveTagged(`"same"`, r.crl(6, 1, 2, 3)))
	n := 1
	for ; !r.refresh().Changed && n < 50; n++ {
	}
	if n != 10 {
		t.Errorf("the new CRL was taken at refresh %d, want 10", n)
	}
	r.wantHeld("6", "01", "02", "03")
}

func TestTheWholeCRLIsAskedForInTheSecondHalfOfItsLife(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		r, _, stop := newPipedRig(t)
		defer stop()
		r.serve(serveTagged(`"same"`, r.crl(5, 1)))
		r.refresh()
		r.serve(serveTagged(`"same"`, r.crl(6, 1, 2)))
		time.Sleep(11 * time.Hour)
		if res := r.refresh(); !res.NotModified {
			t.Fatalf("in the first half: %+v, want not modified", res)
		}
		time.Sleep(2 * time.Hour)
		if res := r.refresh(); !res.Changed {
			t.Errorf("in the second half: %+v, want the new CRL", res)
		}
	})
}

func TestValidatorsOfAnotherCRLAreNotSent(t *testing.T) {
	r := newRig(t)
	r.serve(serveTagged(`"v5"`, r.crl(5, 1)))
	r.refresh()
	older := *r.memory.CRLInfo(r.src.Scope())
	r.serve(serveTagged(`"v6"`, r.crl(6, 1, 2)))
	r.refresh()
	r.memory.infos[r.src.Scope()] = &older // the store found its last generation damaged
	if res := r.refresh(); !res.Changed {
		t.Errorf("the lost CRL was not fetched again: %+v", res)
	}
}

func TestAnETagThatCannotBeSentIsForgotten(t *testing.T) {
	r := newRig(t)
	for _, tag := range []string{"\"\u00e9\"", `"` + strings.Repeat("x", 2000) + `"`} {
		r.serve(func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("ETag", tag)
			serveBytes(r.crl(5, 1))(w, req)
		})
		r.refresh()
		if st := r.memory.SourceState(r.src.Scope()); st.ETag != "" {
			t.Errorf("the ETag %.20q was kept", tag)
		}
	}
}

func TestAPEMCRLIsKeptAsDER(t *testing.T) {
	r := newRig(t)
	crl := r.crl(5, 1, 2)
	text := "Certificate Revocation List\n" + string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: crl}))
	r.serve(serveBytes([]byte(text)))
	res := r.refresh()
	if !res.Changed || res.Bytes != int64(len(text)) || res.Info.Size != int64(len(crl)) {
		t.Fatalf("the result is %+v", res) // the fake store compares the file with the digest
	}
	if res := r.refresh(); !res.NotModified {
		t.Errorf("the same PEM file again: %+v, want not modified", res)
	}
}

func TestAnOddContentTypeIsOnlyCounted(t *testing.T) {
	r := newRig(t)
	r.serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write(r.crl(5, 1))
	})
	if res := r.refresh(); !res.Changed {
		t.Errorf("the CRL was not taken: %v", res.Err)
	}
	if got := testutil.ToFloat64(r.updater.metrics.OddTypes.WithLabelValues("corp", r.src.URL)); got != 1 {
		t.Errorf("%v odd types were counted, want 1", got)
	}
	if !strings.Contains(r.log.String(), "content_type=text/plain") {
		t.Errorf("the log %q does not tell the content type", r.log.String())
	}
}

// Whatever the store cannot do, the CRL before stays and the rule is "store".
func TestAFailingStoreLosesNothing(t *testing.T) {
	tests := map[string]func(*memory){
		"commit that is not durable": func(m *memory) { m.commitErr = revocation.ErrNotDurable },
		"build that cannot begin":    func(m *memory) { m.buildErr = errors.New("no space left on device") },
		"entry that cannot be added": func(m *memory) { m.addErr = errors.New("no space left on device") },
		"no file for the download":   func(m *memory) { m.tempFile = func() (*os.File, error) { return nil, os.ErrPermission } },
		"download that cannot be written": func(m *memory) {
			m.tempFile = func() (*os.File, error) {
				name := filepath.Join(m.dir, "download-read-only")
				os.WriteFile(name, nil, 0o600)
				return os.Open(name)
			}
		},
		"nothing can be written": func(m *memory) { m.commitErr, m.saveErr = revocation.ErrNotDurable, revocation.ErrNotDurable },
	}
	for name, breakIt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.hold()
			breakIt(r.memory)
			r.serve(serveBytes(r.crl(6, 3)))
			res := r.refresh()
			if res.Err == nil || ruleOf(res.Err) != "store" || res.Changed {
				t.Errorf("the result is %+v, want a failure by rule store", res)
			}
			if again := r.refresh(); again.Next.Sub(res.Next) < 9*time.Second {
				t.Errorf("the second failure waits no longer than the first: %s, %s", res.Next, again.Next)
			}
			r.wantHeld("5", "01", "02")

			m := r.memory
			m.commitErr, m.saveErr, m.addErr, m.buildErr, m.tempFile = nil, nil, nil, nil, nil
			if res := r.refresh(); !res.Changed {
				t.Errorf("after the store was well again: %v", res.Err)
			}
		})
	}
}

func TestANotModifiedThatCannotBeSavedIsAFailure(t *testing.T) {
	r := newRig(t)
	r.hold()
	r.memory.saveErr = revocation.ErrNotDurable
	if res := r.refresh(); res.Err == nil || !errors.Is(res.Err, revocation.ErrNotDurable) || ruleOf(res.Err) != "store" {
		t.Errorf("the result is %+v, want a failure by rule store", res)
	}
}

func TestARefreshGivenUpLeavesNoTrace(t *testing.T) {
	r := newRig(t)
	r.hold()
	before := r.memory.SourceState(r.src.Scope())
	ctx, cancel := context.WithCancel(t.Context())
	r.serve(func(_ http.ResponseWriter, req *http.Request) {
		cancel()
		<-req.Context().Done()
	})
	res, _ := r.updater.refresh(ctx, r.src, r.track, trip{})
	if !errors.Is(res.Err, context.Canceled) || res.Info == nil {
		t.Errorf("the result is %+v", res)
	}
	if after := r.memory.SourceState(r.src.Scope()); after != before {
		t.Errorf("the state became %+v", after)
	}
}

func TestFiles(t *testing.T) {
	r := newRigWithoutServer(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "a b.crl")
	r.src.URL = "file://" + strings.ReplaceAll(path, " ", "%20")
	put := func(b []byte) {
		t.Helper()
		if err := errors.Join(os.WriteFile(path+".new", b, 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what, rule string) {
		t.Helper()
		if res := r.refresh(); res.outcome() != rule {
			t.Errorf("%s: %s (%v), want %s", what, res.outcome(), res.Err, rule)
		}
	}
	want("no file", "file")
	put(r.crl(5, 1, 2))
	want("a file", "changed")
	want("the same file", "not_modified")
	if st := r.memory.SourceState(r.src.Scope()); st.NotModified != 1 || st.ETag == "" {
		t.Errorf("the file was read again although it did not change: %+v", st)
	}
	put(r.crl(6, 1, 2, 3))
	want("a new file", "changed")
	put(r.crl(4))
	want("an older file", "rollback")
	put([]byte("<html><p>no"))
	want("a page", "parse")
	r.src.MaxBytes = 10
	put(r.crl(7))
	want("a file over the cap", "too-big")
	os.Remove(path)
	want("a file that went away", "file")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	want("a folder without a slash at its end", "file")
	r.wantHeld("6", "01", "02", "03")
}

func TestLongErrorsAreCut(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 501), strings.Repeat("é", 400), "a" + strings.Repeat("é", 400)} {
		got := shorten(text)
		if len(got) > 500 || len(got) < 490 || !strings.HasSuffix(got, "…") || slices.Contains([]rune(got), '\ufffd') {
			t.Errorf("shorten(%.10q…) has %d octets and ends with %q", text, len(got), got[len(got)-8:])
		}
	}
	if got := shorten("short"); got != "short" {
		t.Errorf("shorten(short) = %q", got)
	}
}
