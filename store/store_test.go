package store

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

func TestANewStoreKnowsNothingAndIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by", "open")
	s := open(t, dir)
	ev := evidence(s, issuerA, "\x01")
	if len(ev.CRLs) != 0 || ev.Admin != nil || ev.MissingCRL != 0 || ev.Generation != 0 {
		t.Errorf("evidence of an empty store: %+v", ev)
	}
	if s.CRLInfo(scopeA) != nil || s.SourceState(scopeA) != (revocation.SourceState{}) {
		t.Error("an empty store describes a CRL or a source")
	}
	if _, _, err := s.OpenCRL(scopeA); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenCRL: got %v, want fs.ErrNotExist", err)
	}
	info, err := os.Stat(s.paths.state())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("state.db: mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestTheLockNamesItsHolder(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	_, err := Open(dir, Options{LockTimeout: 1})
	if !errors.Is(err, revocation.ErrLocked) {
		t.Fatalf("second Open: %v, want ErrLocked", err)
	}
	for _, want := range []string{dir, "process " + strconv.Itoa(os.Getpid())} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

func TestAfterCloseLookupsAnswerAndChangesAreRefused(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, record("\x01", revocation.Superseded, day))
	revoke(t, s, issuerA, "\x02", revocation.KeyCompromise)
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if !lists(s, issuerA, "\x01") || !evidence(s, issuerA, "\x02").Admin.Stands() {
		t.Error("a closed store forgets what it knew: an administered issuer would be answered good")
	}
	if _, _, _, err := s.Revoke(issuerA, "\x03", adminRecord(0)); !errors.Is(err, revocation.ErrNotDurable) {
		t.Errorf("Revoke after Close: %v, want ErrNotDurable", err)
	}
	if _, err := s.NewBuild(issuerA, scopeA); err == nil {
		t.Error("NewBuild after Close: no error")
	}
	open(t, s.paths.root) // the directory is free
}

func TestAnUnreadableStateStopsAndIsKept(t *testing.T) {
	flip := func(t *testing.T, s *Store) {
		b, err := os.ReadFile(s.paths.state())
		if err != nil {
			t.Fatal(err)
		}
		b = []byte(strings.ReplaceAll(string(b), "alice\x0blost laptop", "alice\x0bLost laptop")) // not in the audit chain
		writeFile(t, s.paths.state(), b)
	}
	for name, c := range map[string]struct {
		damage func(*testing.T, *Store)
		says   string
	}{
		"an empty file":                   {func(t *testing.T, s *Store) { writeFile(t, s.paths.state(), nil) }, "empty"},
		"garbage":                         {func(t *testing.T, s *Store) { writeFile(t, s.paths.state(), []byte(strings.Repeat("x", 1<<16))) }, "invalid"},
		"cut off":                         {func(t *testing.T, s *Store) { truncate(t, s.paths.state(), 3*pageOctets) }, "damaged"},
		"missing while generations exist": {func(t *testing.T, s *Store) { os.Remove(s.paths.state()) }, "missing"},
		"a flipped bit in a record":       {flip, "checksum"},
		"a newer schema": {func(t *testing.T, s *Store) {
			editState(t, s, func(tx *bolt.Tx) error {
				return tx.Bucket(metaBucket).Put(schemaKey, binary.BigEndian.AppendUint32(nil, stateSchema+1))
			})
		}, "newer veto"},
		"a record lost": {func(t *testing.T, s *Store) {
			editState(t, s, func(tx *bolt.Tx) error { return tx.Bucket(adminBucket).Delete(adminKey(issuerA, "\x02")) })
		}, "0 administrative records, 1 were written"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			put(t, s, issuerA, scopeA, 1, record("\x01", revocation.Superseded, day))
			revoke(t, s, issuerA, "\x02", revocation.KeyCompromise)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			c.damage(t, s)
			before, _ := os.ReadFile(s.paths.state())
			for range 2 {
				again, err := Open(s.paths.root, Options{})
				if err == nil {
					again.Close()
					t.Fatal("Open took it")
				}
				for _, want := range []string{c.says, "restore it from a backup"} {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%q does not say %q", err, want)
					}
				}
			}
			if after, _ := os.ReadFile(s.paths.state()); string(after) != string(before) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestStartSweepsWhatCrashesLeave(t *testing.T) {
	s := open(t, t.TempDir())
	for number := 1; number <= 4; number++ {
		put(t, s, issuerA, scopeA, number, record("\x01", revocation.Superseded, day))
	}
	dir := s.paths.scope(scopeA)
	left := []string{filepath.Join(s.paths.tmp(), "generation-1"), filepath.Join(s.paths.tmp(), "download-1"),
		filepath.Join(dir, "5.db"), filepath.Join(dir, "5.crl"), filepath.Join(dir, "2.db"),
		filepath.Join(s.paths.scope(scopeB), "1.db"), s.paths.state() + ".new"}
	kept := []string{filepath.Join(dir, "4.db"), filepath.Join(dir, "4.crl"), filepath.Join(dir, "3.db"), filepath.Join(dir, "3.crl"),
		filepath.Join(dir, "2.db.corrupt-1700000000"), filepath.Join(dir, "notes.txt")}
	if err := os.MkdirAll(s.paths.scope(scopeB), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, f := range append(left, kept[4:]...) {
		writeFile(t, f, []byte("x"))
	}
	s = reopen(t, s)
	for _, f := range left {
		if _, err := os.Stat(f); err == nil {
			t.Errorf("%s was not swept", f)
		}
	}
	for _, f := range kept {
		if _, err := os.Stat(f); err != nil {
			t.Errorf("%s was swept", f)
		}
	}
	if !lists(s, issuerA, "\x01") || s.CRLInfo(scopeA).Number.String() != "4" {
		t.Error("the generation in force is not served")
	}
}

func writeFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func truncate(t testing.TB, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// editState changes the state.db of a closed store behind its back.
func editState(t *testing.T, s *Store, f func(*bolt.Tx) error) {
	t.Helper()
	db, err := openStateFile(s.paths.state())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		t.Fatal(err)
	}
}
