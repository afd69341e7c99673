package store

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/revocation"
)

// withRetained is a store in which CRL 2 of scope A dropped 150 of 200 serials, which are retained.
func withRetained(t *testing.T) (*Store, []revocation.Record) {
	t.Helper()
	s, all := open(t, t.TempDir()), manyEntries(200, 4)
	putGuarded(t, s, 1, guard20, all...)
	putGuarded(t, s, 2, guard20, all[150:]...)
	return s, all
}

func TestAnAdministratorAcceptsWhatACRLDropped(t *testing.T) {
	s, all := withRetained(t)
	before := s.CRLInfo(scopeA)
	change, err := s.DropRetained(scopeA, "alice", "asked the CA", day.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := *before
	want.Retained = 0
	if d := cmp.Diff(&want, change.New); d != "" || change.Old != before {
		t.Errorf("the description (-want +got):\n%s", d)
	}
	if change.Removed != 150 || len(change.Serials) != 150 || change.Added+change.Changed+change.Retained != 0 || change.Everything ||
		change.Generation != 3 || change.Issuer != issuerA || len(change.Issuers) != 1 || change.Scope != scopeA {
		t.Errorf("the change: %+v", change)
	}
	rows, _, err := s.Changes(2, 10)
	if err != nil || len(rows) != 1 || rows[0].Kind != "accepted" || rows[0].Removed != 150 || len(rows[0].Serials) != 150 || rows[0].Number != "2" {
		t.Errorf("the change log: %+v, %v", rows, err)
	}
	audit, err := s.Audit(0, 10)
	entry := AuditEntry{Seq: 1, At: day.Add(time.Hour), By: "alice", Action: "accepted", Issuer: issuerA.String(), Scope: scopeA.String(), Retained: 150,
		Comment: "asked the CA", Generation: 3, Prev: strings.Repeat("0", 64)}
	if d := cmp.Diff([]AuditEntry{entry}, audit); d != "" || err != nil {
		t.Errorf("audit: %v (-want +got):\n%s", err, d)
	}
	for range 2 {
		if lists(s, issuerA, string(all[7].Serial)) || !lists(s, issuerA, string(all[170].Serial)) || s.RetainedAlarm(scopeA) {
			t.Error("what was accepted is still revoked, or what is listed is not, or the alarm goes on")
		}
		if d := cmp.Diff(&want, s.CRLInfo(scopeA)); d != "" {
			t.Errorf("CRLInfo (-want +got):\n%s", d)
		}
		if st := s.SourceState(scopeA); st.ETag != "etag 2" {
			t.Errorf("the state of the source changed: %+v", st)
		}
		checkSigned(t, s, "CRL 2")
		checkNoLeftovers(t, s, "2.crl", "2.db", "3.crl", "3.db")
		if n, _, err := s.VerifyAudit(t.Context()); n != 1 || err != nil {
			t.Errorf("the audit chain: %d, %v", n, err)
		}
		if _, err := s.DropRetained(scopeA, "alice", "", day); !errors.Is(err, revocation.ErrNoRetained) {
			t.Errorf("accepting nothing: %v", err)
		}
		s = reopen(t, s)
	}
	put(t, s, issuerA, scopeA, 3, all[160:]...)
	if n, retained := held(t, s); n != 40 || retained != 0 {
		t.Errorf("the next CRL: %d entries, %d retained", n, retained)
	}
}

func TestAnAdministratorKeepsWhatACRLDropped(t *testing.T) {
	s, all := withRetained(t)
	generation := s.Generation()
	if err := s.KeepRetained(scopeA, "alice", "the CA is broken", day); err != nil {
		t.Fatal(err)
	}
	alarm := func(when string, want bool) {
		t.Helper()
		for range 2 {
			if got := s.RetainedAlarm(scopeA); got != want {
				t.Errorf("%s: alarm %v, want %v", when, got, want)
			}
			s = reopen(t, s)
		}
	}
	alarm("kept", false)
	if n, retained := held(t, s); n != 200 || retained != 150 || s.Generation() != generation {
		t.Errorf("%d entries, %d retained, generation %d", n, retained, s.Generation())
	}
	putGuarded(t, s, 3, guard20, all[150:]...)
	alarm("the next CRL drops nothing", false)
	putGuarded(t, s, 4, guard20, all[170:]...)
	alarm("the next CRL drops a few, which go", false)
	putGuarded(t, s, 5, CommitOptions{Guard: true}, append(manyEntries(500, 4)[300:], all[170:]...)...)
	putGuarded(t, s, 6, CommitOptions{Guard: true}, all[170:]...)
	alarm("a CRL drops too many again", true)
	if err := s.KeepRetained(scopeA, "bob", "", day); err != nil {
		t.Fatal(err)
	}
	alarm("kept again", false)
	audit, err := s.Audit(0, 10)
	if err != nil || len(audit) != 2 || audit[0].Action != "kept" || audit[0].Retained != 150 || audit[0].Comment != "the CA is broken" ||
		audit[1].By != "bob" || audit[1].Retained != 350 || audit[1].Scope != scopeA.String() || audit[1].Serial != "" {
		t.Errorf("audit: %+v, %v", audit, err)
	}
	if n, _, err := s.VerifyAudit(t.Context()); n != 2 || err != nil {
		t.Errorf("the audit chain: %d, %v", n, err)
	}
	if _, err := s.DropRetained(scopeA, "alice", "", day); err != nil {
		t.Fatal(err)
	}
	if n, retained := held(t, s); n != 30 || retained != 0 {
		t.Errorf("accepted after all: %d entries, %d retained", n, retained)
	}
}

func TestNothingRetainedIsNothingToAcceptOrKeep(t *testing.T) {
	s := open(t, t.TempDir())
	for _, when := range []string{"no CRL", "a CRL"} {
		if _, err := s.DropRetained(scopeA, "alice", "", day); !errors.Is(err, revocation.ErrNoRetained) {
			t.Errorf("%s: DropRetained: %v", when, err)
		}
		if err := s.KeepRetained(scopeA, "alice", "", day); !errors.Is(err, revocation.ErrNoRetained) {
			t.Errorf("%s: KeepRetained: %v", when, err)
		}
		put(t, s, issuerA, scopeA, 1, record("\x01", 4, day))
	}
	if n, _, err := s.VerifyAudit(t.Context()); n != 0 || err != nil || s.RetainedAlarm(scopeA) || s.RetainedAlarm(scopeB) {
		t.Errorf("%d audit entries, %v", n, err)
	}
	late := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, err := s.DropRetained(scopeA, "alice", "", late); revocation.RuleOf(err, "") != "date" {
		t.Errorf("accepted beyond the year 9999: %v", err)
	}
	if err := s.KeepRetained(scopeA, "alice", "", late); revocation.RuleOf(err, "") != "date" {
		t.Errorf("kept beyond the year 9999: %v", err)
	}
}

func TestAcceptingIsRefusedWhileACRLIsPutInForce(t *testing.T) {
	s, all := withRetained(t)
	if err := s.claim(scopeA); err != nil { // as a commit under way does
		t.Fatal(err)
	}
	if _, err := s.DropRetained(scopeA, "alice", "", day); revocation.RuleOf(err, "") != "concurrent" {
		t.Errorf("got %v, want a refusal", err)
	}
	s.unclaim(scopeA)
	if !lists(s, issuerA, string(all[0].Serial)) {
		t.Error("what is retained is gone")
	}
	checkNoLeftovers(t, s, "1.crl", "1.db", "2.crl", "2.db")
}

func TestAcceptingThatFailsChangesNothing(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, *Store){
		"the generation cannot be read": func(t *testing.T, s *Store) { truncate(t, s.paths.generation(scopeA, 2), pageOctets) },
		"the signed CRL is missing":     func(t *testing.T, s *Store) { missing(t, s.paths.signed(scopeA, 2)) },
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := withRetained(t)
			damage(t, s)
			if _, err := s.DropRetained(scopeA, "alice", "", day); !errors.Is(err, revocation.ErrNotDurable) {
				t.Errorf("DropRetained: %v", err)
			}
			if n, _, err := s.VerifyAudit(t.Context()); n != 0 || err != nil || s.Generation() != 2 || s.CRLInfo(scopeA).Retained != 150 {
				t.Errorf("%d audit entries, %v, generation %d", n, err, s.Generation())
			}
			if files, err := os.ReadDir(s.paths.tmp()); err != nil || len(files) > 0 {
				t.Errorf("temporary files: %v, %v", files, err)
			}
		})
	}
}

// An explicit removal is the CA's signed word, other than the silence that the guard distrusts.
func TestADeltaLiftsWhatIsRetained(t *testing.T) {
	s, all := withRetained(t)
	s.SetScopes(withDelta)
	putDelta(t, s, scopeD, 3, 2, record(string(all[7].Serial), revocation.RemoveFromCRL, day))
	if lists(s, issuerA, string(all[7].Serial)) || !lists(s, issuerA, string(all[8].Serial)) {
		t.Error("the removal does not lift exactly what it names")
	}
}

// A file that was lost takes the administrator's word on it along: the one before says again what was accepted, and raises the alarm.
func TestTheFallbackOfAnAcceptedCRLRaisesTheAlarm(t *testing.T) {
	s, all := withRetained(t)
	if _, err := s.DropRetained(scopeA, "alice", "", day); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	cutOff(t, s.paths.generation(scopeA, 3))
	s = open(t, s.paths.root)
	if !s.RetainedAlarm(scopeA) || !lists(s, issuerA, string(all[7].Serial)) || !s.Overtaken(scopeA) {
		t.Error("the fallback is not what it was")
	}
	if _, err := s.DropRetained(scopeA, "alice", "", day); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if ev := evidence(s, issuerA, string(all[7].Serial)); len(ev.CRLs) != 0 || ev.MissingCRL != 1 || s.RetainedAlarm(scopeA) || !s.Overtaken(scopeA) {
			t.Errorf("accepted again, while nothing is good by the fallback: %+v", ev)
		}
		s = reopen(t, s)
	}
	putGuarded(t, s, 3, guard20, all[150:]...)
	if ev := evidence(s, issuerA, string(all[7].Serial)); len(ev.CRLs) != 1 || ev.CRLs[0].Listed || s.Overtaken(scopeA) {
		t.Errorf("with the next CRL: %+v", ev)
	}
}
