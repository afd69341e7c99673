package store

import (
	"runtime"

	"github.com/vetopki/veto/revocation"
)

// Evidence fills in what the store knows of a serial: CRLs (one finding for each complete CRL held, its delta CRL applied), MissingCRL,
// Admin, Inventory, Upstream (a revocation) and Generation. The other fields are left as they are. It takes no lock, and allocates nothing when ev.CRLs has room:
// reuse ev.
//
// The answer holds at least every change up to Generation. A scope whose file turns out to be damaged where the serial would be
// counts as missing: damage is never evidence that a serial is good. So does one that fell back to the generation before, for the
// serials that does not list. A delta CRL that was never fetched is not missed, since the complete CRL was signed to hold alone; one
// whose complete CRL is not held is a finding, without coverage, for the serials it revokes. Admin and
// Upstream must not be changed.
func (s *Store) Evidence(issuer revocation.IssuerID, serial revocation.Serial, ev *revocation.Evidence) {
	ev.Generation = s.generation.Load() // before the view: what was published with it is then seen
	ev.CRLs, ev.MissingCRL, ev.Admin = ev.CRLs[:0], 0, nil
	ev.Inventory, ev.Upstream = revocation.InventoryOff, nil
	v := s.view.Load().issuers[issuer]
	if v == nil {
		return
	}
	ev.MissingCRL = v.missing
	ev.Inventory, ev.Upstream = v.inventory.finding(serial), v.upstream.get(serial)
	if v.admin != nil {
		ev.Admin = v.admin.get(serial)
	}
	for i := range v.held {
		c := &v.held[i]
		if c.complete == nil {
			c.delta.onlyRevoke(string(serial), ev)
			continue
		}
		info := c.complete.info
		ev.CRLs = append(ev.CRLs, revocation.CRLFinding{Info: info, Covers: info.Coverage()})
		finding := &ev.CRLs[len(ev.CRLs)-1]
		found := c.complete.find(string(serial), &finding.Entry)
		finding.Listed = found == listed
		doubt := c.blind || found == unreadable
		if c.delta != nil && !c.delta.putOn(finding, string(serial)) {
			doubt = true
		}
		if doubt && !finding.Listed {
			ev.CRLs = ev.CRLs[:len(ev.CRLs)-1]
			ev.MissingCRL++
		}
	}
	runtime.KeepAlive(v)
}

// putOn puts what a delta CRL says of a serial on top of what the complete CRL says. It is false when that cannot be read: the delta may
// revoke it.
func (g *generation) putOn(f *revocation.CRLFinding, serial string) bool {
	d := revocation.DeltaFinding{Info: g.info}
	found := g.find(serial, &d.Entry)
	if found == unreadable {
		return revocation.FitOf(f.Info, g.info) == revocation.DeltaObsolete
	}
	d.Listed = found == listed
	g.apply(f, &d)
	return true
}

// apply is [revocation.CRLFinding.Apply] for a finding of this delta CRL. Of one that was overtaken only what it revokes counts: the
// newer one that was lost may have revoked again what this one removes.
func (g *generation) apply(f *revocation.CRLFinding, d *revocation.DeltaFinding) {
	if !g.overtaken {
		f.Apply(d)
	} else if d.Listed && d.Entry.Reason != revocation.RemoveFromCRL {
		f.Apply(d)
		f.Delta = nil
	}
}

// onlyRevoke adds a finding for a serial that a delta CRL revokes whose complete CRL is not held.
func (g *generation) onlyRevoke(serial string, ev *revocation.Evidence) {
	f := revocation.CRLFinding{Info: g.info}
	if g.find(serial, &f.Entry) == listed && f.Entry.Reason != revocation.RemoveFromCRL {
		f.Listed = true
		ev.CRLs = append(ev.CRLs, f)
	}
}

// AdminRecord is what an administrator last said of a serial, nil when nothing. It takes no lock. The record must not be changed.
func (s *Store) AdminRecord(issuer revocation.IssuerID, serial revocation.Serial) *revocation.AdminRecord {
	if v := s.view.Load().issuers[issuer]; v != nil && v.admin != nil {
		return v.admin.get(serial)
	}
	return nil
}

// Generation is the number of the latest change that lookups see. It rises with every CRL swap and every administrative change.
func (s *Store) Generation() uint64 { return s.generation.Load() }

// CRLInfo describes the CRL in force for a scope, nil when none is held.
func (s *Store) CRLInfo(scope revocation.ScopeID) *revocation.CRLInfo {
	if g := s.current(scope); g != nil {
		return g.info
	}
	return nil
}

// Overtaken says whether the CRL in force for a scope is the one before a CRL that was lost to damage: what it lists is revoked, and
// nothing is good by it. Of a scope of delta CRLs it says so too when the only one was lost.
func (s *Store) Overtaken(scope revocation.ScopeID) bool {
	if g := s.current(scope); g != nil {
		return g.overtaken
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, lost := s.lost[scope]
	return lost
}
