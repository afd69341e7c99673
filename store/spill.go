package store

import (
	"fmt"
	"os"
	"sync/atomic"
)

// defaultIngestMemory is how much memory the entries of CRLs being built may take. Entries of ten million certificates take 220 MB.
const defaultIngestMemory = 256 << 20

// allowance is the memory that all builds under way share.
type allowance struct {
	limit int64
	step  int64 // see allowanceStep
	used  atomic.Int64
}

// allowanceStep is what a build takes of the allowance at a time, and half of the least it spills: many small CRLs built at once
// pass the limit by so much each rather than write tiny runs.
const allowanceStep = 256 << 10

func newAllowance(limit int64) allowance {
	if limit <= 0 {
		limit = defaultIngestMemory
	}
	return allowance{limit: limit, step: allowanceStep}
}

// spill is the file where a build puts sorted runs when memory is short. It has no name any more, so that nothing is left of it
// whatever happens.
type spill struct {
	file *os.File
	size int64
	runs []spilled
}

// spilled is where in the file a run lies.
type spilled struct {
	serial, stride int
	from, end      int64
}

// charge accounts for memory taken by entries, and makes room when builds together have too much.
func (b *Build) charge(octets int) error {
	a := &b.store.ingest
	if b.uncharged += int64(octets); b.uncharged < a.step {
		return nil
	}
	used := a.used.Add(b.uncharged)
	b.charged, b.uncharged = b.charged+b.uncharged, 0
	if used <= a.limit || b.charged < 2*a.step && used < 2*a.limit {
		return nil
	}
	if err := b.spillLanes(); err != nil {
		return clearly(fmt.Errorf("writing sorted entries to make room in memory: %w", err))
	}
	return nil
}

// refund gives back what the build took of the allowance.
func (b *Build) refund() {
	b.store.ingest.used.Add(-b.charged)
	b.charged, b.uncharged = 0, 0
}

// spillLanes sorts what is in memory, writes it as runs and frees the memory.
func (b *Build) spillLanes() error {
	if b.spill.file == nil {
		f, err := os.CreateTemp(b.store.paths.tmp(), "entries-*")
		if err != nil {
			return err
		}
		if err := os.Remove(f.Name()); err != nil {
			f.Close()
			return err
		}
		b.spill.file = f
	}
	for _, l := range b.allLanes() {
		l.sort()
		if err := b.spill.write(l); err != nil {
			return err
		}
		l.free() //nolint:errcheck // unmapping what was mapped cannot fail
	}
	b.refund()
	return nil
}

func (s *spill) write(l *lane) error {
	n, err := s.file.Write(l.records())
	if err != nil {
		return err
	}
	s.runs = append(s.runs, spilled{serial: l.serial, stride: l.stride, from: s.size, end: s.size + int64(n)})
	s.size += int64(n)
	return nil
}

func (s *spill) close() {
	if s.file != nil {
		s.file.Close()
	}
	*s = spill{}
}

// A run is read through a window of its own; all windows together take a quarter of the allowance, as far as their least size lets.
const (
	leastWindow = 4 << 10
	mostWindow  = 256 << 10
)

// merge reads everything that was added, in order. The lanes are sorted.
func (b *Build) merge() *merge {
	m := &merge{}
	window := mostWindow
	if n := len(b.spill.runs); n > 0 {
		window = int(min(max(b.store.ingest.limit/4/int64(n), leastWindow), mostWindow))
	}
	for _, s := range b.spill.runs {
		size := min(int64(window/s.stride*s.stride), s.end-s.from)
		m.runs[s.serial] = append(m.runs[s.serial], &run{serial: s.serial, stride: s.stride, file: b.spill.file,
			from: s.from, end: s.end, buffer: make([]byte, size)})
	}
	for _, l := range b.allLanes() {
		m.runs[l.serial] = append(m.runs[l.serial], &run{serial: l.serial, stride: l.stride, window: l.records()})
	}
	return m
}
