package store

import (
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/revocation"
)

// pairTest drives a store and a model of it side by side: one complete CRL and its delta CRL, the shrink guard and what administrators say
// of it.
type pairTest struct {
	rt     *rapid.T
	s      *Store
	m      pairModel
	number int // the highest so far
	alarm  bool
	audits int
}

// pool is a serial of which there are enough that a CRL can drop more than a hundred at once.
func pool(i int) string { return string([]byte{0x10, byte(i >> 8), byte(i)}) }

const poolSize = 320

// Whatever complete and delta CRLs come, in whatever order, whatever the guard retains and administrators accept or keep, however often the
// store is opened anew: it knows what plain maps know, and each change names every serial whose answer it changes.
func TestTheStoreKnowsOfDeltasAndRetainedWhatMapsKnow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "veto-property-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		p := &pairTest{rt: rt}
		p.open(dir)
		defer func() { p.s.Close() }()
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"complete", "complete", "complete", "delta", "delta", "accept", "keep", "open"}).Draw(rt, "step") {
			case "complete":
				p.swapComplete()
			case "delta":
				p.swapDelta()
			case "accept":
				p.accept()
			case "keep":
				p.keepRetained()
			case "open":
				if err := p.s.Close(); err != nil {
					rt.Fatal(err)
				}
				p.open(dir)
			}
			p.check()
		}
	})
}

func (p *pairTest) open(dir string) {
	s, err := Open(dir, Options{})
	if err != nil {
		p.rt.Fatal(err)
	}
	s.SetScopes(withDelta)
	p.s = s
}

// records are a range of the pool and some serials more, in no order.
func (p *pairTest) records(most int, reasons ...revocation.Reason) (list []revocation.Record) {
	from, n := rapid.IntRange(0, poolSize).Draw(p.rt, "from"), rapid.IntRange(0, most).Draw(p.rt, "serials")
	common := rapid.SampledFrom(reasons).Draw(p.rt, "reason of most")
	for i := from; i < min(from+n, poolSize); i++ {
		list = append(list, record(pool(i), common, day))
	}
	for range rapid.IntRange(0, 8).Draw(p.rt, "more") {
		r := record(pool(rapid.IntRange(0, poolSize).Draw(p.rt, "serial")), rapid.SampledFrom(reasons).Draw(p.rt, "reason"),
			day.AddDate(0, 0, rapid.IntRange(-2, 2).Draw(p.rt, "date")))
		if r.HasInvalidity = rapid.Bool().Draw(p.rt, "invalidity"); r.HasInvalidity {
			r.InvalidityDate = day.Unix()
		}
		list = append(list, r)
	}
	return list
}

// swap puts a CRL in force and compares what changes with what the change says.
func (p *pairTest) swap(info *revocation.CRLInfo, o CommitOptions, records []revocation.Record, next pairModel) revocation.CRLChange {
	change, err := tryPutGuarded(p.s, info, o, records...)
	if err != nil {
		p.rt.Fatal(err)
	}
	p.names(change, next)
	p.m = next
	return change
}

// names sees that a change names every serial whose answer differs after it.
func (p *pairTest) names(change revocation.CRLChange, next pairModel) {
	for _, serial := range append(p.m.serials(), next.serials()...) {
		before, after := p.m.of(serial), next.of(serial)
		if (before.listed != after.listed || before.entry != after.entry) && !change.Everything && !slices.Contains(change.Serials, revocation.Serial(serial)) {
			p.rt.Fatalf("%x: listed %v as %+v before, %v as %+v after, and not named by the change", serial, before.listed, before.entry, after.listed, after.entry)
		}
	}
}

func (p *pairTest) swapComplete() {
	p.number++
	records := p.records(poolSize, 1, 4, 6, 8)
	o := CommitOptions{Guard: rapid.Bool().Draw(p.rt, "guard"), MaxShrink: rapid.SampledFrom([]float64{0, 20, 50, 100}).Draw(p.rt, "percent")}
	next := newModel(p.number, 0, records)
	newly := p.m.complete.replaced(next, o.Guard, o.MaxShrink)
	change := p.swap(infoOf(issuerA, scopeA, p.number, len(records)), o, records, pairModel{next, p.m.delta})
	if change.Retained != newly || change.New.Retained != next.retained() {
		p.rt.Fatalf("%d retained, %d in all; want %d and %d", change.Retained, change.New.Retained, newly, next.retained())
	}
	p.alarm = newly > 0 || p.alarm && next.retained() > 0
}

func (p *pairTest) swapDelta() {
	p.number += rapid.IntRange(0, 2).Draw(p.rt, "step of the number")
	base := max(1, p.number-rapid.IntRange(0, 3).Draw(p.rt, "base below it"))
	records := p.records(40, 1, 6, 8)
	p.swap(deltaOf(issuerA, scopeD, p.number, base, len(records)), CommitOptions{Guard: true}, records,
		pairModel{p.m.complete, newModel(p.number, base, records)})
}

func (p *pairTest) accept() {
	change, err := p.s.DropRetained(scopeA, "alice", "", day)
	n := p.m.complete.retained()
	if (err == nil) != (n > 0) || err == nil && change.Removed != n {
		p.rt.Fatalf("accepted %d of %d, %v", change.Removed, n, err)
	}
	if err != nil {
		return
	}
	next := pairModel{&crlModel{p.m.complete.number, 0, map[string]revocation.Entry{}}, p.m.delta}
	for serial, e := range p.m.complete.entries {
		if !e.Retained {
			next.complete.entries[serial] = e
		}
	}
	p.names(change, next)
	p.m, p.alarm = next, false
	p.audits++
}

func (p *pairTest) keepRetained() {
	if err := p.s.KeepRetained(scopeA, "alice", "", day); (err == nil) != (p.m.complete.retained() > 0) {
		p.rt.Fatalf("keeping %d: %v", p.m.complete.retained(), err)
	} else if err == nil {
		p.alarm = false
		p.audits++
	}
}

func (p *pairTest) check() {
	var listed []string
	for i := range poolSize + 1 {
		want, got := p.m.differs(p.s, pool(i))
		if want != got {
			p.rt.Fatalf("%x: %+v, want %+v", pool(i), got, want)
		}
		if want.listed {
			listed = append(listed, pool(i))
		}
	}
	rows, err := p.s.Revocations(issuerA, "", 2*poolSize)
	if err != nil || !slices.EqualFunc(rows, listed, func(row revocation.Listing, serial string) bool {
		return string(row.Serial) == serial && row.Entry == p.m.of(serial).entry
	}) {
		p.rt.Fatalf("%d rows are listed, want %d, %v", len(rows), len(listed), err)
	}
	n, _, err := p.s.VerifyAudit(p.rt.Context())
	if err != nil || int(n) != p.audits || p.s.RetainedAlarm(scopeA) != p.alarm {
		p.rt.Fatalf("%d audit entries, alarm %v, want %d and %v, %v", n, p.s.RetainedAlarm(scopeA), p.audits, p.alarm, err)
	}
}

// FuzzDelta: whatever a complete and a delta CRL list, and whatever their numbers, the evidence is that of the model.
func FuzzDelta(f *testing.F) {
	f.Add([]byte{10, 11, 10, 0, 0, 1, 6, 0, 1, 1, 8, 1, 1, 2, 1, 2})
	f.Add([]byte{10, 13, 12, 1, 0, 1, 6, 0, 1, 1, 8, 1})
	f.Add([]byte{12, 11, 10, 2, 0, 1, 6, 0, 1, 1, 6, 1, 1, 1, 8, 0})
	s := open(f, directoryInMemory(f))
	s.SetScopes(withDelta)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 4 {
			return
		}
		complete, delta, base, order := 1+int(data[0]), 1+int(data[1]), 1+int(data[2]), data[3]
		var lists [2][]revocation.Record
		for data = data[4:]; len(data) >= 4 && len(lists[0])+len(lists[1]) < 2000; data = data[4:] {
			reason := revocation.Reason(data[2] % 11)
			if !reason.Valid() {
				reason = revocation.Unspecified
			}
			r := record(string([]byte{data[1] & 0x7f}), reason, day.AddDate(0, 0, int(data[3]%8)))
			if r.HasInvalidity = data[3] >= 0x80; r.HasInvalidity {
				r.InvalidityDate = day.AddDate(0, 0, -int(data[3]%8)).Unix()
			}
			lists[data[0]%2] = append(lists[data[0]%2], r)
		}
		commits := []func(){
			func() { put(t, s, issuerA, scopeA, complete, lists[0]...) },
			func() { putDelta(t, s, scopeD, delta, base, lists[1]...) },
		}
		commits[order%2]()
		commits[1-order%2]()
		m := pairModel{newModel(complete, 0, lists[0]), newModel(delta, base, lists[1])}
		for serial := range byte(0x80) {
			if want, got := m.differs(s, string([]byte{serial})); want != got {
				t.Fatalf("%02x: %+v, want %+v", serial, got, want)
			}
		}
	})
}

// directoryInMemory is a directory that no sync waits for, where the system has one: what is tested there is not the disk.
func directoryInMemory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "veto-fuzz-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
