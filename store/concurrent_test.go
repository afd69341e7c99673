package store

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

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

// A record of a scope is changed by swaps, by administrators and by the configuration. In one shared commit none undoes the other: a restart
// finds what lookups see.
func TestChangesOfOneScopeAtOnceDoNotUndoEachOther(t *testing.T) {
	s, all := withRetained(t)
	s.writer.commit = func(tx *bolt.Tx) error {
		runtime.Gosched() // others queue meanwhile
		return tx.Commit()
	}
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !done.Load() {
				if err := s.KeepRetained(scopeA, "alice", "", day); err != nil {
					t.Errorf("KeepRetained: %v", err)
				}
			}
		})
	}
	wg.Go(func() {
		for i := 0; !done.Load(); i++ {
			m := scopes{issuerA: {{ID: scopeA}}}
			if i%2 == 0 {
				m[issuerB] = []Scope{{ID: scopeA}}
			} else {
				m[issuerB] = []Scope{{ID: scopeB}}
			}
			s.SetScopes(m)
		}
	})
	put(t, s, issuerB, scopeB, 1)
	for number := 3; number <= 30; number++ {
		putGuarded(t, s, number, guard20, all[150+number:]...)
	}
	done.Store(true)
	wg.Wait()
	n, _, err := s.VerifyAudit(t.Context())
	if err != nil || n == 0 {
		t.Errorf("the audit chain: %d entries, %v", n, err)
	}
	generation, alarm, b := s.Generation(), s.RetainedAlarm(scopeA), lists(s, issuerB, string(all[0].Serial))
	s.SetScopes(nil)
	s = reopen(t, s)
	if got := s.CRLInfo(scopeA).Number.String(); got != "30" || s.Generation() != generation || s.RetainedAlarm(scopeA) != alarm ||
		lists(s, issuerB, string(all[0].Serial)) != b || !lists(s, issuerA, string(all[0].Serial)) {
		t.Errorf("after a restart: CRL %s, generation %d for %d, alarm %v for %v", got, s.Generation(), generation, s.RetainedAlarm(scopeA), alarm)
	}
}
