package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

func TestARevocationHoldsAtOnceAndAfterARestart(t *testing.T) {
	s := open(t, t.TempDir())
	want := revocation.AdminRecord{By: "alice", Comment: "stolen ☠", RecordedAt: day.Add(123456789),
		Entry: revocation.Entry{Reason: revocation.KeyCompromise, RevokedAt: day.Add(-time.Hour), InvalidityDate: day.Add(-48 * time.Hour)}}
	got, outcome, generation, err := s.Revoke(issuerA, "\x01\x02", want)
	if err != nil || outcome != revocation.Created || generation != 1 {
		t.Fatalf("Revoke: %v, generation %d, %v", outcome, generation, err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the record that stands (-want +got):\n%s", d)
	}
	for _, when := range []string{"at once", "after a restart"} {
		ev := evidence(s, issuerA, "\x01\x02")
		if ev.Generation != 1 || s.Generation() != 1 {
			t.Errorf("%s: generation %d", when, ev.Generation)
		}
		if d := cmp.Diff(&want, ev.Admin); d != "" {
			t.Errorf("%s (-want +got):\n%s", when, d)
		}
		if evidence(s, issuerB, "\x01\x02").Admin != nil || evidence(s, issuerA, "\x01").Admin != nil {
			t.Errorf("%s: another issuer or serial is revoked too", when)
		}
		s = reopen(t, s)
	}
}

func TestAdministrativeChangesFollowTheRules(t *testing.T) {
	type step struct {
		revoke  revocation.Reason
		release bool
		outcome revocation.Outcome
		err     string // part of the error; "conflict" for a Conflict
	}
	for name, steps := range map[string][]step{
		"the same again changes nothing":            {{revoke: 1, outcome: revocation.Created}, {revoke: 1, outcome: revocation.Unchanged}},
		"a hold becomes permanent":                  {{revoke: 6, outcome: revocation.Created}, {revoke: 4, outcome: revocation.Upgraded}},
		"a reason becomes keyCompromise":            {{revoke: 4, outcome: revocation.Created}, {revoke: 1, outcome: revocation.Upgraded}},
		"another reason is a conflict":              {{revoke: 4, outcome: revocation.Created}, {revoke: 5, err: "conflict"}},
		"a hold is released and can come again":     {{revoke: 6, outcome: revocation.Created}, {release: true, outcome: revocation.Lifted}, {revoke: 6, outcome: revocation.Created}},
		"a permanent revocation cannot be released": {{revoke: 4, outcome: revocation.Created}, {release: true, err: "conflict"}},
		"a release of nothing is no record":         {{release: true, err: revocation.ErrNoRecord.Error()}},
		"a second release is no record":             {{revoke: 6, outcome: revocation.Created}, {release: true, outcome: revocation.Lifted}, {release: true, err: revocation.ErrNoRecord.Error()}},
		"a reason that is none is refused":          {{revoke: 7, err: revocation.ErrUnknownReason.Error()}},
		"removeFromCRL is no reason to revoke":      {{revoke: 8, err: revocation.ErrUnknownReason.Error()}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			for i, st := range steps {
				before := s.Generation()
				outcome, err := revocation.Lifted, error(nil)
				var generation uint64
				if st.release {
					_, generation, err = s.Release(issuerA, "\x05", "bob", "found", day)
				} else {
					_, outcome, generation, err = s.Revoke(issuerA, "\x05", adminRecord(st.revoke))
				}
				checkStep(t, i, st.err, err)
				if err == nil && outcome != st.outcome {
					t.Errorf("step %d: %v, want %v", i, outcome, st.outcome)
				}
				rises := uint64(0)
				if err == nil && outcome != revocation.Unchanged {
					rises = 1
				}
				if s.Generation() != before+rises || err == nil && generation != s.Generation() {
					t.Errorf("step %d: the generation went from %d to %d, told %d", i, before, s.Generation(), generation)
				}
			}
			entries, _, err := s.VerifyAudit(t.Context())
			if err != nil || entries != s.Generation() {
				t.Errorf("audit chain: %d entries for generation %d, %v", entries, s.Generation(), err)
			}
		})
	}
}

func checkStep(t *testing.T, i int, want string, err error) {
	t.Helper()
	_, isConflict := errors.AsType[*revocation.Conflict](err)
	switch {
	case want == "" && err != nil, want == "conflict" && !isConflict, want != "" && err == nil:
		t.Errorf("step %d: got error %v, want %q", i, err, want)
	case want != "" && want != "conflict" && !strings.Contains(err.Error(), want):
		t.Errorf("step %d: got error %v, want %q", i, err, want)
	}
}

func TestReleaseOfWhatACRLListsNamesTheCRL(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 41, record("\x05", revocation.CertificateHold, day))
	_, _, err := s.Release(issuerA, "\x05", "bob", "", day)
	conflict, ok := errors.AsType[*revocation.Conflict](err)
	if !ok {
		t.Fatalf("got %v, want a Conflict", err)
	}
	for _, want := range []string{"CRL number 41", "http://pki.example/a.crl", "only a newer CRL", "certificateHold"} {
		if !strings.Contains(conflict.Detail, want) {
			t.Errorf("%q does not say %q", conflict.Detail, want)
		}
	}
	if _, _, err := s.Release(issuerA, "\x06", "bob", "", day); !errors.Is(err, revocation.ErrNoRecord) {
		t.Errorf("a serial nothing revokes: %v, want ErrNoRecord", err)
	}
}

func TestMalformedChangesAreRefused(t *testing.T) {
	s := open(t, t.TempDir())
	for name, serial := range map[string]revocation.Serial{"no serial": "", "not minimal": "\x00\x01", "too long": revocation.Serial(strings.Repeat("\x01", 65))} {
		if _, _, _, err := s.Revoke(issuerA, serial, adminRecord(0)); !errors.Is(err, revocation.ErrMalformedSerial) {
			t.Errorf("revoking %s: %v", name, err)
		}
		if _, _, err := s.Release(issuerA, serial, "bob", "", day); !errors.Is(err, revocation.ErrMalformedSerial) {
			t.Errorf("releasing %s: %v", name, err)
		}
	}
	late := adminRecord(0)
	late.InvalidityDate = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, _, _, err := s.Revoke(issuerA, "\x01", late); revocation.RuleOf(err, "") != "date" {
		t.Errorf("a date beyond the year 9999: %v", err)
	}
	if s.Generation() != 0 {
		t.Errorf("generation %d after refusals only", s.Generation())
	}
}

func TestConcurrentChangesShareCommitsAndFailAlone(t *testing.T) {
	s := open(t, t.TempDir())
	revoke(t, s, issuerA, "\x01", revocation.Superseded)
	commits := 0
	s.writer.commit = func(tx *bolt.Tx) error {
		commits++
		time.Sleep(2 * time.Millisecond) // as a slow disk: others queue meanwhile
		return tx.Commit()
	}
	const callers, each = 64, 4
	var wg sync.WaitGroup
	for caller := range callers {
		wg.Go(func() {
			for i := range each {
				serial := revocation.Serial(fmt.Sprintf("\x10%d/%d", caller, i))
				if _, _, _, err := s.Revoke(issuerA, serial, adminRecord(revocation.KeyCompromise)); err != nil {
					t.Errorf("revoking %x: %v", serial, err)
				}
				if !evidence(s, issuerA, string(serial)).Admin.Stands() {
					t.Errorf("%x does not stand though it was acknowledged", serial)
				}
				if _, _, _, err := s.Revoke(issuerA, "\x01", adminRecord(revocation.CessationOfOperation)); err == nil {
					t.Error("a conflicting change was taken")
				}
			}
		})
	}
	wg.Wait()
	if want := uint64(1 + callers*each); s.Generation() != want {
		t.Errorf("generation %d, want %d", s.Generation(), want)
	}
	if commits > callers*each/2 {
		t.Errorf("%d commits for %d changes: they were not shared", commits, callers*each)
	}
	if n, _, err := s.VerifyAudit(t.Context()); err != nil || n != uint64(1+callers*each) {
		t.Errorf("audit chain: %d entries, %v", n, err)
	}
	s = reopen(t, s)
	for caller := range callers {
		for i := range each {
			if !evidence(s, issuerA, fmt.Sprintf("\x10%d/%d", caller, i)).Admin.Stands() {
				t.Fatalf("%d/%d was lost", caller, i)
			}
		}
	}
}

func TestAuditAndChangesTellWhatHappened(t *testing.T) {
	s := open(t, t.TempDir())
	revoke(t, s, issuerA, "\x0a", revocation.CertificateHold)
	if _, _, err := s.Release(issuerA, "\x0a", "bob", "found", day.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	put(t, s, issuerA, scopeA, 7, record("\x0b", revocation.Superseded, day))
	audit, err := s.Audit(0, 10)
	if err != nil || len(audit) != 2 {
		t.Fatalf("audit: %d entries, %v", len(audit), err)
	}
	want := AuditEntry{Seq: 2, At: day.Add(time.Hour), By: "bob", Action: "released", Issuer: issuerA.String(), Serial: "0a",
		Reason: "certificateHold", RevokedAt: day, Comment: "found", Generation: 2, Prev: audit[1].Prev}
	if d := cmp.Diff(want, audit[1]); d != "" || audit[0].Action != "created" || audit[0].By != "alice" {
		t.Errorf("audit (-want +got):\n%s", d)
	}
	rows, complete, err := s.Changes(1, 10)
	if err != nil || !complete {
		t.Fatalf("changes: complete %v, %v", complete, err)
	}
	wantRows := []Change{
		{Generation: 2, Kind: "admin", Issuer: issuerA.String(), Action: "released", Serials: []string{"0a"}},
		{Generation: 3, Kind: "crl", Issuer: issuerA.String(), Scope: scopeA.String(), Number: "7", Added: 1, Serials: []string{"0b"}}}
	if d := cmp.Diff(wantRows, rows); d != "" {
		t.Errorf("changes (-want +got):\n%s", d)
	}
	if page, err := s.Audit(1, 10); err != nil || len(page) != 1 || page[0].Seq != 2 {
		t.Errorf("the audit after entry 1: %+v, %v", page, err)
	}
}

func TestTheChangeLogIsBoundedAndSaysWhenItIsNotComplete(t *testing.T) {
	s, err := Open(t.TempDir(), Options{ChangeRows: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 12 {
		revoke(t, s, issuerA, string(rune('A'+i)), revocation.Superseded)
	}
	for since, want := range map[uint64]struct {
		first    uint64
		complete bool
	}{0: {8, false}, 6: {8, false}, 7: {8, true}, 10: {11, true}, 12: {0, true}, 13: {0, false}} {
		rows, complete, err := s.Changes(since, 100)
		first := uint64(0)
		if len(rows) > 0 {
			first = rows[0].Generation
		}
		if err != nil || first != want.first || complete != want.complete {
			t.Errorf("since %d: first %d, complete %v, %v; want %+v", since, first, complete, err, want)
		}
	}
}

func TestATamperedAuditChainShows(t *testing.T) {
	for name, tamper := range map[string]func(*bolt.Bucket) error{
		"an entry altered": func(b *bolt.Bucket) error {
			k, v := numberKey(2), string(b.Get(numberKey(2))[4:])
			return b.Put(k, seal(auditBucket, k, []byte(strings.Replace(v, "alice", "carol", 1))))
		},
		"an entry taken out": func(b *bolt.Bucket) error { return b.Delete(numberKey(2)) },
		"the last cut off":   func(b *bolt.Bucket) error { return b.Delete(numberKey(3)) },
		"a bit flipped": func(b *bolt.Bucket) error {
			v := []byte(string(b.Get(numberKey(1))))
			v[9] ^= 1
			return b.Put(numberKey(1), v)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			for i := range 3 {
				revoke(t, s, issuerA, string(rune('A'+i)), revocation.Superseded)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			editState(t, s, func(tx *bolt.Tx) error { return tamper(tx.Bucket(auditBucket)) })
			s = open(t, s.paths.root)
			if _, _, err := s.VerifyAudit(context.Background()); err == nil {
				t.Error("the chain verifies")
			}
		})
	}
}
