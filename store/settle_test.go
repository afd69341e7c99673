package store

import (
	"errors"
	"os"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

var errDisk = errors.New("input/output error")

// After a failed commit the outcome is unknown: what is on the disk decides, not the error.
func TestAFailedCommitIsReadBack(t *testing.T) {
	for name, c := range map[string]struct {
		commit  func(*bolt.Tx) error
		durable bool
	}{
		"the transaction is there": {func(tx *bolt.Tx) error { return errors.Join(tx.Commit(), errDisk) }, true},
		"it is not there":          {func(tx *bolt.Tx) error { return errors.Join(tx.Rollback(), errDisk) }, false},
		"bbolt panics":             {func(tx *bolt.Tx) error { panic("page 3 already freed") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			revoke(t, s, issuerA, "\x01", revocation.Superseded)
			put(t, s, issuerA, scopeA, 1, record("\x02", revocation.Superseded, day))
			s.writer.commit = c.commit
			_, _, _, err := s.Revoke(issuerA, "\x03", adminRecord(revocation.KeyCompromise))
			if c.durable && err != nil || !c.durable && !errors.Is(err, revocation.ErrNotDurable) {
				t.Errorf("Revoke: %v", err)
			}
			_, err = tryPut(s, infoOf(issuerA, scopeA, 2, 1), record("\x04", revocation.Superseded, day))
			if c.durable && err != nil || !c.durable && !errors.Is(err, revocation.ErrNotDurable) {
				t.Errorf("Commit: %v", err)
			}
			if s.Degraded() != nil {
				t.Errorf("still degraded: %v", s.Degraded())
			}
			s.writer.commit = (*bolt.Tx).Commit
			revoke(t, s, issuerA, "\x05", revocation.Superseded)
			for range 2 {
				if got := evidence(s, issuerA, "\x03").Admin.Stands(); got != c.durable {
					t.Errorf("the revocation stands: %v, acknowledged: %v", got, c.durable)
				}
				if lists(s, issuerA, "\x04") != c.durable || lists(s, issuerA, "\x02") == c.durable {
					t.Error("the generation in force is not the one that was acknowledged")
				}
				if !evidence(s, issuerA, "\x01").Admin.Stands() || !evidence(s, issuerA, "\x05").Admin.Stands() {
					t.Error("a change before or after was lost")
				}
				s = reopen(t, s)
			}
			if files, _ := os.ReadDir(s.paths.tmp()); len(files) > 0 {
				t.Errorf("%d temporary files are left", len(files))
			}
		})
	}
}

// While nothing can be told, nothing is acknowledged; when the file opens again, what it holds takes effect.
func TestAnUnknownOutcomeIsSettledWhenItCanBe(t *testing.T) {
	for _, durable := range []bool{true, false} {
		s := open(t, t.TempDir())
		revoke(t, s, issuerA, "\x01", revocation.Superseded)
		hidden := s.paths.state() + ".hidden"
		s.writer.commit = func(tx *bolt.Tx) error {
			err := errDisk
			if durable {
				err = errors.Join(tx.Commit(), errDisk)
			}
			return errors.Join(err, os.Rename(s.paths.state(), hidden), os.Mkdir(s.paths.state(), 0o700))
		}
		_, err := tryPut(s, infoOf(issuerA, scopeA, 1, 1), record("\x02", revocation.Superseded, day))
		if !errors.Is(err, revocation.ErrNotDurable) || s.Degraded() == nil {
			t.Fatalf("Commit: %v, degraded: %v", err, s.Degraded())
		}
		s.writer.commit = (*bolt.Tx).Commit
		if _, _, _, err := s.Revoke(issuerA, "\x03", adminRecord(0)); !errors.Is(err, revocation.ErrNotDurable) {
			t.Fatalf("Revoke while the outcome is unknown: %v", err)
		}
		if lists(s, issuerA, "\x02") || evidence(s, issuerA, "\x03").Admin != nil || !evidence(s, issuerA, "\x01").Admin.Stands() {
			t.Error("lookups show what was not acknowledged, or forgot what was")
		}
		if err := errors.Join(os.Remove(s.paths.state()), os.Rename(hidden, s.paths.state())); err != nil {
			t.Fatal(err)
		}
		revoke(t, s, issuerA, "\x03", revocation.Superseded)
		for range 2 {
			if got := lists(s, issuerA, "\x02"); got != durable || s.Degraded() != nil {
				t.Errorf("the CRL is in force: %v, want %v; degraded: %v", got, durable, s.Degraded())
			}
			if !evidence(s, issuerA, "\x03").Admin.Stands() {
				t.Error("the change after was lost")
			}
			s = reopen(t, s)
		}
	}
}
