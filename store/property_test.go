package store

import (
	"maps"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/revocation"
)

// model is what a store should know: plain maps.
type model struct {
	crl   map[revocation.ScopeID]map[string]revocation.Entry
	admin map[string]revocation.Entry
}

// serials are drawn from few enough values that they meet again, of several lengths, near and far apart.
var serials = rapid.Custom(func(t *rapid.T) string {
	b := rapid.SliceOfN(rapid.SampledFrom([]byte{0x01, 0x02, 0x10, 0x7f}), 1, 4).Draw(t, "octets")
	if rapid.Bool().Draw(t, "long") {
		b = append([]byte{0x42, 0, 0, 0, 0, 0, 0, 0, 0}, b...)
	}
	return string(b)
})

func drawRecord(t *rapid.T) revocation.Record {
	rec := revocation.Record{Serial: []byte(serials.Draw(t, "serial")), RevokedAt: rapid.Int64Range(dateEpoch, dateEnd-1).Draw(t, "date"),
		Reason: rapid.SampledFrom([]revocation.Reason{0, 1, 4, 6, 9}).Draw(t, "reason")}
	if rec.HasInvalidity = rapid.Bool().Draw(t, "invalidity"); rec.HasInvalidity {
		rec.InvalidityDate = rapid.Int64Range(dateEpoch, dateEnd-1).Draw(t, "invalidity date")
	}
	return rec
}

// Whatever CRLs and changes come, in whatever order, and however often the store is opened anew: it knows what plain maps know.
func TestTheStoreKnowsWhatMapsKnow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "veto-property-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s, err := Open(dir, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { s.Close() }()
		m := model{crl: map[revocation.ScopeID]map[string]revocation.Entry{}, admin: map[string]revocation.Entry{}}
		for number := range rapid.IntRange(1, 4).Draw(rt, "steps") {
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0, 1, 2:
				m.swap(rt, s, rapid.SampledFrom([]revocation.ScopeID{scopeA, scopeA2}).Draw(rt, "scope"), number+1)
			case 3:
				serial := serials.Draw(rt, "revoke")
				if r, _, _, err := s.Revoke(issuerA, revocation.Serial(serial), adminRecord(revocation.KeyCompromise)); err != nil {
					rt.Fatal(err)
				} else {
					m.admin[serial] = r.Entry
				}
			case 4:
				if err := s.Close(); err != nil {
					rt.Fatal(err)
				}
				if s, err = Open(dir, Options{}); err != nil {
					rt.Fatal(err)
				}
			}
			m.check(rt, s)
		}
	})
}

// swap puts a CRL in force and checks the change against the difference of two maps.
func (m *model) swap(rt *rapid.T, s *Store, scope revocation.ScopeID, number int) {
	records := rapid.SliceOfN(rapid.Custom(drawRecord), 0, 100).Draw(rt, "records")
	next := map[string]revocation.Entry{}
	for _, r := range records {
		p := packed{revoked: packDate(r.RevokedAt), invalidity: noDate, flags: byte(r.Reason)}
		if r.HasInvalidity {
			p.invalidity = packDate(r.InvalidityDate)
		}
		e := p.entry()
		if have, twice := next[string(r.Serial)]; twice {
			e = mergeEntries(have, e)
		}
		next[string(r.Serial)] = e
	}
	change, err := tryPut(s, infoOf(issuerA, scope, number, len(records)), records...)
	if err != nil {
		rt.Fatal(err)
	}
	differ := map[string]bool{}
	for serial, e := range next {
		if have, ok := m.crl[scope][serial]; !ok || have != e {
			differ[serial] = true
		}
	}
	for serial := range m.crl[scope] {
		if _, ok := next[serial]; !ok {
			differ[serial] = true
		}
	}
	want := slices.SortedFunc(maps.Keys(differ), compareSerials)
	if !slices.EqualFunc(want, change.Serials, func(a string, b revocation.Serial) bool { return a == string(b) }) {
		rt.Fatalf("the change names %x, want %x", change.Serials, want)
	}
	if change.Added+change.Removed+change.Changed != len(want) || len(m.crl[scope])+change.Added-change.Removed != len(next) {
		rt.Fatalf("the change counts %d added, %d removed, %d changed", change.Added, change.Removed, change.Changed)
	}
	m.crl[scope] = next
}

// mergeEntries is the rule for a serial listed twice, said plainly.
func mergeEntries(a, b revocation.Entry) revocation.Entry {
	strength := func(r revocation.Reason) int {
		switch r {
		case revocation.KeyCompromise:
			return 3
		case revocation.CertificateHold:
			return 1
		}
		return 2
	}
	e := a
	if sa, sb := strength(a.Reason), strength(b.Reason); sb > sa || sb == sa && b.Reason < a.Reason {
		e.Reason = b.Reason
	}
	if b.RevokedAt.Before(a.RevokedAt) {
		e.RevokedAt = b.RevokedAt
	}
	if a.InvalidityDate.IsZero() || !b.InvalidityDate.IsZero() && b.InvalidityDate.Before(a.InvalidityDate) {
		e.InvalidityDate = b.InvalidityDate
	}
	return e
}

func (m *model) check(rt *rapid.T, s *Store) {
	ask := map[string]bool{"\x05": true}
	for _, crl := range m.crl {
		for serial := range crl {
			ask[serial] = true
		}
	}
	for serial := range m.admin {
		ask[serial] = true
	}
	for range 20 {
		ask[serials.Draw(rt, "ask")] = true
	}
	for serial := range ask {
		ev := evidence(s, issuerA, serial)
		if len(ev.CRLs) != len(m.crl) {
			rt.Fatalf("%d CRLs consulted, want %d", len(ev.CRLs), len(m.crl))
		}
		for _, c := range ev.CRLs {
			if want, ok := m.crl[c.Info.Scope][serial]; ok != c.Listed || ok && want != c.Entry {
				rt.Fatalf("%x: listed %v as %+v, want %v as %+v", serial, c.Listed, c.Entry, ok, want)
			}
		}
		want, revoked := m.admin[serial]
		if revoked != ev.Admin.Stands() || revoked && ev.Admin.Entry != want {
			rt.Fatalf("%x: admin record %+v, want %+v", serial, ev.Admin, want)
		}
	}
}

// The order of the files is the order of sort.Slice on serials, whatever the records are.
func FuzzSortRecords(f *testing.F) {
	f.Add([]byte("the quick brown fox jumps over the lazy dog"), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, key uint8) {
		stride := entryOctets(int(key)%(serialSlots-1)+1, false)
		data = data[:len(data)/stride*stride]
		var want []string
		for i := 0; i < len(data); i += stride {
			want = append(want, string(data[i:i+stride-wordOctets]))
		}
		slices.Sort(want)
		sortRecords(data, stride, stride-wordOctets)
		for i, w := range want {
			if got := string(data[i*stride : i*stride+len(w)]); got != w {
				t.Fatalf("record %d is %x, want %x", i, got, w)
			}
		}
	})
}

// An administrative record that can be read is written back as it was meant, and none makes the decoder fail in another way than an
// error.
func FuzzDecodeRecord(f *testing.F) {
	r := adminRecord(revocation.CertificateHold)
	f.Add(encodeRecord(&r))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data)
		if err != nil {
			return
		}
		again, err := decodeRecord(encodeRecord(r))
		if err != nil || *again != *r {
			t.Fatalf("%+v was read back as %+v, %v", r, again, err)
		}
	})
}
