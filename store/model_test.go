package store

import (
	"maps"
	"slices"

	"github.com/vetopki/veto/revocation"
)

// crlModel is what a CRL says: a plain map.
type crlModel struct {
	number, base int // base is 0 in a complete CRL
	entries      map[string]revocation.Entry
}

// newModel reads records as a CRL is read: of a serial that is listed twice the earliest dates and the strongest reason count, and a removal
// counts only where nothing else is said.
func newModel(number, base int, records []revocation.Record) *crlModel {
	m := &crlModel{number, base, map[string]revocation.Entry{}}
	for _, r := range records {
		e := entryOf(&r)
		have, twice := m.entries[string(r.Serial)]
		switch {
		case !twice, have.Reason == revocation.RemoveFromCRL && e.Reason != revocation.RemoveFromCRL:
			m.entries[string(r.Serial)] = e
		case have.Reason != revocation.RemoveFromCRL && e.Reason == revocation.RemoveFromCRL:
		default:
			m.entries[string(r.Serial)] = mergeEntries(have, e)
		}
	}
	return m
}

func entryOf(r *revocation.Record) revocation.Entry {
	p := packed{revoked: packDate(r.RevokedAt), invalidity: noDate, flags: byte(r.Reason)}
	if r.HasInvalidity {
		p.invalidity = packDate(r.InvalidityDate)
	}
	return p.entry()
}

// pairModel is a complete CRL and the delta CRL for it, each nil when it is not held.
type pairModel struct{ complete, delta *crlModel }

// answer is what the two say of a serial: the findings there should be, and the CRLs missing.
type modelAnswer struct {
	findings, missing int
	listed, applied   bool
	lifted            bool // by the delta, while that counts
	entry             revocation.Entry
}

// of is RFC 5280 §5.2.4 said plainly.
func (p pairModel) of(serial string) (a modelAnswer) {
	var d revocation.Entry
	inDelta := false
	if p.delta != nil {
		d, inDelta = p.delta.entries[serial]
	}
	removed := inDelta && d.Reason == revocation.RemoveFromCRL
	if p.complete == nil {
		if a.missing = 1; inDelta && !removed {
			a.findings, a.listed, a.entry = 1, true, d
		}
		return a
	}
	a.findings = 1
	a.entry, a.listed = p.complete.entries[serial]
	if p.delta == nil || p.complete.number >= p.delta.number { // the complete CRL says it all
		return a
	}
	a.applied = p.complete.number >= p.delta.base
	switch {
	case !inDelta:
	case a.applied && removed:
		a.lifted, a.listed = a.listed, false
	case !removed && (a.applied || !a.listed):
		a.entry, a.listed = d, true
	}
	return a
}

// replaced is the complete CRL that is in force when next comes in its place, with the guard or without; newly is how many serials that
// retains.
func (m *crlModel) replaced(next *crlModel, guard bool, percent float64) (newly int) {
	if m == nil {
		return 0
	}
	var dropped, inForce int
	for serial, e := range m.entries {
		if e.Retained {
			continue
		}
		inForce++
		if _, again := next.entries[serial]; !again {
			dropped++
		}
	}
	keep := guard && dropped > 100 && float64(dropped) > percent/100*float64(inForce)
	for serial, e := range m.entries {
		if _, again := next.entries[serial]; again || !keep && !e.Retained {
			continue
		}
		if !e.Retained {
			newly++
		}
		e.Retained = true
		next.entries[serial] = e
	}
	return newly
}

func (m *crlModel) retained() (n int) {
	if m == nil {
		return 0
	}
	for _, e := range m.entries {
		if e.Retained {
			n++
		}
	}
	return n
}

// serials are all that the two mention.
func (p pairModel) serials() []string {
	all := map[string]bool{}
	for _, m := range []*crlModel{p.complete, p.delta} {
		if m != nil {
			for serial := range m.entries {
				all[serial] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(all), compareSerials)
}

// differs compares what a store knows of a serial of issuer A with the model.
func (p pairModel) differs(s *Store, serial string) (want modelAnswer, got modelAnswer) {
	ev := evidence(s, issuerA, serial)
	got = modelAnswer{findings: len(ev.CRLs), missing: ev.MissingCRL}
	for _, c := range ev.CRLs {
		got.listed, got.lifted, got.entry, got.applied = c.Listed, c.Lifted, c.Entry, c.Delta != nil
	}
	return p.of(serial), got
}
