package store

import (
	"bytes"
	"os"
	"runtime"
	"testing"

	"github.com/vetopki/veto/revocation"
)

// A walk reads what is mapped, whether the file fits in its buffer or not, and in any order that a caller takes.
func TestAWalkReadsWhatIsMapped(t *testing.T) {
	for name, entries := range map[string]int{"one block, which bbolt may have copied": 3, "one buffer": 900, "several buffers": 200_000} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			g := committed(t, s, entries)
			w := walker{g: g}
			if entries > 100_000 && g.from.size <= 2*walkAhead {
				t.Fatalf("the file has %d octets: it fits in the buffers", g.from.size)
			}
			for _, step := range []int{1, 7, -1} {
				for n, i := 0, 0; n < len(g.blocks); n, i = n+1, (i+step+len(g.blocks))%len(g.blocks) {
					if got := w.block(i); !bytes.Equal(got, g.blocks[i].block()) {
						t.Fatalf("block %d is another one", i)
					}
				}
			}
			runtime.KeepAlive(g)
		})
	}
}

// A file that was cut off beneath a running veto makes the walk end as a fault, not the process.
func TestAWalkOverAFileThatWasCutOffIsAFault(t *testing.T) {
	s := open(t, t.TempDir())
	g := committed(t, s, 200_000)
	if err := os.Truncate(s.paths.generation(scopeA, g.n), g.from.size/2); err != nil {
		t.Fatal(err)
	}
	g.verified.Store(false)
	if err := g.verify(); err == nil {
		t.Error("half a file was verified")
	}
	runtime.KeepAlive(g)
}

func committed(t *testing.T, s *Store, entries int) *generation {
	t.Helper()
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	fillRandom(t, b, entries, func(int, []byte) {})
	signed, err := signedFile(s, "signed")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(infoOf(issuerA, scopeA, 1, entries), signed, revocation.SourceState{}, CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	return s.current(scopeA)
}
