package store

import (
	"runtime"

	"github.com/vetopki/veto/revocation"
)

// view is all that lookups read, immutable but for the records in the admin tables.
type view struct {
	issuers map[revocation.IssuerID]*issuerView
	scopes  map[revocation.ScopeID]*generation
}

// issuerView is what is held for one issuer.
type issuerView struct {
	held    []*generation // configured scopes first, in their order
	missing int           // configured scopes without a CRL
	admin   *adminTable   // nil until there is a record
}

// Evidence fills in what the store knows of a serial: CRLs (one finding for each scope held), MissingCRL, Admin and Generation. The
// other fields are left as they are. It takes no lock, and allocates nothing when ev.CRLs has room: reuse ev.
//
// The answer holds at least every change up to Generation. A scope whose file turns out to be damaged where the serial would be
// counts as missing: damage is never evidence that a serial is good. So does one that fell back to the generation before, for the
// serials that does not list. Admin must not be changed.
func (s *Store) Evidence(issuer revocation.IssuerID, serial revocation.Serial, ev *revocation.Evidence) {
	ev.Generation = s.generation.Load() // before the view: what was published with it is then seen
	ev.CRLs, ev.MissingCRL, ev.Admin = ev.CRLs[:0], 0, nil
	v := s.view.Load().issuers[issuer]
	if v == nil {
		return
	}
	ev.MissingCRL = v.missing
	if v.admin != nil {
		ev.Admin = v.admin.get(serial)
	}
	for _, g := range v.held {
		ev.CRLs = append(ev.CRLs, revocation.CRLFinding{Info: g.info, Covers: g.info.Coverage()})
		finding := &ev.CRLs[len(ev.CRLs)-1]
		found := g.find(string(serial), &finding.Entry)
		switch {
		case found == listed:
			finding.Listed = true
		case found == unreadable, g.overtaken:
			ev.CRLs = ev.CRLs[:len(ev.CRLs)-1]
			ev.MissingCRL++
		}
	}
	runtime.KeepAlive(v)
}

// Generation is the number of the latest change that lookups see. It rises with every CRL swap and every administrative change.
func (s *Store) Generation() uint64 { return s.generation.Load() }

// CRLInfo describes the CRL in force for a scope, nil when none is held.
func (s *Store) CRLInfo(scope revocation.ScopeID) *revocation.CRLInfo {
	if g := s.view.Load().scopes[scope]; g != nil {
		return g.info
	}
	return nil
}

// Overtaken says whether the CRL in force for a scope is the one before a CRL that was lost to damage: what it lists is revoked, and
// nothing is good by it.
func (s *Store) Overtaken(scope revocation.ScopeID) bool {
	g := s.view.Load().scopes[scope]
	return g != nil && g.overtaken
}
