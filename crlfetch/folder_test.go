package crlfetch

import (
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vetopki/veto/internal/pkitest"
)

func TestAFolderOfCRLs(t *testing.T) {
	r := newRigWithoutServer(t)
	dir := t.TempDir()
	r.src.URL = "file://" + dir + "/"
	put := func(name string, b []byte) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path+".new", b, 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what, result, number string) {
		t.Helper()
		if res := r.refresh(); res.outcome() != result {
			t.Errorf("%s: %s (%v), want %s", what, res.outcome(), res.Err, result)
		}
		if got, _ := r.memory.held(r.src.Scope()); got != number {
			t.Errorf("%s: CRL %q is in force, want %q", what, got, number)
		}
	}
	broken := func() float64 { return testutil.ToFloat64(r.updater.metrics.Broken.WithLabelValues("corp", r.src.URL)) }

	want("an empty folder", "file", "")
	put("notes.txt", []byte("not a CRL"))
	put(".hidden.crl", r.crl(9, 9))
	want("a folder without CRL files", "file", "")
	put("other.crl", makeCRL(t, newCA(t, pkitest.CAOptions{Name: "Another CA"}), 8, 8))
	want("a CRL of another issuer only", "no-crl", "")
	put("b.CRL", r.crl(5, 1))
	put("a.der", r.crl(4))
	want("the newest of several", "changed", "5")
	want("a folder that did not change", "not_modified", "5")
	if st := r.memory.SourceState(r.src.Scope()); st.NotModified != 1 {
		t.Errorf("the folder was read again although it did not change: %+v", st)
	}
	put("c.pem", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: r.crl(6, 1, 2)}))
	want("a newer one in PEM", "changed", "6")
	if got := broken(); got != 0 {
		t.Errorf("%v broken files were counted, want none: those of others are not broken", got)
	}

	put("d.crl", []byte("<html>"))
	put("e.crl", r.crl(7, 1, 2, 3))
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "f.crl"), 0o700), os.Symlink("nowhere", filepath.Join(dir, "g.crl"))); err != nil {
		t.Fatal(err)
	}
	want("a broken file beside a newer one", "changed", "7")
	if got := broken(); got != 1 || !strings.Contains(r.log.String(), "d.crl") {
		t.Errorf("%v broken files were counted, want 1, and its name in the log", got)
	}
	os.Remove(filepath.Join(dir, "e.crl"))
	want("the newest went away", "rollback", "7")
	put("e.crl", r.crl(7, 4))
	want("another with the number in force", "equivocation", "7")
	put("e2.crl", r.crl(7, 5))
	want("two of one number", "equivocation", "7")
}

func TestAFolderThatIsTooFull(t *testing.T) {
	r := newRigWithoutServer(t)
	dir := t.TempDir()
	r.src.URL = "file://" + dir + "/"
	for i := range maxFolder + 1 {
		if err := os.WriteFile(filepath.Join(dir, strings.Repeat("x", 1+i/100)+string(rune('0'+i%100))+".crl"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if res := r.refresh(); res.outcome() != "file" || !strings.Contains(res.Err.Error(), "1001 CRL files") {
		t.Errorf("the refresh says %v", res.Err)
	}
}
