package store

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/revocation"
)

func TestACRLIsInForceAtOnceAndAfterARestart(t *testing.T) {
	s := open(t, t.TempDir())
	withDate := record("\x02\x02", revocation.KeyCompromise, day)
	withDate.HasInvalidity, withDate.InvalidityDate = true, day.Add(-72*time.Hour).Unix()
	old := record("\x02\x01", revocation.Unspecified, time.Date(1951, 1, 1, 0, 0, 0, 0, time.UTC))
	far := record("\x02\x03", revocation.AACompromise, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))
	zero := record("\x00", revocation.CertificateHold, day)
	negative := record("\xff\x01", revocation.Superseded, day)
	long := record("\x01"+strings.Repeat("\xee", 63), revocation.PrivilegeWithdrawn, day)
	change := put(t, s, issuerA, scopeA, 7, withDate, long, old, zero, far, negative)
	if change.Added != 6 || change.Generation != 1 || change.Old != nil || change.New.Number.String() != "7" {
		t.Errorf("change: %+v", change)
	}
	want := map[string]revocation.Entry{
		"\x02\x02": {RevokedAt: day, InvalidityDate: day.Add(-72 * time.Hour), Reason: revocation.KeyCompromise},
		"\x02\x01": {RevokedAt: time.Date(1951, 1, 1, 0, 0, 0, 0, time.UTC)},
		"\x02\x03": {RevokedAt: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), Reason: revocation.AACompromise},
		"\x00":     {RevokedAt: day, Reason: revocation.CertificateHold}, "\xff\x01": {RevokedAt: day, Reason: revocation.Superseded},
		string(long.Serial): {RevokedAt: day, Reason: revocation.PrivilegeWithdrawn},
	}
	for _, when := range []string{"at once", "after a restart"} {
		for serial, entry := range want {
			ev := evidence(s, issuerA, serial)
			if len(ev.CRLs) != 1 || !ev.CRLs[0].Listed {
				t.Errorf("%s: %x is not listed", when, serial)
				continue
			}
			if d := cmp.Diff(entry, ev.CRLs[0].Entry); d != "" {
				t.Errorf("%s: %x (-want +got):\n%s", when, serial, d)
			}
		}
		for _, serial := range []string{"", "\x01", "\x02", "\x02\x00", "\x02\x04", "\xff\x02", strings.Repeat("\x01", 64), strings.Repeat("\x01", 65)} {
			if lists(s, issuerA, serial) {
				t.Errorf("%s: %x is listed", when, serial)
			}
		}
		if d := cmp.Diff(infoOf(issuerA, scopeA, 7, 6), s.CRLInfo(scopeA)); d != "" {
			t.Errorf("%s: CRLInfo (-want +got):\n%s", when, d)
		}
		if st := s.SourceState(scopeA); st.ETag != "etag 7" {
			t.Errorf("%s: source state %+v", when, st)
		}
		checkSigned(t, s, "CRL 7")
		s = reopen(t, s)
	}
}

func checkSigned(t *testing.T, s *Store, want string) {
	t.Helper()
	f, info, err := s.OpenCRL(scopeA)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || string(b) != want || info != s.CRLInfo(scopeA) {
		t.Errorf("signed CRL: %q, %v; want %q", b, err, want)
	}
}

func TestAnEmptyCRLIsACRL(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1)
	for range 2 {
		if ev := evidence(s, issuerA, "\x01"); len(ev.CRLs) != 1 || ev.CRLs[0].Listed {
			t.Errorf("evidence: %+v", ev)
		}
		s = reopen(t, s)
	}
}

func TestTheChangeSaysWhatTheSwapChanged(t *testing.T) {
	at := func(serial string, reason revocation.Reason) revocation.Record { return record(serial, reason, day) }
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, at("\x01", 4), at("\x02", 4), at("\x03", 6), at("\x01\x01", 1))
	change := put(t, s, issuerA, scopeA, 2, at("\x05\x05", 4), at("\x03", 1), at("\x02", 4), at("\x00", 5))
	if change.Added != 2 || change.Removed != 2 || change.Changed != 1 || change.Everything {
		t.Errorf("added %d, removed %d, changed %d, everything %v", change.Added, change.Removed, change.Changed, change.Everything)
	}
	if want := []revocation.Serial{"\x00", "\x01", "\x03", "\x01\x01", "\x05\x05"}; !slices.Equal(change.Serials, want) {
		t.Errorf("serials: got %x, want %x", change.Serials, want)
	}
	if change.Old.Number.String() != "1" || change.New.Number.String() != "2" {
		t.Errorf("from CRL %s to %s", change.Old.Number, change.New.Number)
	}
	if same := put(t, s, issuerA, scopeA, 3, at("\x00", 5), at("\x02", 4), at("\x03", 1), at("\x05\x05", 4)); len(same.Serials) != 0 || same.Generation != 3 {
		t.Errorf("the same entries again: %+v", same)
	}
}

func TestAChangeBeyondTheBoundIsEverything(t *testing.T) {
	s := open(t, t.TempDir())
	n := revocation.MaxChangedSerials + 1
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		t.Fatal(err)
	}
	fillRandom(t, b, n, nil)
	signed, err := signedFile(s, "big")
	if err != nil {
		t.Fatal(err)
	}
	change, err := b.Commit(infoOf(issuerA, scopeA, 1, n), signed, revocation.SourceState{}, CommitOptions{})
	if err != nil || !change.Everything || change.Serials != nil || change.Added != n {
		t.Errorf("everything %v, %d serials, %d added, %v", change.Everything, len(change.Serials), change.Added, err)
	}
}

func TestASerialListedTwiceKeepsItsEarliestDates(t *testing.T) {
	later := record("\x09", revocation.CertificateHold, day.Add(time.Hour))
	later.HasInvalidity, later.InvalidityDate = true, day.Add(-time.Hour).Unix()
	s := open(t, t.TempDir())
	change := put(t, s, issuerA, scopeA, 1, later, record("\x09", revocation.Superseded, day), record("\x09", revocation.CertificateHold, day.Add(2*time.Hour)))
	want := revocation.Entry{RevokedAt: day, InvalidityDate: day.Add(-time.Hour), Reason: revocation.Superseded}
	if d := cmp.Diff(want, evidence(s, issuerA, "\x09").CRLs[0].Entry); d != "" || change.Added != 1 {
		t.Errorf("%d added; entry (-want +got):\n%s", change.Added, d)
	}
	if s.CRLInfo(scopeA).Entries != 3 {
		t.Errorf("the CRL is described with %d entries, want the 3 it has", s.CRLInfo(scopeA).Entries)
	}
}

func TestARefusedCommitLeavesTheOldGenerationAndNoFiles(t *testing.T) {
	other := infoOf(issuerB, scopeA, 2, 1)
	for name, c := range map[string]struct {
		info *revocation.CRLInfo
		rule string
	}{
		"more entries than described":    {infoOf(issuerA, scopeA, 2, 0), "entries"},
		"described as of another scope":  {infoOf(issuerA, scopeA2, 2, 1), "scope"},
		"described as of another issuer": {other, "scope"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			put(t, s, issuerA, scopeA, 1, record("\x01", 4, day))
			b, err := s.NewBuild(issuerA, scopeA)
			if err != nil {
				t.Fatal(err)
			}
			rec := record("\x02", 4, day)
			signed, serr := signedFile(s, "new")
			if err := errors.Join(b.Add(&rec), serr); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Commit(c.info, signed, revocation.SourceState{}, CommitOptions{}); revocation.RuleOf(err, "") != c.rule {
				t.Errorf("got %v, want a refusal by rule %s", err, c.rule)
			}
			if _, err := b.Commit(c.info, signed, revocation.SourceState{}, CommitOptions{}); err == nil || b.Add(&rec) == nil {
				t.Error("the build goes on after its end")
			}
			if !lists(s, issuerA, "\x01") || lists(s, issuerA, "\x02") || s.Generation() != 1 {
				t.Error("the old generation is not in force")
			}
			checkNoLeftovers(t, s, "1.crl", "1.db")
		})
	}
}

// checkNoLeftovers checks that nothing temporary is left, and that scope A has these files.
func checkNoLeftovers(t *testing.T, s *Store, want ...string) {
	t.Helper()
	if files, err := os.ReadDir(s.paths.tmp()); err != nil || len(files) > 0 {
		t.Errorf("temporary files: %v, %v", files, err)
	}
	var got []string
	files, err := os.ReadDir(s.paths.scope(scopeA))
	for _, f := range files {
		got = append(got, f.Name())
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("files of the scope: %v, %v; want %v", got, err, want)
	}
}

func TestOnlyTheGenerationInForceAndTheOneBeforeAreKept(t *testing.T) {
	s := open(t, t.TempDir())
	for number := 1; number <= 5; number++ {
		put(t, s, issuerA, scopeA, number, record("\x01", 4, day))
	}
	checkNoLeftovers(t, s, "4.crl", "4.db", "5.crl", "5.db")
}

func TestEntriesThatCannotBeStoredAreRefused(t *testing.T) {
	s := open(t, t.TempDir())
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	for name, rec := range map[string]revocation.Record{
		"no serial":                    record("", 4, day),
		"a serial that is not minimal": record("\x00\x01", 4, day),
		"a serial too long":            record(strings.Repeat("\x01", 65), 4, day),
		"a reason that is none":        record("\x01", 7, day),
		"a date beyond the year 9999":  record("\x01", 4, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)),
		"an invalidity date too early": {Serial: []byte("\x01"), RevokedAt: day.Unix(), HasInvalidity: true, InvalidityDate: dateEpoch - 1},
	} {
		if err := b.Add(&rec); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := b.Commit(infoOf(issuerA, scopeA, 1, 0), mustSigned(t, s), revocation.SourceState{}, CommitOptions{}); err != nil {
		t.Errorf("committing what is left, nothing: %v", err)
	}
}

func mustSigned(t testing.TB, s *Store) string {
	t.Helper()
	path, err := signedFile(s, "signed")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTwoCommitsOfOneScopeAtOnceDoNotMix(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, record("\x01", 4, day))
	if err := s.claim(scopeA); err != nil { // as a commit under way does
		t.Fatal(err)
	}
	if _, err := tryPut(s, infoOf(issuerA, scopeA, 2, 1), record("\x02", 4, day)); revocation.RuleOf(err, "") != "concurrent" {
		t.Errorf("got %v, want a refusal", err)
	}
	s.unclaim(scopeA)
	put(t, s, issuerA, scopeA, 2, record("\x02", 4, day))
	if !lists(s, issuerA, "\x02") {
		t.Error("the commit after is not in force")
	}
}

func TestASourceStateIsKeptWithoutRaisingTheGeneration(t *testing.T) {
	s := open(t, t.TempDir())
	want := revocation.SourceState{Issuer: issuerA, URL: "http://x/", ETag: `"1"`, LastModified: "Mon", FetchedAt: day, CheckedAt: day.Add(1),
		FailedAt: day.Add(2), Failures: 3, LastError: "no route", NotModified: 4, NextFetch: day.Add(time.Hour)}
	if err := s.SaveSourceState(scopeA, want); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if d := cmp.Diff(want, s.SourceState(scopeA)); d != "" || s.Generation() != 0 {
			t.Errorf("generation %d (-want +got):\n%s", s.Generation(), d)
		}
		s = reopen(t, s)
	}
}
