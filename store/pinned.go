package store

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/vetopki/veto/revocation"
)

// Pinned is what the store holds at a moment: its CRLs do not change while it is read. Administrators' records that come later may show.
type Pinned struct {
	generation uint64
	view       *view
}

// Pin takes what is held now.
func (s *Store) Pin() Pinned {
	g := s.generation.Load() // before the view: what was published with it is then seen
	return Pinned{g, s.view.Load()}
}

// Generation is one up to which every change is in what was pinned; some of a later one may be.
func (p Pinned) Generation() uint64 { return p.generation }

// CRLs is a number that is another one when other CRLs are in force, for other issuers. Unlike what is pinned, it keeps no file mapped.
func (p Pinned) CRLs() uint64 { return p.view.number }

// Silence fills in what is known of a serial that nothing lists, as [Store.Evidence] would, and reports the generation of the latest
// change it shows anything of.
func (p Pinned) Silence(issuer revocation.IssuerID, ev *revocation.Evidence) (latest uint64) {
	ev.Generation, latest = p.generation, p.generation
	ev.CRLs, ev.MissingCRL, ev.Admin = ev.CRLs[:0], 0, nil
	v := p.view.issuers[issuer]
	if v == nil {
		return latest
	}
	ev.MissingCRL = v.missing
	if v.inventory != nil {
		ev.Inventory = revocation.Issued // of some serials, and not of others
	}
	if v.upstream != nil {
		ev.Upstream = &revocation.UpstreamFinding{} // of some serials
	}
	for i := range v.held {
		c := &v.held[i]
		latest = max(latest, c.since())
		if c.complete == nil {
			continue
		}
		info := c.complete.info
		f := revocation.CRLFinding{Info: info, Covers: info.Coverage()}
		doubt := c.blind || c.complete.damaged.Load()
		if c.delta != nil {
			c.delta.apply(&f, &revocation.DeltaFinding{Info: c.delta.info})
			doubt = doubt || c.delta.damaged.Load() && revocation.FitOf(info, c.delta.info) != revocation.DeltaObsolete
		}
		if doubt {
			ev.MissingCRL++
		} else {
			ev.CRLs = append(ev.CRLs, f)
		}
	}
	return latest
}

// since is the generation of the store at which the newer of the two came into force, 0 when that was before this process began.
func (c *consulted) since() (n uint64) {
	for _, g := range [...]*generation{c.complete, c.delta} {
		if g != nil {
			n = max(n, g.since.Load())
		}
	}
	return n
}

// Alike says whether the same CRLs are held for two issuers, as for the keys of one CA.
func (p Pinned) Alike(a, b revocation.IssuerID) bool {
	va, vb := p.view.issuers[a], p.view.issuers[b]
	if va == nil || vb == nil {
		return va == vb || va.silent() && vb.silent()
	}
	return va.missing == vb.missing && slices.Equal(va.held, vb.held)
}

func (v *issuerView) silent() bool { return v == nil || v.missing == 0 && len(v.held) == 0 }

// Listed calls yield, in serial order, with the evidence of every serial that a CRL lists, lists in one part and lifts in another, or an
// administrator has a record of. issuers are keys of one CA for which [Pinned.Alike] holds; of their records the strongest is Admin.
// The other fields of ev are the caller's and stay. serial and ev are valid during the call.
//
// It holds no lock and a fixed amount of memory, beside 24 octets for each administrator's record. An error is that of yield, or says that a
// CRL could not be read: then what was yielded is not everything.
func (p Pinned) Listed(issuers []revocation.IssuerID, ev *revocation.Evidence, yield func(serial string) error) error {
	var records []*serialNode[revocation.AdminRecord]
	for _, id := range issuers {
		if v := p.view.issuers[id]; v != nil && v.admin != nil {
			records = v.admin.appendAll(records)
		}
	}
	slices.SortFunc(records, func(a, b *serialNode[revocation.AdminRecord]) int {
		return compareSerials(string(a.serial), string(b.serial))
	})
	ev.Generation = p.generation
	var held []consulted
	if v := p.view.issuers[issuers[0]]; v != nil {
		held = v.held
	}
	err := guarded(func() error { return mergeListed(held, records, ev, yield) })
	runtime.KeepAlive(p.view)
	if err != nil {
		return fmt.Errorf("reading what is revoked: %w", err)
	}
	return nil
}

// mergeListed merges records with the entries of every CRL held.
func mergeListed(held []consulted, records []*serialNode[revocation.AdminRecord], ev *revocation.Evidence, yield func(serial string) error) error {
	var crls []*listing
	for i := range held {
		crls = append(crls, held[i].listAfter(""))
	}
	var own [revocation.MaxSerialOctets]byte
	for {
		lowest, ok := lowestSerial(crls, nil)
		if len(records) > 0 && (!ok || compareSerials(string(records[0].serial), lowest) < 0) {
			lowest, ok = string(records[0].serial), true
		}
		if !ok {
			return nil
		}
		serial := string(own[:copy(own[:], lowest)]) // a page of the file may be given back while it is used
		ev.CRLs, ev.Admin = ev.CRLs[:0], nil
		for _, l := range crls {
			l.finding(serial, ev)
		}
		for len(records) > 0 && string(records[0].serial) == serial {
			ev.Admin = revocation.Strongest(ev.Admin, records[0].value)
			records = records[1:]
		}
		if err := yield(serial); err != nil {
			return err
		}
	}
}

// finding adds what the two say together of a serial, as [Store.Evidence] has it. None before it is left.
func (l *listing) finding(serial string, ev *revocation.Evidence) {
	d := revocation.DeltaFinding{}
	if l.delta != nil {
		d.Info = l.of.delta.info
		d.Entry, d.Listed = pass(l.delta, serial)
	}
	if l.complete == nil {
		if d.Listed && d.Entry.Reason != revocation.RemoveFromCRL {
			ev.CRLs = append(ev.CRLs, revocation.CRLFinding{Info: d.Info, Entry: d.Entry, Listed: true})
		}
		return
	}
	f := revocation.CRLFinding{Info: l.of.complete.info, Covers: l.of.complete.info.Coverage()}
	f.Entry, f.Listed = pass(l.complete, serial)
	if l.delta != nil {
		l.of.delta.apply(&f, &d)
	}
	ev.CRLs = append(ev.CRLs, f)
}

// appendAll appends the nodes of a table as they are now.
func (t *serialTable[V]) appendAll(list []*serialNode[V]) []*serialNode[V] {
	slots := *t.slots.Load()
	for i := range slots {
		for n := slots[i].Load(); n != nil; n = n.next {
			list = append(list, n)
		}
	}
	return list
}

// Lengths counts the serials that the CRLs of an issuer list by their length in octets. What several list is counted for each.
func (p Pinned) Lengths(issuer revocation.IssuerID) map[int]int {
	counts := map[int]int{}
	v := p.view.issuers[issuer]
	if v == nil {
		return counts
	}
	for i := range v.held {
		for _, g := range [...]*generation{v.held[i].complete, v.held[i].delta} {
			if g == nil {
				continue
			}
			for length, grp := range g.groups {
				if grp != nil {
					for n := range grp.blocks {
						counts[length] += int(grp.blocks[n].count)
					}
				}
			}
		}
	}
	return counts
}
