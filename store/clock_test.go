package store

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// Each row is a life of a process: readings of the wall clock, in minutes after the mark that was stored, and of the monotonic clock,
// in minutes after the start; after each what the time is, by how much the wall clock is behind, and where the mark is.
func TestTheTimeByAClockThatIsNotBelieved(t *testing.T) {
	type reading struct{ wall, run, now, behind, mark time.Duration }
	const h, d, y = 60, 24 * 60, 365 * 24 * 60
	tests := []struct {
		name     string
		readings []reading
	}{
		{"a clock that runs is believed", []reading{{0, 0, 0, 0, 0}, {10, 10, 10, 0, 10}, {20, 20, 20, 0, 20}}},
		{"a clock that is slewed is believed", []reading{{1, 0, 1, 0, 1}, {14, 10, 14, 0, 14}, {19, 20, 19, 0, 19}}},
		{"small steps back are followed and do not add up", []reading{{10, 10, 10, 0, 10}, {16, 20, 16, 0, 16}, {22, 30, 22, 0, 22}, {28, 40, 28, 0, 28}}},
		{"within the tolerance the mark never falls", []reading{{10, 10, 10, 0, 10}, {6, 11, 6, 0, 10}, {7, 12, 7, 0, 10}}},
		{"a clock set back: the time goes on", []reading{{10, 10, 10, 0, 10}, {-d, 20, 20, d + 20, 20}, {10 - d, 30, 30, d + 20, 30}, {40, 40, 40, 0, 40}}},
		{"set back by just what is tolerated", []reading{{60, 60, 60, 0, 60}, {60, 65, 60, 0, 60}}},
		{"set back by a second more", []reading{{60, 60, 60, 0, 60}, {60, 66, 66, 6, 66}}},
		{"set back before the start", []reading{{-y, 0, 0, y, 0}, {10 - y, 10, 10, y, 10}}},
		{"set back again and again: no time is lost", []reading{{10, 10, 10, 0, 10}, {-d, 20, 20, d + 20, 20}, {-2 * d, 30, 30, 2*d + 30, 30}, {-y, 40, 40, y + 40, 40}}},
		{"a start after three days: the mark waits an hour", []reading{{3 * d, 0, 3 * d, 0, 0}, {3*d + 59, 59, 3*d + 59, 0, 59}, {3*d + h, h, 3*d + h, 0, 3*d + h}}},
		{"a start after three minutes", []reading{{3, 0, 3, 0, 3}}},
		{"a glitch to the future raises no mark", []reading{{10, 10, 10, 0, 10}, {y, 20, y, 0, 20}, {y + 30, 50, y + 30, 0, 50}, {60, 60, 60, 0, 60}}},
		{"a glitch, then back, then a glitch: an hour begins anew", []reading{{y, 0, y, 0, 0}, {50, 50, 50, 0, 50}, {y, 59, y, 0, 59}, {y, 118, y, 0, 118}, {y, 119, y, 0, y}}},
		{"a clock that stays ahead is believed after an hour, and then not when it is put right", []reading{{y, 10, y, 0, 10}, {y + h, 70, y + h, 0, y + h}, {80, 80, y + 70, y - 10, y + 70}}},
		{"ahead, then far back: the time is the mark's", []reading{{y, 10, y, 0, 10}, {-d, 20, 20, d + 20, 20}}},
		{"a reading from before the mark was taken", []reading{{10, 10, 10, 0, 10}, {9, 9, 9, 0, 10}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := clockMark{wall: day}
			for i, r := range tt.readings {
				now, behind, next := k.at(moment{day.Add(r.wall * time.Minute), r.run * time.Minute})
				if !now.Equal(day.Add(r.now*time.Minute)) || behind != r.behind*time.Minute || !next.wall.Equal(day.Add(r.mark*time.Minute)) {
					t.Fatalf("reading %d: the time is %v, %v behind, the mark is %v", i, now.Sub(day), behind, next.wall.Sub(day))
				}
				k = next
			}
		})
	}
}

func storedClock(t *testing.T, s *Store) (at time.Time) {
	t.Helper()
	if err := s.state.view(func(tx *bolt.Tx) (err error) {
		at, err = readClock(tx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return at
}

// setStoredClock is a state.db from a time when the clock said something else.
func setStoredClock(t *testing.T, s *Store, at time.Time) *Store {
	t.Helper()
	if err := s.state.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(metaBucket).Put(clockKey, seal(metaBucket, clockKey, (&clockMark{wall: at}).encode()))
	}); err != nil {
		t.Fatal(err)
	}
	return reopen(t, s)
}

func TestEveryChangeRemembersHowFarTheTimeHasCome(t *testing.T) {
	s := open(t, t.TempDir())
	for name, f := range map[string]func() error{
		"a revocation": func() error { revoke(t, s, issuerA, "\x01", revocation.Superseded); return nil },
		"SaveClock":    func() error { return s.SaveClock(time.Now()) },
	} {
		commits := s.commits(t)
		before := time.Now().Truncate(time.Second)
		if err := f(); err != nil {
			t.Fatal(err)
		}
		if at := storedClock(t, s); at.Before(before) || at.After(time.Now()) || s.commits(t) != commits+1 {
			t.Errorf("%s: %v is remembered, in %d transactions", name, at, s.commits(t)-commits)
		}
	}
	if now := time.Now(); true {
		if at, behind := s.Clock(now); at != now || behind != 0 {
			t.Errorf("the clock is right, and the time is %v, %v behind", at, behind)
		}
	}
}

// commits is how many transactions the store made.
func (s *Store) commits(t *testing.T) (n uint64) {
	t.Helper()
	if err := s.state.view(func(tx *bolt.Tx) error {
		h, err := readHead(tx)
		n = h.commits
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAClockSetBackIsNoticedAfterARestartUntilItIsReset(t *testing.T) {
	s := open(t, t.TempDir())
	revoke(t, s, issuerA, "\x01", revocation.Superseded)
	ahead := time.Now().Add(365 * 24 * time.Hour).Truncate(time.Second)
	s = setStoredClock(t, s, ahead)
	for range 2 {
		at, behind := s.Clock(time.Now())
		if again, b := s.Clock(at); again != at || b != 0 {
			t.Errorf("the time by which is judged is judged itself: %v, %v behind", again, b)
		}
		if at.Before(ahead) || at.After(ahead.Add(time.Hour)) || behind < 364*24*time.Hour {
			t.Errorf("the time is %v, %v behind", at, behind)
		}
		if err := s.SaveClock(time.Now()); err != nil || storedClock(t, s).Before(ahead) {
			t.Errorf("saved as %v, %v", storedClock(t, s), err)
		}
		s = reopen(t, s)
	}
	generation := s.Generation()
	for range 2 {
		if err := s.ResetClock(time.Now(), "operator"); err != nil {
			t.Fatal(err)
		}
		if at, behind := s.Clock(time.Now()); behind != 0 || time.Until(at) > time.Minute {
			t.Errorf("after the reset the time is %v, %v behind", at, behind)
		}
		s = reopen(t, s)
	}
	log, err := s.Audit(1, 10)
	if n, _, verr := s.VerifyAudit(t.Context()); err != nil || verr != nil || n != 3 || s.Generation() != generation {
		t.Fatalf("%d audit entries, %v, %v", n, err, verr)
	}
	if e := log[0]; e.Action != "clock_reset" || e.By != "operator" || !strings.Contains(e.Comment, ahead.Format("2006-01-02")) {
		t.Errorf("audit entry: %+v", e)
	}
}

func TestAStoredTimeThatDecayedStopsTheStart(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.SaveClock(time.Now()); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string][]byte{
		"a flipped bit": append(binary.BigEndian.AppendUint32(nil, 7), make([]byte, 8)...),
		"a lost octet":  seal(metaBucket, clockKey, make([]byte, 7)),
	} {
		if err := s.state.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(metaBucket).Put(clockKey, value) }); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(s.paths.root, Options{}); err == nil || !strings.Contains(err.Error(), "state.db cannot be read") {
			t.Errorf("%s: Open: %v", name, err)
		}
		db, err := openStateFile(s.paths.state())
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(func(tx *bolt.Tx) error { return tx.Bucket(metaBucket).Delete(clockKey) }); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, s.paths.root)
	}
}

func TestTheClockCostsALookupNothing(t *testing.T) {
	s := open(t, t.TempDir())
	if n := testing.AllocsPerRun(100, func() { s.Clock(time.Now()) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClock(b *testing.B) {
	s := open(b, b.TempDir())
	now := time.Now()
	for b.Loop() {
		s.Clock(now)
	}
}
