package store

import (
	"archive/tar"
	"compress/bzip2"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/revocation"
)

// unpack writes the files of an archive below a new directory.
func unpackArchive(t *testing.T, path string) (dir string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	dir = t.TempDir()
	for r := tar.NewReader(bzip2.NewReader(f)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(r)
		name := filepath.Join(dir, filepath.FromSlash(h.Name))
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(name), 0o700)); err != nil {
			t.Fatal(err)
		}
		writeFile(t, name, b)
	}
}

// TestTheFirstFormatIsStillRead opens a data directory that the first veto wrote, before CRLs had scopes of their own, deltas and
// retained serials: CRLs 1 and 2 of scope A, CRL 7 of scope B, a hold that was released and a revocation.
func TestTheFirstFormatIsStillRead(t *testing.T) {
	s := open(t, unpackArchive(t, filepath.Join("testdata", "format1.tar.bz2")))
	s.SetScopes(scopes{issuerA: {{ID: scopeA}}, issuerB: {{ID: scopeB}}})
	check := func(when string) {
		t.Helper()
		if d := cmp.Diff(infoOf(issuerA, scopeA, 2, 3), s.CRLInfo(scopeA)); d != "" {
			t.Errorf("%s: the CRL of scope A (-want +got):\n%s", when, d)
		}
		for serial, want := range map[string]bool{"\x01": true, "\x02": false, "\x03": true, "\x04\x05": true} {
			if got := lists(s, issuerA, serial); got != want {
				t.Errorf("%s: %x is listed: %v, want %v", when, serial, got, want)
			}
		}
		if r := s.AdminRecord(issuerA, "\x0a"); r == nil || r.Stands() || r.By != "bob" {
			t.Errorf("%s: the released hold: %+v", when, r)
		}
		if !s.AdminRecord(issuerB, "\x0b").Stands() || s.RetainedAlarm(scopeA) || s.Overtaken(scopeB) {
			t.Errorf("%s: the revocation of issuer B is gone, or there is an alarm", when)
		}
		checkSigned(t, s, "CRL 2")
	}
	check("at once")
	if n, _, err := s.VerifyAudit(t.Context()); n != 3 || err != nil {
		t.Errorf("the audit chain: %d entries, %v", n, err)
	}
	if rows, complete, err := s.Changes(0, 10); len(rows) != 6 || !complete || err != nil {
		t.Errorf("the change log: %d rows, complete %v, %v", len(rows), complete, err)
	}
	revoke(t, s, issuerA, "\x0c", revocation.KeyCompromise)
	if err := s.VerifyGenerations(t.Context()); err != nil {
		t.Error(err)
	}
	s = reopen(t, s)
	check("after a change and a restart")
	if n, _, err := s.VerifyAudit(t.Context()); n != 4 || err != nil {
		t.Errorf("the audit chain after one more entry: %d entries, %v", n, err)
	}
}
