package store

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

func toldRevoked(hours int, reason revocation.Reason) revocation.UpstreamFinding {
	return revocation.UpstreamFinding{Status: revocation.Revoked, Entry: revocation.Entry{RevokedAt: day, Reason: reason},
		ThisUpdate: day.Add(time.Duration(hours) * time.Hour), NextUpdate: day.Add(time.Duration(hours+1) * time.Hour), URL: "http://ocsp.example/"}
}

func saveUpstream(t *testing.T, s *Store, serial revocation.Serial, f revocation.UpstreamFinding) uint64 {
	t.Helper()
	generation, err := s.SaveUpstream(issuerA, serial, f)
	if err != nil {
		t.Fatal(err)
	}
	return generation
}

func TestARevocationToldUpstreamSurvivesARestart(t *testing.T) {
	s := open(t, t.TempDir())
	want := toldRevoked(1, revocation.CertificateHold)
	if g := saveUpstream(t, s, "\x01", want); g != 1 {
		t.Errorf("generation %d", g)
	}
	for range 2 {
		if got := evidence(s, issuerA, "\x01").Upstream; got == nil || *got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if evidence(s, issuerA, "\x02").Upstream != nil || evidence(s, issuerB, "\x01").Upstream != nil || s.UpstreamRevocations(issuerA) != 1 {
			t.Error("more is revoked than was told")
		}
		s = reopen(t, s)
	}
	if g, err := s.ForgetUpstream(issuerA, "\x01"); err != nil || g != 2 {
		t.Errorf("forgetting: %d, %v", g, err)
	}
	if g, err := s.ForgetUpstream(issuerA, "\x01"); err != nil || g != 2 {
		t.Errorf("forgetting what is not there: %d, %v", g, err)
	}
	for range 2 {
		if evidence(s, issuerA, "\x01").Upstream != nil || s.UpstreamRevocations(issuerA) != 0 {
			t.Error("it is still revoked")
		}
		s = reopen(t, s)
	}
}

func TestOnlyANewerUpstreamResponseReplacesOne(t *testing.T) {
	s := open(t, t.TempDir())
	saveUpstream(t, s, "\x01", toldRevoked(2, revocation.CertificateHold))
	if g := saveUpstream(t, s, "\x01", toldRevoked(1, revocation.KeyCompromise)); g != 1 {
		t.Errorf("an older one: generation %d", g)
	}
	if g := saveUpstream(t, s, "\x01", toldRevoked(3, revocation.CertificateHold)); g != 1 {
		t.Errorf("the same with newer times is no change of what is answered: generation %d", g)
	}
	if got := evidence(s, issuerA, "\x01").Upstream; got.ThisUpdate != day.Add(3*time.Hour) {
		t.Errorf("got %+v", got)
	}
	if g := saveUpstream(t, s, "\x01", toldRevoked(4, revocation.KeyCompromise)); g != 2 {
		t.Errorf("another reason: generation %d", g)
	}
	rows, _, err := s.Changes(0, 10)
	if err != nil || len(rows) != 2 || rows[1].Kind != "upstream" || rows[1].Action != "revoked" || !slices.Equal(rows[1].Serials, []string{"01"}) {
		t.Errorf("changes %+v, %v", rows, err)
	}
	if _, err := s.SaveUpstream(issuerA, "\x01", revocation.UpstreamFinding{Status: revocation.Good}); err == nil {
		t.Error("a response that says good was kept")
	}
}

func TestALostUpstreamRevocationStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	saveUpstream(t, s, "\x01", toldRevoked(1, revocation.KeyCompromise))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(paths{dir}.state(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error { return tx.Bucket(upstreamBucket).Delete(adminKey(issuerA, "\x01")) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(dir, Options{}); err == nil {
		s.Close()
		t.Error("it started with one revocation less")
	}
}

func TestWhatWasToldUpstreamIsListed(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, record("\x01", revocation.Superseded, day), record("\x04", revocation.Superseded, day))
	for _, serial := range []revocation.Serial{"\x01", "\x02", "\x03", "\x05"} {
		saveUpstream(t, s, serial, toldRevoked(1, revocation.KeyCompromise))
	}
	revoke(t, s, issuerA, "\x02", revocation.CertificateHold)
	revoke(t, s, issuerA, "\x03", revocation.CertificateHold)
	if _, _, err := s.Release(issuerA, "\x03", "alice", "", day); err != nil {
		t.Fatal(err)
	}
	want := map[revocation.Serial]revocation.Source{"\x01": revocation.SourceCRL, "\x02": revocation.SourceAdmin, "\x03": revocation.SourceUpstream,
		"\x04": revocation.SourceCRL, "\x05": revocation.SourceUpstream}
	for limit := 1; limit <= 6; limit++ {
		got, after := map[revocation.Serial]revocation.Source{}, revocation.Serial("")
		for {
			rows, err := s.Revocations(issuerA, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if compareSerials(string(after), string(r.Serial)) >= 0 {
					t.Errorf("serial %x follows %x", r.Serial, after)
				}
				got[r.Serial], after = r.Source, r.Serial
			}
			if len(rows) < limit {
				break
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("pages of %d: got %v, want %v", limit, got, want)
		}
	}
}
