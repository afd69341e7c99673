package main

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/snapshot"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
)

// mirrored tells mirrors what they need to answer as the judge does; it implements api.Mirrored.
type mirrored struct {
	judge     *judge
	directory *directory
	last      atomic.Pointer[known] // when something was pinned last: most changes leave it as it is

	mu      sync.Mutex    // guards changed
	changed chan struct{} // closed by configured
}

func newMirrored(j *judge, d *directory) *mirrored {
	return &mirrored{judge: j, directory: d, changed: make(chan struct{})}
}

// configured tells those who wait that another configuration is in force.
func (m *mirrored) configured() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.changed)
	m.changed = make(chan struct{})
}

// StateChanged implements api.Mirrored.
func (m *mirrored) StateChanged() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

// pinned is what is known at a moment under one configuration. It implements api.Pinned.
type pinned struct {
	store.Pinned
	*known
}

// known is what does not change with every change of the generation. It keeps no CRL mapped.
type known struct {
	crls     uint64 // of which CRLs in force, see store.Pinned
	settings *map[revocation.IssuerID]settings
	table    *issuerTable
	sections []section
	state    *api.MirrorState
}

// section is one issuer of a snapshot: keys of a CA for which the same CRLs are held.
type section struct {
	name string
	ids  []revocation.IssuerID
}

// Pin implements api.Mirrored.
func (m *mirrored) Pin() api.Pinned { return m.pin() }

// Epoch implements api.Mirrored.
func (m *mirrored) Epoch() string { return m.judge.store.Epoch() }

// Continues implements api.Mirrored.
func (m *mirrored) Continues(epoch string, generation uint64) bool {
	return m.judge.store.Continues(epoch, generation)
}

// State implements api.Mirrored.
func (m *mirrored) State() *api.MirrorState { return m.pin().state }

func (m *mirrored) pin() *pinned {
	p := &pinned{known: &known{settings: m.judge.settings.Load(), table: m.directory.table.Load()}, Pinned: m.judge.store.Pin()}
	p.crls = p.CRLs()
	if l := m.last.Load(); l != nil && l.settings == p.settings && l.table == p.table && l.crls == p.crls {
		p.known = l
		return p
	}
	p.state = &api.MirrorState{Epoch: m.Epoch(), Issuers: []snapshot.Issuer{}}
	for i := range p.table.issuers {
		p.addSections(&p.table.issuers[i])
	}
	m.last.Store(p.known)
	return p
}

// addSections parts the keys of an issuer by what is held for them. A key that the judge does not know yet has none: nothing is good by it.
func (p *pinned) addSections(k *knownIssuer) {
	from := len(p.sections)
	for _, key := range k.keys {
		if _, known := (*p.settings)[key.ID]; !known {
			continue
		}
		same := slices.IndexFunc(p.sections[from:], func(s section) bool { return p.Alike(s.ids[0], key.ID) })
		if same < 0 {
			p.sections = append(p.sections, section{name: k.Name, ids: []revocation.IssuerID{key.ID}})
		} else {
			p.sections[from+same].ids = append(p.sections[from+same].ids, key.ID)
		}
	}
	for _, s := range p.sections[from:] {
		set := (*p.settings)[s.ids[0]]
		ev := set.evidence(nil)
		p.state.Generation = max(p.state.Generation, p.Silence(s.ids[0], &ev))
		p.askInstead(&ev, &set)
		issuer := snapshot.SilenceOf(s.name, s.ids, &ev)
		issuer.Serials = p.Lengths(s.ids[0])
		p.state.Issuers = append(p.state.Issuers, issuer)
	}
}

// askInstead has mirrors ask the server where more than CRLs and administrators has a say: the inventories of the CA's keys, or its own
// responder.
func (p *pinned) askInstead(ev *revocation.Evidence, set *settings) {
	for _, key := range set.others {
		var of revocation.Evidence
		p.Silence(key, &of)
		if of.Inventory != revocation.InventoryOff {
			ev.Inventory = of.Inventory
		}
		ev.Upstream = cmp.Or(ev.Upstream, of.Upstream)
	}
	if set.needsList {
		ev.Inventory = revocation.Issued
	}
	if set.asksUpstream && ev.Upstream == nil {
		ev.Upstream = &revocation.UpstreamFinding{}
	}
}

// State implements api.Pinned.
func (p *pinned) State() *api.MirrorState { return p.state }

// Listed implements api.Pinned.
func (p *pinned) Listed(n int, yield func(serial string, e snapshot.Entry) error) error {
	s, now := &p.sections[n], time.Now()
	set := (*p.settings)[s.ids[0]]
	ev := set.evidence(nil)
	ids := append(slices.Clone(s.ids[:1]), set.others...) // what an administrator says counts for all keys of the CA
	return p.Pinned.Listed(ids, &ev, func(serial string) error {
		e, some := mirrorEntry(&ev, now)
		if !some {
			return nil
		}
		return yield(serial, e)
	})
}

// mirrorEntry is what a mirror keeps of a serial with some evidence; nothing of one that is treated like any other.
func mirrorEntry(ev *revocation.Evidence, now time.Time) (e snapshot.Entry, some bool) {
	lifted := false
	for i := range ev.CRLs {
		lifted = lifted || ev.CRLs[i].Lifted
		ev.CRLs[i].Lifted = false // what else revokes it counts whatever becomes of the delta CRL
	}
	st := revocation.Decide(ev, now)
	if st.Status == revocation.Revoked {
		return snapshot.Entry{RevokedAt: st.RevokedAt, Reason: st.Reason, Because: st.Because}, true
	}
	return snapshot.Entry{Unsure: true, Because: revocation.BecauseCRL}, lifted
}

// Entries implements api.Mirrored. It is nil when not all of the issuers are one section: then a mirror reads a snapshot.
func (m *mirrored) Entries(issuerIDs, serials []string) []api.EntryObject {
	issuer, ok := m.pin().sectionOf(issuerIDs)
	if !ok {
		return nil
	}
	set := (*m.judge.settings.Load())[issuer]
	now, entries := time.Now(), make([]api.EntryObject, len(serials))
	for i, text := range serials {
		serial, err := revocation.ParseSerial(text)
		if err != nil {
			return nil
		}
		ev := m.judge.collect(issuer, serial, &set)
		e, some := mirrorEntry(ev, now)
		m.judge.forget(ev)
		if some {
			entries[i] = api.EntryObject{Revoked: !e.Unsure, Unsure: e.Unsure, Because: string(e.Because)}
		}
		if some && !e.Unsure {
			entries[i].Reason, entries[i].RevokedAt = e.Reason.String(), e.RevokedAt
		}
	}
	return entries
}

// sectionOf finds the one section that all issuers that are configured belong to.
func (p *pinned) sectionOf(issuerIDs []string) (first revocation.IssuerID, ok bool) {
	found := -1
	for _, text := range issuerIDs {
		id, err := revocation.ParseIssuerID(text)
		if err != nil {
			return first, false
		}
		n := slices.IndexFunc(p.sections, func(s section) bool { return slices.Contains(s.ids, id) })
		switch {
		case n < 0:
		case found < 0:
			found, first = n, id
		case n != found:
			return first, false
		}
	}
	return first, found >= 0
}
