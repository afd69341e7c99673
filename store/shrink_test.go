package store

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/revocation"
)

var guard20 = CommitOptions{Guard: true, MaxShrink: 20}

// putGuarded puts a CRL of issuer A in force.
func putGuarded(t testing.TB, s *Store, number int, o CommitOptions, records ...revocation.Record) revocation.CRLChange {
	t.Helper()
	change, err := tryPutGuarded(s, infoOf(issuerA, scopeA, number, len(records)), o, records...)
	if err != nil {
		t.Fatalf("committing CRL %d: %v", number, err)
	}
	return change
}

// held counts the entries in force of scope A, and those of them that are retained.
func held(t testing.TB, s *Store) (all, retained int) {
	t.Helper()
	rows, err := s.Revocations(issuerA, "", 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.Retained {
			retained++
		}
	}
	return len(rows), retained
}

func TestTheShrinkGuard(t *testing.T) {
	of := func(percent float64) CommitOptions { return CommitOptions{Guard: true, MaxShrink: percent} }
	for _, c := range []struct {
		name     string
		options  CommitOptions
		inForce  int
		dropped  int
		retained int
	}{
		{"without a guard all may go", CommitOptions{MaxShrink: 20}, 1000, 1000, 0},
		{"the share allowed may go", of(20), 1000, 200, 0},
		{"beyond the share all that is dropped stays", of(20), 1000, 201, 201},
		{"of a small CRL a hundred may go", of(20), 150, 100, 0},
		{"a hundred and one stay", of(20), 150, 101, 101},
		{"a CRL that was cleared stays", of(20), 150, 150, 150},
		{"at zero percent a hundred may go", of(0), 1000, 100, 0},
		{"at zero percent a hundred and one stay", of(0), 1000, 101, 101},
		{"at a hundred percent all may go", of(100), 1000, 1000, 0},
		{"beyond a hundred percent too", of(1e300), 1000, 1000, 0},
		{"a percentage that is no number lets a hundred go", of(math.NaN()), 1000, 101, 101},
		{"fractions of a percent count", of(20.1), 1000, 201, 0},
		{"nothing dropped, nothing retained", of(20), 1000, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			all := manyEntries(c.inForce, 4)
			putGuarded(t, s, 1, c.options, all...)
			added := record("\x7f", 1, day)
			change := putGuarded(t, s, 2, c.options, append(all[c.dropped:], added)...)
			if change.Added != 1 || change.Retained != c.retained || change.Removed != c.dropped-c.retained || change.Changed != 0 ||
				len(change.Serials) != 1+c.dropped || change.New.Retained != c.retained {
				t.Errorf("%d added, %d retained, %d removed, %d changed, %d named; %d retained in all",
					change.Added, change.Retained, change.Removed, change.Changed, len(change.Serials), change.New.Retained)
			}
			for range 2 {
				n, retained := held(t, s)
				if want := c.inForce - c.dropped + c.retained + 1; n != want || retained != c.retained || s.CRLInfo(scopeA).Retained != retained {
					t.Errorf("%d entries, %d retained, want %d and %d", n, retained, want, c.retained)
				}
				if !lists(s, issuerA, "\x7f") || s.CRLInfo(scopeA).Number.String() != "2" || s.RetainedAlarm(scopeA) != (c.retained > 0) {
					t.Errorf("the new CRL is not in force, or the alarm is %v", s.RetainedAlarm(scopeA))
				}
				s = reopen(t, s)
			}
		})
	}
}

func TestARetainedSerialIsRevokedAsBefore(t *testing.T) {
	s := open(t, t.TempDir())
	all := manyEntries(200, 1)
	for i := range all {
		all[i].HasInvalidity, all[i].InvalidityDate = true, day.AddDate(0, 0, -3).Unix()
	}
	putGuarded(t, s, 1, guard20, all...)
	putGuarded(t, s, 2, guard20)
	want := revocation.Entry{RevokedAt: day, InvalidityDate: day.AddDate(0, 0, -3), Reason: 1, Retained: true}
	ev := evidence(s, issuerA, string(all[7].Serial))
	if len(ev.CRLs) != 1 || !ev.CRLs[0].Listed {
		t.Fatalf("evidence: %+v", ev)
	}
	if d := cmp.Diff(want, ev.CRLs[0].Entry); d != "" {
		t.Errorf("entry (-want +got):\n%s", d)
	}
	if got := revocation.Decide(ev, day.AddDate(1, 0, 0)); got.Status != revocation.Revoked || got.Because != revocation.BecauseRetained {
		t.Errorf("decided %s because %s", got.Status, got.Because)
	}
}

// What is retained stays from CRL to CRL until one lists it again; it counts neither as in force nor as dropped.
func TestWhatIsRetainedStaysUntilItIsListedAgain(t *testing.T) {
	s := open(t, t.TempDir())
	all := manyEntries(1000, 4)
	putGuarded(t, s, 1, guard20, all...)
	steps := []struct {
		name                             string
		options                          CommitOptions
		list                             []revocation.Record
		removed, changed, newly, inTotal int
		alarm                            bool
	}{
		{"300 of 1000 dropped", guard20, all[300:], 0, 0, 300, 300, true},
		{"the same again", guard20, all[300:], 0, 0, 0, 300, true},
		{"140 more of 700: within the share", guard20, all[440:], 140, 0, 0, 300, true},
		{"120 more of 560: beyond it", guard20, all[560:], 0, 0, 120, 420, true},
		{"without a guard: what is retained stays", CommitOptions{}, all[700:], 140, 0, 0, 420, true},
		{"100 of those retained are listed again", guard20, append(append([]revocation.Record{}, all[:100]...), all[700:]...), 0, 100, 0, 320, true},
		{"all are listed again", guard20, all, 0, 320, 0, 0, false},
	}
	for i, st := range steps {
		change := putGuarded(t, s, 2+i, st.options, st.list...)
		if change.Removed != st.removed || change.Changed != st.changed || change.Retained != st.newly || change.New.Retained != st.inTotal {
			t.Errorf("%s: %d removed, %d changed, %d retained, %d in all; want %+v", st.name, change.Removed, change.Changed, change.Retained,
				change.New.Retained, st)
		}
		for _, when := range []string{"", ", after a restart"} {
			n, retained := held(t, s)
			if retained != st.inTotal || n != st.inTotal+len(st.list) || s.RetainedAlarm(scopeA) != st.alarm {
				t.Errorf("%s%s: %d entries, %d retained, alarm %v", st.name, when, n, retained, s.RetainedAlarm(scopeA))
			}
			s = reopen(t, s)
		}
	}
}

func TestDeltaCRLsHaveNoShrinkGuard(t *testing.T) {
	s := open(t, t.TempDir())
	for number, records := range [][]revocation.Record{manyEntries(500, 8), manyEntries(3, 4), nil} {
		change, err := tryPutGuarded(s, deltaOf(issuerA, scopeD, 11+number, 10, len(records)), guard20, records...)
		if err != nil || change.Retained != 0 || change.New.Retained != 0 {
			t.Errorf("delta %d: %d retained, %v", 11+number, change.Retained, err)
		}
	}
	change, err := tryPutGuarded(s, infoOf(issuerA, scopeD, 20, 0), guard20)
	if err != nil || change.Retained != 0 {
		t.Errorf("a complete CRL after deltas: %d retained, %v", change.Retained, err)
	}
}

// A generation that is damaged cannot be compared with. The one before it can: what was dropped since then stays, and what it retained.
func TestDamageDoesNotGetAroundTheShrinkGuard(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, *Store){
		"cut off under the store": func(t *testing.T, s *Store) { truncate(t, s.paths.generation(scopeA, 3), pageOctets) },
		"found by a lookup":       func(t *testing.T, s *Store) { s.current(scopeA).damaged.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			all := manyEntries(1000, 4)
			putGuarded(t, s, 1, guard20, all...)
			putGuarded(t, s, 2, guard20, all[400:]...)
			putGuarded(t, s, 3, guard20, all[400:]...)
			damage(t, s)
			change := putGuarded(t, s, 4, guard20, all[700:]...)
			if !change.Everything {
				t.Error("the change against a generation that was lost does not say everything")
			}
			if n, retained := held(t, s); n != 1000 || retained != 700 || !s.RetainedAlarm(scopeA) || s.Overtaken(scopeA) {
				t.Errorf("%d entries, %d retained, alarm %v, overtaken %v", n, retained, s.RetainedAlarm(scopeA), s.Overtaken(scopeA))
			}
		})
	}
}

func TestTheShrinkGuardOfALargeCRLNamesEverything(t *testing.T) {
	s := open(t, t.TempDir())
	n := revocation.MaxChangedSerials + 1
	for number, count := range []int{n, 0} {
		b, err := s.NewBuild(issuerA, scopeA)
		if err != nil {
			t.Fatal(err)
		}
		for i := range count {
			r := record(fmt.Sprintf("\x10%07d", i), 4, day)
			if err := b.Add(&r); err != nil {
				t.Fatal(err)
			}
		}
		change, err := b.Commit(infoOf(issuerA, scopeA, number+1, count), mustSigned(t, s), revocation.SourceState{}, guard20)
		if err != nil || !change.Everything || change.Serials != nil {
			t.Fatalf("everything %v, %d serials, %v", change.Everything, len(change.Serials), err)
		}
	}
	if info := s.CRLInfo(scopeA); info.Retained != n || !lists(s, issuerA, "\x100000042") {
		t.Errorf("%d retained", info.Retained)
	}
	change, err := s.DropRetained(scopeA, "alice", "", day)
	if err != nil || change.Removed != n || !change.Everything || lists(s, issuerA, "\x100000042") {
		t.Errorf("accepting them: %d removed, everything %v, %v", change.Removed, change.Everything, err)
	}
}
