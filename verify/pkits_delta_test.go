package verify_test

import (
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/vetopki/veto/revocation"
)

var one = big.NewInt(1)

// deltaWorld has a complete CRL number 3 and a delta number 5 on number 2, with entries of these reasons for the leaf (-1: none).
func deltaWorld(base, delta int, change func(base, delta *list)) func(t *testing.T) (*world, *x509.Certificate) {
	return func(t *testing.T) (*world, *x509.Certificate) {
		w, ee := plain(t)
		w.o.Deltas = true
		complete, changes := list{issuer: "CA", file: "complete", number: 3}, list{issuer: "CA", file: "delta", number: 5, base: 2}
		if base >= 0 {
			complete.entries = [][]byte{revoked(ee, base)}
		}
		if delta >= 0 {
			changes.entries = [][]byte{revoked(ee, delta)}
		}
		if change != nil {
			change(&complete, &changes)
		}
		w.lists = append(w.lists, changes, complete)
		return w, ee
	}
}

func withoutDeltas(build func(t *testing.T) (*world, *x509.Certificate)) func(t *testing.T) (*world, *x509.Certificate) {
	return func(t *testing.T) (*world, *x509.Certificate) {
		w, ee := build(t)
		w.o.Deltas = false
		return w, ee
	}
}

func TestPKITS415DeltaCRLs(t *testing.T) {
	good, gone, unknown := revocation.Good, revocation.Revoked, revocation.Unknown
	const none, hold, remove = -1, 6, 8
	past := noon.Add(-time.Minute)
	tooNew := func(_, d *list) { d.base = 4 }
	runWorlds(t, []rowOfWorld{
		{"4.15.1 a delta without a complete CRL", func(t *testing.T) (*world, *x509.Certificate) {
			w, ee := deltaWorld(none, none, nil)(t)
			w.lists = w.lists[:2]
			return w, ee
		}, unknown},
		{"4.15.2 listed in neither", deltaWorld(none, none, nil), good},
		{"4.15.3 listed in the complete CRL", deltaWorld(1, none, nil), gone},
		{"4.15.4 listed in the delta", deltaWorld(none, 1, nil), gone},
		{"4.15.5 on hold in the complete CRL, removed by the delta", deltaWorld(hold, remove, nil), good},
		{"4.15.6 on hold in the complete CRL, revoked by the delta", deltaWorld(hold, 1, nil), gone},
		{"4.15.7 not in the complete CRL, removed by the delta", deltaWorld(none, remove, nil), good},
		{"4.15.8 the complete CRL is older than the delta's base and still valid", deltaWorld(none, 1, tooNew), good},
		{"4.15.9 the same, listed in the complete CRL", deltaWorld(1, remove, tooNew), gone},
		{"4.15.10 the same, the complete CRL is past its time", deltaWorld(none, none, func(b, d *list) { tooNew(b, d); b.next = past }), unknown},
		{"a complete CRL past its time with a current delta", deltaWorld(none, none, func(b, _ *list) { b.next = past }), good},
		{"without deltas, the delta's entry does not count", withoutDeltas(deltaWorld(none, 1, nil)), good},
		{"without deltas, the delta removes nothing", withoutDeltas(deltaWorld(hold, remove, nil)), gone},
		{"a delta past its time", deltaWorld(hold, remove, func(_, d *list) { d.next = past }), gone},
		{"a delta with a bad signature", deltaWorld(hold, remove, func(_, d *list) { d.broken = true }), gone},
		{"a delta that is no newer", deltaWorld(hold, remove, func(_, d *list) { d.number = 3 }), gone},
		{"a delta without a number", deltaWorld(hold, remove, func(_, d *list) { d.number = 0 }), gone},
		{"a complete CRL without a number", deltaWorld(hold, remove, func(b, _ *list) { b.number = 0 }), gone},
		{"a delta of another scope", deltaWorld(hold, remove, func(_, d *list) { d.idp = onlyUser }), gone},
		{"a delta that names another key", deltaWorld(hold, remove, func(_, d *list) { d.keyID = "other" }), gone},
		{"a delta with an unknown critical extension", deltaWorld(hold, remove, func(_, d *list) {
			d.extensions = [][]byte{ext(99, true, raw("0500"))}
		}), gone},
		{"both of one scope", deltaWorld(hold, remove, func(b, d *list) { b.idp, d.idp = onlyUser, onlyUser }), good},
	})
}

func TestTheNewestDeltaIsApplied(t *testing.T) {
	w, ee := deltaWorld(6, 8, nil)(t)
	newer := list{issuer: "CA", file: "newer delta", number: 6, base: 2, entries: [][]byte{revoked(ee, 1)}}
	w.lists = append(w.lists, newer)
	r := w.judge(ee)[0]
	if r.Status != revocation.Revoked || r.Entry.Reason != revocation.KeyCompromise || r.Used[0].Delta.Name != "newer delta" {
		t.Errorf("got %s %+v", r.Status, r.Entry)
	}
}
