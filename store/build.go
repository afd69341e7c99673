package store

import (
	"errors"
	"fmt"
	"os"

	"github.com/vetopki/veto/revocation"
)

// Build collects the entries of one CRL until Commit puts them in force. It belongs to one goroutine. Whoever makes one ends
// it by Commit or Abort: the entries lie in memory the garbage collector does not see.
type Build struct {
	store  *Store
	issuer revocation.IssuerID
	scope  revocation.ScopeID
	lanes  [serialSlots][2]*lane // by serial length; with an invalidity date or without
	spill  spill                 // what did not stay in memory
	added  int
	ended  bool

	charged, uncharged int64 // octets of lanes, taken of the store's allowance and not yet
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
	wide := 0
	if r.HasInvalidity {
		wide = 1
	}
	l := b.lanes[len(r.Serial)][wide]
	if l == nil {
		l = newLane(len(r.Serial), r.HasInvalidity)
		b.lanes[len(r.Serial)][wide] = l
	}
	b.added++
	if err := l.add(r); err != nil {
		return err
	}
	return b.charge(l.stride)
}

// Abort drops the build. After a Commit or another Abort it does nothing.
func (b *Build) Abort() {
	b.ended = true
	b.free()
}

func (b *Build) free() {
	for _, l := range b.allLanes() {
		l.free() //nolint:errcheck // unmapping what was mapped cannot fail
	}
	b.lanes = [serialSlots][2]*lane{}
	b.spill.close()
	b.refund()
}

// allLanes are those there are, by serial length.
func (b *Build) allLanes() []*lane {
	var list []*lane
	for i := range b.lanes {
		for _, l := range b.lanes[i] {
			if l != nil {
				list = append(list, l)
			}
		}
	}
	return list
}

// octets is about how large the generation file becomes.
func (b *Build) octets() int {
	n := 1<<20 + int(b.spill.size)
	for _, l := range b.allLanes() {
		n += l.count * l.stride
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
	for _, l := range b.allLanes() {
		l.sort()
	}
	p, err := newPacker(path, b.octets())
	if err != nil {
		return out, nil, err
	}
	defer p.close() // after finish this does nothing; on the way out of a fault it is all there is
	d.put, p.bare = p.add, h.bare
	m := b.merge()
	every := b.added/sample + 1
	for n := 0; ; n++ {
		serial, e, ok := m.next()
		if !ok {
			break
		}
		if n%every == 0 {
			probes = append(probes, probe{string([]byte(serial)), e})
		}
		if err := d.step(serial, e); err != nil {
			return out, nil, err
		}
	}
	if m.err != nil {
		return out, nil, m.err
	}
	if err := d.finish(); err != nil {
		return out, nil, err
	}
	h.info.Retained = d.retained
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
