package store

import (
	"maps"
	"slices"

	"github.com/vetopki/veto/revocation"
)

// view is all that lookups read, immutable but for the records in the admin tables.
type view struct {
	number  uint64 // 1, 2, 3, … in the order of publication
	issuers map[revocation.IssuerID]*issuerView
	scopes  map[revocation.ScopeID]*generation
}

// issuerView is what is held for one issuer.
type issuerView struct {
	held    []consulted // what the configuration names first, in its order
	missing int         // configured scopes without a complete CRL
	admin   *adminTable // nil until there is a record

	inventory *inventory     // nil when it is off
	upstream  *upstreamTable // nil until there is a revocation
}

// consulted is what is asked of one scope: a complete CRL, and the delta CRL on top of it when one is held. Without a complete CRL
// the delta only revokes. One of the two is there.
type consulted struct {
	complete *generation
	delta    *generation
	blind    bool // silence is no evidence: a CRL that may have said more was lost to damage
}

// publishView makes the view from the table. Store.mu is held.
func (s *Store) publishView() {
	s.views++
	v := &view{number: s.views, issuers: map[revocation.IssuerID]*issuerView{}, scopes: maps.Clone(s.held)}
	of := func(issuer revocation.IssuerID) *issuerView {
		if v.issuers[issuer] == nil {
			v.issuers[issuer] = &issuerView{admin: s.admin[issuer]}
		}
		return v.issuers[issuer]
	}
	for issuer := range s.admin {
		of(issuer)
	}
	for issuer, held := range s.issued {
		of(issuer).inventory = held.inventory
	}
	for issuer, told := range s.upstream {
		of(issuer).upstream = told
	}
	for issuer, scopes := range s.configured {
		s.consult(of(issuer), scopes)
	}
	for _, g := range s.sortedHeld() {
		for _, issuer := range s.serves[g.info.Scope] {
			if !s.names(issuer, g.info.Scope) {
				of(issuer).add(alone(g))
			}
		}
	}
	for _, iv := range v.issuers {
		iv.prune()
	}
	s.view.Store(v)
}

// consult collects what is held of the scopes that the configuration of an issuer names.
func (t *table) consult(v *issuerView, scopes []Scope) {
	seen := map[revocation.ScopeID]bool{}
	for _, sc := range scopes {
		var c consulted
		if g := t.complete(sc.ID); g != nil && !seen[sc.ID] {
			c = alone(g)
		} else if !seen[sc.ID] {
			v.missing++
			if g := t.held[sc.ID]; g != nil {
				v.add(alone(g))
			}
		}
		seen[sc.ID] = true
		if c.delta = t.held[sc.Delta]; c.complete != nil {
			lost, some := t.lost[sc.Delta]
			c.blind = c.blind || some && (lost == "" || c.complete.info.Number.Compare(lost) < 0)
		}
		v.add(c)
	}
}

// alone is what a generation says by itself.
func alone(g *generation) consulted {
	if g.info.IsDelta() {
		return consulted{delta: g}
	}
	return consulted{complete: g, blind: g.overtaken}
}

func (v *issuerView) add(c consulted) {
	if c.complete != nil || c.delta != nil {
		v.held = append(v.held, c)
	}
}

// prune takes out delta CRLs that stand alone while a complete CRL of the same scope is as new: it says everything they say, and
// may have lifted it since.
func (v *issuerView) prune() {
	v.held = slices.DeleteFunc(v.held, func(c consulted) bool {
		return c.complete == nil && slices.ContainsFunc(v.held, func(by consulted) bool { return by.supersedes(c.delta) })
	})
}

// supersedes says whether a complete CRL is held that says everything a delta CRL says.
func (c consulted) supersedes(delta *generation) bool {
	return c.complete != nil && revocation.FitOf(c.complete.info, delta.info) == revocation.DeltaObsolete
}
