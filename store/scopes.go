package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/vetopki/veto/revocation"
)

// Scope is one series of CRLs and, where there is one, the series of delta CRLs that go on top of it (RFC 5280 §5.2.4). Each series has
// generations of its own.
type Scope struct {
	ID    revocation.ScopeID
	Delta revocation.ScopeID // zero: none
}

// table is what the view is made from. The writer's leader and SetScopes change it, under Store.mu.
type table struct {
	held       map[revocation.ScopeID]*generation
	serves     map[revocation.ScopeID][]revocation.IssuerID // of each scope held, as state.db has it; see pointer
	lost       map[revocation.ScopeID]revocation.CRLNumber  // of the delta scopes that are overtaken; see pointer
	configured map[revocation.IssuerID][]Scope
	named      map[revocation.ScopeID][]revocation.IssuerID // by whose configuration
	admin      map[revocation.IssuerID]*adminTable
	sources    map[revocation.ScopeID]revocation.SourceState
	claimed    map[revocation.ScopeID]bool // see Store.claim
	issued     map[revocation.IssuerID]*heldInventory
	upstream   map[revocation.IssuerID]*upstreamTable
}

func newTable() table {
	return table{held: map[revocation.ScopeID]*generation{}, serves: map[revocation.ScopeID][]revocation.IssuerID{},
		lost: map[revocation.ScopeID]revocation.CRLNumber{}, configured: map[revocation.IssuerID][]Scope{},
		admin: map[revocation.IssuerID]*adminTable{}, sources: map[revocation.ScopeID]revocation.SourceState{},
		claimed: map[revocation.ScopeID]bool{}, issued: map[revocation.IssuerID]*heldInventory{},
		upstream: map[revocation.IssuerID]*upstreamTable{}}
}

// SetScopes says which CRL scopes the configuration names for each issuer. Evidence counts those without a complete CRL as missing. A
// scope that several issuers name, as the keys of one CA do in a roll-over, serves all of them.
//
// A scope that an issuer no longer names goes on serving it, so that no revocation vanishes while a new source was never fetched: until
// every complete CRL that is configured for the issuer is held (and at least one is configured). One that serves nobody any more is
// deleted. Issuers not in the map keep what they have.
func (s *Store) SetScopes(scopes map[revocation.IssuerID][]Scope) {
	s.mu.Lock()
	s.configured = make(map[revocation.IssuerID][]Scope, len(scopes))
	s.named = map[revocation.ScopeID][]revocation.IssuerID{}
	for issuer, list := range scopes {
		s.configured[issuer] = slices.Clone(list)
		for _, sc := range list {
			s.named[sc.ID] = append(s.named[sc.ID], issuer)
			s.named[sc.Delta] = append(s.named[sc.Delta], issuer)
		}
	}
	s.publishView()
	s.mu.Unlock()
	if _, err := s.updateServed(); err != nil {
		s.log.Error("noting whom the CRL scopes serve", "err", err)
	}
}

// complete is the complete CRL held for a scope, nil when there is none. A delta CRL is none, wherever it came from.
func (t *table) complete(scope revocation.ScopeID) *generation {
	if g := t.held[scope]; g != nil && !g.info.IsDelta() {
		return g
	}
	return nil
}

// names says whether the configuration of an issuer names a scope.
func (t *table) names(issuer revocation.IssuerID, scope revocation.ScopeID) bool {
	return slices.Contains(t.named[scope], issuer)
}

// union is all issuers of two lists, each once, in order.
func union(a, b []revocation.IssuerID) []revocation.IssuerID {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b revocation.IssuerID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(all)
}

func (t *table) sortedHeld() []*generation {
	return slices.SortedFunc(maps.Values(t.held), func(a, b *generation) int {
		return cmp.Or(bytes.Compare(a.info.Issuer[:], b.info.Issuer[:]), bytes.Compare(a.info.Scope[:], b.info.Scope[:]))
	})
}

// publishAdmin makes a durable administrative record visible.
func (s *Store) publishAdmin(issuer revocation.IssuerID, serial revocation.Serial, r *revocation.AdminRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.setAdmin(issuer, serial, r) {
		s.publishView()
	}
}

// setAdmin notes a record and says whether its issuer is new to the table.
func (t *table) setAdmin(issuer revocation.IssuerID, serial revocation.Serial, r *revocation.AdminRecord) (isNew bool) {
	if t.admin[issuer] == nil {
		t.admin[issuer], isNew = newAdminTable(), true
	}
	t.admin[issuer].set(serial, r)
	return isNew
}
