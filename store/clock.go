package store

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
)

// clock guards against a wall clock that was set back, which would make stale CRLs fresh again. It keeps a high-water mark,
// across restarts in state.db.
type clock struct {
	opened time.Time // its monotonic reading counts
	mark   atomic.Pointer[clockMark]
}

// clockMark is a time that had come, and when in the life of this process it had.
type clockMark struct {
	wall    time.Time
	run     time.Duration
	isAhead bool          // the wall clock is ahead of it by more than it may be
	ahead   time.Duration // since when in the life of this process it is
}

// moment is a reading of both clocks.
type moment struct {
	wall time.Time
	run  time.Duration // since the store was opened, by the monotonic clock
}

const (
	// clockTolerance is how far the wall clock may step without being doubted: a clock that is kept by NTP, and one that is set by
	// hand now and then.
	clockTolerance = 5 * time.Minute

	// clockTrust is how long a wall clock that jumped ahead has to stay there before it is believed.
	clockTrust = time.Hour
)

// at is the decision: what the time is at a moment, by how much the wall clock is behind that, and which mark follows.
//
//   - The mark rises with the monotonic clock, which nobody sets. It is a time that must have come.
//   - A wall clock that is behind it by more than the tolerance was set back: the time is that of the mark.
//   - One that is ahead by more than that may be a glitch: it is the time, since that can only make CRLs stale, but it raises
//     the mark only when it stayed there. Otherwise all would be stale once it was put right. So it is also after the
//     process, or the machine, did not run for a while.
//   - Within the tolerance it is the time, and the mark follows it.
func (k clockMark) at(m moment) (now time.Time, behind time.Duration, next clockMark) {
	expected := k.expected(m.run)
	off := m.wall.Sub(expected)
	next = clockMark{wall: expected, run: m.run}
	switch {
	case off < -clockTolerance:
		return expected, -off, next
	case off <= clockTolerance:
		next.wall = m.wall
		if k.wall.After(next.wall) {
			next.wall = k.wall
		}
		return m.wall, 0, next
	}
	next.isAhead, next.ahead = true, m.run
	if k.isAhead {
		next.ahead = min(k.ahead, m.run)
	}
	if m.run-next.ahead >= clockTrust {
		next = clockMark{wall: m.wall, run: m.run}
	}
	return m.wall, 0, next
}

// expected is the time that must have come by a moment in the life of this process.
func (k *clockMark) expected(run time.Duration) time.Time { return k.wall.Add(max(0, run-k.run)) }

// start begins with the mark that state.db has, or without one with now.
func (c *clock) start(now time.Time, stored time.Time) {
	c.opened = now
	if stored.IsZero() {
		stored = now.Round(0)
	}
	c.mark.Store(&clockMark{wall: stored})
}

func (c *clock) moment(now time.Time) moment { return moment{now.Round(0), now.Sub(c.opened)} }

// next is the mark as it is now.
func (c *clock) next(now time.Time) *clockMark {
	_, _, next := c.mark.Load().at(c.moment(now))
	return &next
}

var clockKey = []byte("clock")

func (k *clockMark) encode() []byte { return binary.BigEndian.AppendUint64(nil, uint64(k.wall.Unix())) }

// readClock is the stored mark, zero when an older veto left none.
func readClock(tx *bolt.Tx) (time.Time, error) {
	if tx.Bucket(metaBucket).Get(clockKey) == nil {
		return time.Time{}, nil
	}
	b, err := readSealed(tx, metaBucket, clockKey)
	if err != nil {
		return time.Time{}, err
	}
	if len(b) != 8 {
		return time.Time{}, fmt.Errorf("the high-water time has %d octets, not 8", len(b))
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)), 0).UTC(), nil
}

// Clock is the time to judge by when the clock of the machine, read by time.Now, says now, and by how much that clock is behind:
// zero as long as it is believed. A clock that is behind was set back, and what it says would make stale CRLs fresh again; the time
// is then the latest that was known to have come, and goes on from there. It takes no lock.
//
// A time without a monotonic reading, such as the one this returns, is no reading of the clock and is returned as it is.
func (s *Store) Clock(now time.Time) (effective time.Time, behind time.Duration) {
	if now == now.Round(0) {
		return now, 0
	}
	expected := s.clock.mark.Load().expected(now.Sub(s.clock.opened))
	if behind = expected.Sub(now); behind <= clockTolerance { // see clockMark.at
		return now, 0
	}
	return expected, behind
}

// SaveClock remembers durably how far the time has come. Every change does so as well; call this at least every ten minutes.
func (s *Store) SaveClock(now time.Time) error {
	return s.writer.do(&change{apply: func(t *stateTx) error {
		if t.mark == nil { // not reset within the same transaction
			t.mark = s.clock.next(now)
		}
		return nil
	}})
}

// ResetClock believes the clock of the machine, which says now, whatever was remembered: for an operator who knows that the machine once
// ran in the future. It is an entry of the audit chain.
func (s *Store) ResetClock(now time.Time, by string) error {
	before, behind := s.Clock(now)
	err := s.writer.do(&change{apply: func(t *stateTx) error {
		t.mark = &clockMark{wall: now.Round(0), run: s.clock.moment(now).run}
		t.failed = t.audit(AuditEntry{At: now.Round(0).UTC(), By: by, Action: auditClockReset,
			Comment: fmt.Sprintf("the high-water time was %s", before.UTC().Format(time.RFC3339))})
		return t.failed
	}})
	if err == nil {
		s.log.Warn("the high-water time was reset to the clock of the machine", "was_behind", behind.String())
	}
	return err
}
