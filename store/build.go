package store

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"

	"github.com/vetopki/veto/revocation"
)

// Build collects the entries of one CRL until Commit puts them in force. It belongs to one goroutine. Whoever makes one ends
// it by Commit or Abort: the entries lie in memory the garbage collector does not see and, beyond Options.IngestMemory, in
// a file.
type Build struct {
	// OnProgress, when it is set before the first entry, is told now and then, from within Add and Commit, how far the build is: a
	// Phase, and how many entries it did of how many (0 when that is not known yet). At most once in 65,536 entries and at the
	// beginning of a phase.
	OnProgress func(phase string, done, total int64)

	store  *Store
	issuer revocation.IssuerID
	scope  revocation.ScopeID
	lanes  [serialSlots][2]*lane // by serial length; with an invalidity date or without
	runs   runs                  // what was moved out of memory
	held   int64                 // octets that store.memory granted
	added  int
	ended  bool
}

// The phases that Build.OnProgress names. Moving and sorting take about a tenth of a second for a million entries.
const (
	PhaseMove  = "move"  // entries out of memory, because there are too many
	PhaseSort  = "sort"  // what is in memory
	PhaseWrite = "write" // everything in order, to the new file
	PhaseCheck = "check" // that the file reads back as it was written
)

// progressEvery is how many entries OnProgress is not called for again.
const progressEvery = 1 << 16

func (b *Build) progress(phase string, done int) {
	if b.OnProgress != nil {
		total := int64(b.added)
		if phase == PhaseMove {
			total = 0
		}
		b.OnProgress(phase, int64(done), total)
	}
}

// errBuildEnded is misuse: a Build was used after its Commit or Abort.
var errBuildEnded = errors.New("the build was committed or aborted before")

// NewBuild begins the next generation of a scope. Nothing is written before Commit.
func (s *Store) NewBuild(issuer revocation.IssuerID, scope revocation.ScopeID) (*Build, error) {
	if err := s.writer.usable(); err != nil {
		return nil, err
	}
	return &Build{store: s, issuer: issuer, scope: scope}, nil
}

// Add takes one entry, in any order. It copies what it needs. A serial that occurs twice counts once: with its earliest
// dates and its strongest reason.
func (b *Build) Add(r *revocation.Record) error {
	if b.ended {
		return errBuildEnded
	}
	if err := checkRecord(r); err != nil {
		return err
	}
	l := b.lane(r)
	if !l.hasRoom() {
		if err := b.makeRoom(l); err != nil {
			return clearly(err)
		}
	}
	l.add(r)
	b.added++
	return nil
}

// lane is where an entry belongs.
func (b *Build) lane(r *revocation.Record) *lane {
	l := &b.lanes[len(r.Serial)][wideSlot(r.HasInvalidity)]
	if *l == nil {
		*l = newLane(len(r.Serial), r.HasInvalidity)
	}
	return *l
}

func wideSlot(wide bool) int {
	if wide {
		return 1
	}
	return 0
}

// makeRoom gives a lane memory for another entry. When the builds have no more, everything this one holds is moved out: the share of
// each has room for a step.
func (b *Build) makeRoom(l *lane) error {
	for !b.store.memory.take(b.held, int64(l.step())) {
		if err := b.move(); err != nil {
			return fmt.Errorf("moving entries out of memory: %w", err)
		}
	}
	granted := l.step()
	b.held += int64(granted)
	err := l.grow(granted, int(b.store.memory.limit))
	if err != nil {
		b.giveBack(granted)
	}
	return err
}

// move sorts what is in memory, writes it to the file of the build, and gives the memory back.
func (b *Build) move() error {
	b.progress(PhaseMove, b.added)
	if err := b.runs.open(b.store.paths.tmp()); err != nil {
		return err
	}
	for l := range b.filled() {
		l.sort()
		if err := b.runs.write(l); err != nil {
			return err
		}
		b.giveBack(l.free())
	}
	return nil
}

// filled are the lanes that hold entries.
func (b *Build) filled() iter.Seq[*lane] {
	return func(yield func(*lane) bool) {
		for i := range b.lanes {
			for _, l := range b.lanes[i] {
				if l != nil && l.count > 0 && !yield(l) {
					return
				}
			}
		}
	}
}

func (b *Build) giveBack(octets int) {
	b.held -= int64(octets)
	b.store.memory.give(int64(octets))
}

// Abort drops the build. After a Commit or another Abort it does nothing.
func (b *Build) Abort() {
	b.ended = true
	b.free()
}

func (b *Build) free() {
	for l := range b.filled() {
		b.giveBack(l.free())
	}
	b.lanes = [serialSlots][2]*lane{}
	b.runs.close()
}

// octets is about how large the generation file becomes.
func (b *Build) octets() int {
	n := 1<<20 + int(b.runs.size)
	for l := range b.filled() {
		n += len(l.records())
	}
	return n + n/32
}

// sample is how many entries of a new file are looked up in it before it is put in force.
const sample = 64

// probe is an entry that a new file must answer for.
type probe struct {
	serial string
	packed packed
}

// write sorts the entries and writes them to a generation file at path, with what d keeps of the generation in force.
func (b *Build) write(path string, h header, d *differ) (out header, probes []probe, err error) {
	b.progress(PhaseSort, 0)
	for l := range b.filled() {
		l.sort()
	}
	p, err := newPacker(path, b.octets())
	if err != nil {
		return out, nil, err
	}
	defer p.close() // after finish this does nothing; on the way out of a fault it is all there is
	d.put, p.bare = p.add, h.bare
	m := merge{build: b}
	every := b.added/sample + 1
	for n := 0; ; n++ {
		if n%progressEvery == 0 {
			b.progress(PhaseWrite, m.taken)
		}
		serial, e, ok, err := m.next()
		if err != nil {
			return out, nil, err
		}
		if !ok {
			break
		}
		if n%every == 0 {
			probes = append(probes, probe{strings.Clone(serial), e})
		}
		if err := d.step(serial, e); err != nil {
			return out, nil, err
		}
	}
	if m.taken != b.added {
		return out, nil, fmt.Errorf("%d entries were sorted, %d were added", m.taken, b.added)
	}
	if err := d.finish(); err != nil {
		return out, nil, err
	}
	h.info.Retained = d.retained
	b.progress(PhaseCheck, 0)
	out, err = p.finish(h)
	return out, probes, err
}

// checkWritten reads a finished file back: structure, checksum and digest as they were when written, and a sample of its entries.
func checkWritten(g *generation, want header, probes []probe) error {
	if g.header.digest != want.digest || g.header.entries != want.entries {
		return errors.New("the file that was written does not read back as it was written")
	}
	if err := g.verify(); err != nil {
		return err
	}
	for _, p := range probes {
		var got revocation.Entry
		if g.find(p.serial, &got) != listed || got != p.packed.entry() {
			return fmt.Errorf("the file that was written does not list serial %s as it was given", revocation.Serial(p.serial))
		}
	}
	return nil
}

// tempPath is a name in the temporary directory that does not exist yet.
func (s *Store) tempPath(pattern string) (string, error) {
	f, err := os.CreateTemp(s.paths.tmp(), pattern)
	if err != nil {
		return "", fmt.Errorf("making a temporary file: %w", err)
	}
	return f.Name(), errors.Join(f.Close(), os.Remove(f.Name()))
}

// TempFile makes a file for a download, on the file system of the store, as Commit needs it. The caller closes and removes it,
// unless Commit takes it; what is left behind is swept at the next start.
func (s *Store) TempFile() (*os.File, error) {
	f, err := os.CreateTemp(s.paths.tmp(), "download-*")
	if err != nil {
		return nil, fmt.Errorf("making a temporary file: %w", err)
	}
	return f, nil
}
