package store

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vetopki/veto/revocation"
)

// Each CRL of this test lists one more serial than the one before, all with a date that gives its number. So an answer that mixes two
// generations shows.
func TestAnswersDuringSwapsAreWhollyOfOneGeneration(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	const swaps, base = 25, 700
	records := func(number int) []revocation.Record {
		list := manyEntries(base+number, 4)
		for i := range list {
			list[i].RevokedAt = day.Unix() + int64(number)
		}
		return list
	}
	all := records(swaps)
	put(t, s, issuerA, scopeA, 1, records(1)...)
	var done atomic.Bool
	var wg sync.WaitGroup
	for reader := range 2 {
		wg.Go(func() {
			ev := revocation.Evidence{}
			newest := 0
			for i := reader; !done.Load(); i += 7 {
				at := i % len(all)
				s.Evidence(issuerA, revocation.Serial(all[at].Serial), &ev)
				if len(ev.CRLs) != 1 {
					t.Errorf("%d CRLs consulted", len(ev.CRLs))
					return
				}
				c := &ev.CRLs[0]
				number := int(c.Info.ThisUpdate.Sub(day) / time.Hour)
				if c.Listed != (at < base+number) || c.Listed && c.Entry.RevokedAt.Unix() != day.Unix()+int64(number) {
					t.Errorf("CRL %d says of entry %d: listed %v since %v", number, at, c.Listed, c.Entry.RevokedAt)
					return
				}
				if number < newest || ev.Generation > uint64(number) {
					t.Errorf("CRL %d after CRL %d, generation %d", number, newest, ev.Generation)
					return
				}
				newest = number
				runtime.Gosched() // the writer needs its turns too
			}
		})
	}
	for number := 2; number <= swaps; number++ {
		put(t, s, issuerA, scopeA, number, records(number)...)
		runtime.GC() // unmaps what was replaced, as early as it ever can be
	}
	done.Store(true)
	wg.Wait()
}

func TestListingAndDownloadsDuringSwaps(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, manyEntries(900, 4)...)
	var done atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !done.Load() {
			if rows, err := s.Revocations(issuerA, "", 1000); err != nil || len(rows) != 900 {
				t.Errorf("%d rows, %v", len(rows), err)
				return
			}
			f, _, err := s.OpenCRL(scopeA)
			if err != nil {
				t.Errorf("OpenCRL: %v", err)
				return
			}
			f.Close()
		}
	})
	for number := 2; number <= 20; number++ {
		put(t, s, issuerA, scopeA, number, manyEntries(900, 4)...)
		runtime.GC()
	}
	done.Store(true)
	wg.Wait()
}

func TestAReplacedGenerationIsUnmapped(t *testing.T) {
	s := open(t, t.TempDir())
	for number := 1; number <= 10; number++ {
		put(t, s, issuerA, scopeA, number, manyEntries(900, 4)...)
	}
	for deadline := time.Now().Add(5 * time.Second); ; {
		runtime.GC()
		n, err := mappedFiles(s.paths.root)
		if err != nil {
			t.Skipf("this system does not list mapped files: %v", err)
		}
		if n == 2 { // state.db and the generation in force
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d files are mapped, want 2", n)
		}
		runtime.Gosched()
	}
}
