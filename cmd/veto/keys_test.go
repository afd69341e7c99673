package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
)

// turning is an issuer that changes its key, administered here.
type turning struct {
	*operator
	judge    *judge
	old, new revocation.Issuer
}

func newTurning(t *testing.T) *turning {
	t.Helper()
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	var ic config.Issuer
	for _, name := range []string{"Turning CA", "TURNING  ca"} { // names that match (RFC 5280 §7.1)
		ca, err := pkitest.NewCA(pkitest.CAOptions{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		ic.Certificates = append(ic.Certificates, ca.Certificate)
	}
	ic.Name, ic.Certificate = "turning", ic.Certificates[0]
	k := knownIssuer{config: ic, keys: keysOf(ic)}
	k.Issuer = k.keys[0]
	d, j := newDirectory(st), newJudge(st)
	d.configure([]knownIssuer{k})
	j.configure([]config.Issuer{ic})
	return &turning{operator: &operator{store: st, directory: d, responder: responder.New(responder.Options{Source: j}),
		purged: func([]revocation.IssuerID, ...revocation.Serial) {}}, judge: j,
		old: k.keys[0], new: k.keys[1]}
}

func (tu *turning) revoke(key revocation.Issuer, serial revocation.Serial, reason revocation.Reason, at time.Time) (revocation.Outcome, error) {
	_, outcome, _, err := tu.Revoke(context.Background(), api.RevokeRequest{Issuer: key.ID, Serial: serial,
		Want: revocation.AdminRecord{Entry: revocation.Entry{Reason: reason}, RecordedAt: at, By: "alice"}})
	return outcome, err
}

// status is what is answered for either key.
func (tu *turning) status(t *testing.T, serial revocation.Serial) revocation.CertStatus {
	t.Helper()
	now := time.Now()
	a, b := tu.judge.Status(tu.old.ID, serial, now), tu.judge.Status(tu.new.ID, serial, now)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("the keys are answered for differently: old -, new +:\n%s", diff)
	}
	return a
}

func TestAnAdministratorsWordHoldsForEveryKey(t *testing.T) {
	tu, now := newTurning(t), time.Now().UTC().Truncate(time.Second)
	for _, row := range []struct {
		fact    string
		key     revocation.Issuer
		reason  revocation.Reason
		outcome revocation.Outcome
		says    revocation.Reason
	}{
		{"a hold", tu.new, revocation.CertificateHold, revocation.Created, revocation.CertificateHold},
		{"the same by the other key", tu.old, revocation.CertificateHold, revocation.Unchanged, revocation.CertificateHold},
		{"it becomes permanent", tu.old, revocation.Superseded, revocation.Upgraded, revocation.Superseded},
		{"the key was stolen", tu.new, revocation.KeyCompromise, revocation.Upgraded, revocation.KeyCompromise},
	} {
		outcome, err := tu.revoke(row.key, "\x05", row.reason, now)
		if err != nil || outcome != row.outcome {
			t.Fatalf("%s: %v, %v; want %v", row.fact, outcome, err, row.outcome)
		}
		if st := tu.status(t, "\x05"); st.Status != revocation.Revoked || st.Reason != row.says || !st.RevokedAt.Equal(now) {
			t.Errorf("%s: answered %+v", row.fact, st)
		}
	}
	_, err := tu.revoke(tu.new, "\x05", revocation.Superseded, now)
	if _, differs := errors.AsType[*revocation.Conflict](err); !differs {
		t.Errorf("a contradiction: got %v", err)
	}
	_, _, _, err = tu.Release(context.Background(), api.ReleaseRequest{Issuer: tu.old.ID, Serial: "\x05", Now: now})
	if _, permanent := errors.AsType[*revocation.Conflict](err); !permanent {
		t.Errorf("a release of what is permanent: got %v", err)
	}
}

// TestWhatOneKeyHasAloneIsHealed begins with records of a time when the keys were two issuers, or of a change that was cut short.
func TestWhatOneKeyHasAloneIsHealed(t *testing.T) {
	tu, now := newTurning(t), time.Now().UTC().Truncate(time.Second)
	before := now.Add(-time.Hour)
	for serial, reason := range map[revocation.Serial]revocation.Reason{"\x01": revocation.Superseded, "\x02": revocation.CertificateHold} {
		if _, _, _, err := tu.store.Revoke(tu.new.ID, serial, revocation.AdminRecord{Entry: revocation.Entry{Reason: reason}, RecordedAt: before, By: "bob"}); err != nil {
			t.Fatal(err)
		}
		if st := tu.status(t, serial); st.Status != revocation.Revoked || st.Reason != reason {
			t.Errorf("before: %+v", st)
		}
	}
	if outcome, err := tu.revoke(tu.old, "\x01", revocation.Superseded, now); err != nil || outcome != revocation.Unchanged {
		t.Errorf("the same again: %v, %v", outcome, err)
	}
	if r := tu.store.AdminRecord(tu.old.ID, "\x01"); !r.Stands() || !r.RevokedAt.Equal(before) || r.By != "bob" {
		t.Errorf("the other key got %+v", r)
	}
	if _, _, _, err := tu.Release(context.Background(), api.ReleaseRequest{Issuer: tu.old.ID, Serial: "\x02", By: "alice", Now: now}); err != nil {
		t.Errorf("a release of what only the other key has: %v", err)
	}
	if st := tu.status(t, "\x02"); st.Status != revocation.Good {
		t.Errorf("after the release: %+v", st)
	}
	if _, _, _, err := tu.Release(context.Background(), api.ReleaseRequest{Issuer: tu.new.ID, Serial: "\x02", By: "alice", Now: now}); !errors.Is(err, revocation.ErrNoRecord) {
		t.Errorf("a second release: %v", err)
	}
}

// TestConcurrentChangesOfOneSerialAreOneAfterTheOther: whatever the order, both keys end with one record.
func TestConcurrentChangesOfOneSerialAreOneAfterTheOther(t *testing.T) {
	tu, now := newTurning(t), time.Now().UTC()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if i%2 == 0 {
				tu.revoke(tu.old, "\x05", revocation.CertificateHold, now)
			} else {
				tu.Release(context.Background(), api.ReleaseRequest{Issuer: tu.new.ID, Serial: "\x05", By: "alice", Now: now})
			}
		})
	}
	wg.Wait()
	if a, b := tu.store.AdminRecord(tu.old.ID, "\x05"), tu.store.AdminRecord(tu.new.ID, "\x05"); a.Stands() != b.Stands() {
		t.Errorf("the keys differ: %+v and %+v", a, b)
	}
}

func TestAChangeThatWasCutShortSaysSo(t *testing.T) {
	keys := []revocation.IssuerID{{1}, {2}, {3}}
	_, err := forEachKey(keys, func(key revocation.IssuerID) (uint64, error) {
		if key == keys[1] {
			return 0, revocation.ErrNotDurable
		}
		return 7, nil
	})
	part, ok := errors.AsType[*api.PartialChange](err)
	if !ok || part.Done != 1 || part.Of != 3 || !errors.Is(err, revocation.ErrNotDurable) {
		t.Errorf("got %v", err)
	}
	if _, err := forEachKey(keys, func(revocation.IssuerID) (uint64, error) { return 0, revocation.ErrNotDurable }); err != revocation.ErrNotDurable {
		t.Errorf("when nothing was done: %v", err)
	}
}

func TestListsOfSeveralKeysAreMerged(t *testing.T) {
	tu, now := newTurning(t), time.Now().UTC().Truncate(time.Second)
	record := func(key revocation.Issuer, serial revocation.Serial, reason revocation.Reason, by string) {
		t.Helper()
		_, _, _, err := tu.store.Revoke(key.ID, serial, revocation.AdminRecord{Entry: revocation.Entry{Reason: reason}, RecordedAt: now, By: by})
		if err != nil {
			t.Fatal(err)
		}
	}
	record(tu.old, "\x05", revocation.Superseded, "a")
	record(tu.old, "\x07", revocation.CertificateHold, "a")
	record(tu.old, "\x01\x00", revocation.Superseded, "a")
	record(tu.new, "\x06", revocation.Superseded, "b")
	record(tu.new, "\x07", revocation.KeyCompromise, "b")
	list := func(after revocation.Serial, limit int) (got []string) {
		rows, err := tu.Revocations(tu.new.ID, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			got = append(got, fmt.Sprintf("%s %s %s", r.Serial, r.Reason, r.By))
		}
		return got
	}
	all := []string{"05 superseded a", "06 superseded b", "07 keyCompromise b", "0100 superseded a"}
	if diff := cmp.Diff(all, list("", 10)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if diff := cmp.Diff(all[1:3], list("\x05", 2)); diff != "" {
		t.Errorf("a page: want -, got +:\n%s", diff)
	}
}

func TestAnIssuerIsFoundByAnyOfItsKeys(t *testing.T) {
	tu := newTurning(t)
	for _, row := range []struct {
		fact, asked string
		want        revocation.IssuerID
	}{
		{"the name means the first key", "turning", tu.old.ID},
		{"the IssuerID of the first", tu.old.ID.String(), tu.old.ID},
		{"the IssuerID of the second", tu.new.ID.String(), tu.new.ID},
	} {
		if issuer, ok := tu.directory.Resolve(row.asked); !ok || issuer.ID != row.want || issuer.Name != "turning" {
			t.Errorf("%s: got %+v, %v", row.fact, issuer, ok)
		}
	}
	if _, ok := tu.directory.Resolve(revocation.IssuerID{9}.String()); ok {
		t.Error("a key of nobody was found")
	}
}

func BenchmarkJudge(b *testing.B) {
	st, err := store.Open(b.TempDir(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		b.Fatal(err)
	}
	ic := config.Issuer{Name: "one", Certificate: ca.Certificate, CRLs: []config.CRL{{URL: "http://a.test/"}}}
	ic.Certificates = append(ic.Certificates, ca.Certificate)
	j := newJudge(st)
	j.configure([]config.Issuer{ic})
	id, now := revocation.IssuerIDOf(ca.Certificate), time.Now()
	b.ReportAllocs()
	for b.Loop() {
		j.Status(id, "\x05", now)
	}
}
