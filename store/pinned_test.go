package store

import (
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/revocation"
)

// differsFromPinned says for which serial what a pinned store says, listed or silent, is not what lookups say; "" for none.
func differsFromPinned(s *Store, issuer revocation.IssuerID, serials []string) (string, error) {
	pinned := s.Pin()
	var silence, ev revocation.Evidence
	pinned.Silence(issuer, &silence)
	listed := map[string]revocation.Evidence{}
	err := pinned.Listed([]revocation.IssuerID{issuer}, &ev, func(serial string) error {
		e := ev
		e.CRLs = append([]revocation.CRLFinding(nil), ev.CRLs...)
		listed[string([]byte(serial))] = e
		return nil
	})
	for _, serial := range serials {
		want := evidence(s, issuer, serial)
		got, some := listed[serial]
		if got.MissingCRL = silence.MissingCRL; !some {
			got = silence
		}
		for _, now := range []int{0, 20, 40, 60} {
			at := day.Add(0).AddDate(0, 0, now)
			w, g := revocation.Decide(want, at), revocation.Decide(&got, at)
			if some && g.Status != revocation.Revoked { // then the silence counts
				g = revocation.Decide(&silence, at)
			}
			if !reflect.DeepEqual(w, g) && w.Status != revocation.Unknown {
				return serial, err
			}
			if w.Status != g.Status {
				return serial, err
			}
		}
	}
	return "", err
}

func TestWhatIsPinnedStaysWhileCRLsChange(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(map[revocation.IssuerID][]Scope{issuerA: {{ID: scopeA}}})
	put(t, s, issuerA, scopeA, 1, manyEntries(5000, 4)...)
	pinned, n := s.Pin(), 0
	var ev revocation.Evidence
	err := pinned.Listed([]revocation.IssuerID{issuerA}, &ev, func(string) error {
		if n++; n%1000 == 0 {
			put(t, s, issuerA, scopeA, 1+n/1000, record("\x02", 4, day))
		}
		return nil
	})
	if err != nil || n != 5000 || pinned.Generation() != 1 {
		t.Errorf("%d serials of generation %d, %v; want 5000 of 1", n, pinned.Generation(), err)
	}
	if pinned.CRLs() == s.Pin().CRLs() || s.Pin().CRLs() != s.Pin().CRLs() {
		t.Error("a swap is not seen, or seen where none is")
	}
	if got := pinned.Silence(issuerA, &ev); got != 1 || ev.CRLs[0].Info.Number != "\x01" {
		t.Errorf("the CRL of generation %d was pinned, number %s", got, ev.CRLs[0].Info.Number)
	}
	if got := s.Pin().Silence(issuerA, &ev); got != s.Generation() {
		t.Errorf("silence shows generation %d, the store is at %d", got, s.Generation())
	}
}

func TestKeysOfACAAreAlikeAndTheirRecordsMerge(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(map[revocation.IssuerID][]Scope{issuerA: {{ID: scopeA}}, issuerB: {{ID: scopeA}}})
	put(t, s, issuerA, scopeA, 1, record("\x02", 4, day))
	revoke(t, s, issuerA, "\x03", revocation.CertificateHold)
	revoke(t, s, issuerB, "\x03", revocation.KeyCompromise)
	p := s.Pin()
	var ev revocation.Evidence
	found := map[string]revocation.Reason{}
	if err := p.Listed([]revocation.IssuerID{issuerA, issuerB}, &ev, func(serial string) error {
		found[serial] = revocation.Decide(&ev, day).Reason
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !p.Alike(issuerA, issuerB) || len(found) != 2 || found["\x02"] != 4 || found["\x03"] != revocation.KeyCompromise {
		t.Errorf("alike %v, found %v", p.Alike(issuerA, issuerB), found)
	}
	if p.Alike(issuerA, revocation.IssuerID{9}) {
		t.Error("an issuer without CRLs is alike")
	}
	if n := p.Lengths(issuerA); n[1] != 1 || len(n) != 1 {
		t.Errorf("lengths %v", n)
	}
	stop := errors.New("stop")
	if err := p.Listed([]revocation.IssuerID{issuerA}, &ev, func(string) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

// Whatever CRLs, deltas and records there are, a pinned store says of every serial what a lookup says.
func TestPinnedSaysWhatLookupsSay(t *testing.T) {
	s := open(t, directoryInMemory(t))
	s.SetScopes(withDelta)
	number := 0
	rapid.Check(t, func(rt *rapid.T) {
		p := &pairTest{rt: rt, s: s}
		number++
		records := p.records(40, 1, 4, 6, 8)
		if _, err := tryPut(s, infoOf(issuerA, scopeA, number, len(records)), records...); err != nil {
			rt.Fatal(err)
		}
		number += rapid.IntRange(0, 2).Draw(rt, "step")
		records = p.records(20, 1, 6, 8)
		if _, err := tryPut(s, deltaOf(issuerA, scopeD, number, max(1, number-1), len(records)), records...); err != nil {
			rt.Fatal(err)
		}
		serial := revocation.Serial(pool(rapid.IntRange(0, poolSize).Draw(rt, "administered")))
		s.Revoke(issuerA, serial, adminRecord(6))
		if rapid.Bool().Draw(rt, "released") {
			s.Release(issuerA, serial, "bob", "", day)
		}
		var all []string
		for i := range poolSize + 1 {
			all = append(all, pool(i))
		}
		if serial, err := differsFromPinned(s, issuerA, all); serial != "" || err != nil {
			rt.Fatalf("%x is not pinned as it is looked up, %v", serial, err)
		}
	})
}
