package store

import (
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestChangedIsClosedByTheNextGenerationOnly(t *testing.T) {
	s, _ := withRetained(t)
	for name, c := range map[string]struct {
		do   func() error
		want bool
	}{
		"a revocation":             {func() error { _, _, _, err := s.Revoke(issuerA, "\x01", adminRecord(4)); return err }, true},
		"another":                  {func() error { _, _, _, err := s.Revoke(issuerA, "\x02", adminRecord(4)); return err }, true},
		"a CRL":                    {func() error { _, err := tryPut(s, infoOf(issuerB, scopeB, 1, 0)); return err }, true},
		"what a source remembers":  {func() error { return s.SaveSourceState(scopeA, revocation.SourceState{}) }, false},
		"what is retained is kept": {func() error { return s.KeepRetained(scopeA, "alice", "", day) }, false},
	} {
		before, again := s.Changed(), s.Changed()
		if before != again || isClosed(before) {
			t.Errorf("%s: two channels, or one that is closed before", name)
		}
		generation := s.Generation()
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		if isClosed(before) != c.want || (s.Generation() > generation) != c.want {
			t.Errorf("%s: closed %v, generation from %d to %d", name, isClosed(before), generation, s.Generation())
		}
	}
	c := s.Changed()
	if _, err := s.DropRetained(scopeA, "alice", "", day); err != nil || !isClosed(c) {
		t.Errorf("accepting what is retained: closed %v, %v", isClosed(c), err)
	}
}

// Whoever takes the channel, reads, and then waits, gets every row once, in order, and each row when lookups see it.
func TestFollowersOfTheChangeLogMissNothing(t *testing.T) {
	s := open(t, t.TempDir())
	const followers, writers, each = 3, 4, 50
	var wg sync.WaitGroup
	for range followers {
		wg.Go(func() {
			for since := uint64(0); since < writers*each; {
				changed := s.Changed()
				rows, complete, err := s.Changes(since, 7)
				if err != nil || !complete {
					t.Errorf("since %d: complete %v, %v", since, complete, err)
					return
				}
				for _, row := range rows {
					serial, err := revocation.ParseSerial(row.Serials[0])
					if since++; row.Generation != since || err != nil || !s.AdminRecord(issuerA, serial).Stands() {
						t.Errorf("row %d after %d, and its serial %s stands: %v", row.Generation, since-1, serial, s.AdminRecord(issuerA, serial).Stands())
						return
					}
				}
				if len(rows) == 0 {
					<-changed
				}
			}
		})
	}
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if _, _, _, err := s.Revoke(issuerA, revocation.Serial([]byte{1, byte(w), byte(i)}), adminRecord(4)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// A row is shown when lookups see its change, not when it is in the file: the commit may turn out to have failed.
func TestARowIsShownWhenItsChangeIs(t *testing.T) {
	s := open(t, t.TempDir())
	revoke(t, s, issuerA, "\x01", 4)
	s.writer.commit = func(tx *bolt.Tx) error {
		if err := tx.Commit(); err != nil {
			return err
		}
		if rows, complete, err := s.Changes(0, 10); len(rows) != 1 || !complete || err != nil {
			t.Errorf("before the change is published: %d rows, complete %v, %v", len(rows), complete, err)
		}
		if _, complete, err := s.Changes(2, 10); complete || err != nil {
			t.Errorf("a generation that nobody was told of can be continued from: %v", err)
		}
		return nil
	}
	revoke(t, s, issuerA, "\x02", 4)
	if rows, complete, err := s.Changes(0, 10); len(rows) != 2 || !complete || err != nil {
		t.Errorf("after it: %d rows, complete %v, %v", len(rows), complete, err)
	}
}

func TestTheAdministratorsRecordIsReadWithoutEvidence(t *testing.T) {
	s := open(t, t.TempDir())
	if s.AdminRecord(issuerA, "\x01") != nil {
		t.Error("a record of nothing")
	}
	put(t, s, issuerA, scopeA, 1, record("\x01", 4, day))
	revoke(t, s, issuerA, "\x02", 4)
	for range 2 {
		if s.AdminRecord(issuerA, "\x01") != nil || s.AdminRecord(issuerB, "\x02") != nil || s.AdminRecord(issuerA, "\x02") != evidence(s, issuerA, "\x02").Admin {
			t.Error("the record is not that of the evidence")
		}
		s = reopen(t, s)
	}
}
