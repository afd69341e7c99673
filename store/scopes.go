package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/vetopki/veto/revocation"
)

// table is what the view is made from. The writer's leader and SetScopes change it, under Store.mu.
type table struct {
	held       map[revocation.ScopeID]*generation
	configured map[revocation.IssuerID][]revocation.ScopeID
	admin      map[revocation.IssuerID]*adminTable
	sources    map[revocation.ScopeID]revocation.SourceState
	claimed    map[revocation.ScopeID]bool // see Store.claim
}

func newTable() table {
	return table{held: map[revocation.ScopeID]*generation{}, configured: map[revocation.IssuerID][]revocation.ScopeID{},
		admin: map[revocation.IssuerID]*adminTable{}, sources: map[revocation.ScopeID]revocation.SourceState{},
		claimed: map[revocation.ScopeID]bool{}}
}

// SetScopes says which CRL scopes the configuration names for each issuer. Evidence counts those without a CRL as missing.
//
// Scopes that are held but no longer configured go on being consulted, so that no revocation vanishes while a new source was never
// fetched; once every configured scope of their issuer is held (and at least one is configured) they are retired and their
// files deleted. Issuers not in the map keep what they have.
func (s *Store) SetScopes(scopes map[revocation.IssuerID][]revocation.ScopeID) {
	s.mu.Lock()
	s.configured = make(map[revocation.IssuerID][]revocation.ScopeID, len(scopes))
	for issuer, list := range scopes {
		s.configured[issuer] = slices.Clone(list)
	}
	s.publishView()
	s.mu.Unlock()
	if _, err := s.retireOrphans(); err != nil {
		s.log.Error("retiring CRL scopes that are no longer configured", "err", err)
	}
}

// publishView makes the view from the table. Store.mu is held.
func (s *Store) publishView() {
	v := &view{issuers: map[revocation.IssuerID]*issuerView{}, scopes: maps.Clone(s.held)}
	of := func(issuer revocation.IssuerID) *issuerView {
		if v.issuers[issuer] == nil {
			v.issuers[issuer] = &issuerView{admin: s.admin[issuer]}
		}
		return v.issuers[issuer]
	}
	for issuer := range s.admin {
		of(issuer)
	}
	named := map[revocation.ScopeID]bool{}
	for issuer, scopes := range s.configured {
		for _, scope := range scopes {
			switch g := s.held[scope]; {
			case named[scope]:
			case g != nil && g.info.Issuer == issuer:
				of(issuer).held = append(of(issuer).held, g)
			default:
				of(issuer).missing++
			}
			named[scope] = true
		}
	}
	for _, g := range s.sortedHeld() {
		if !named[g.info.Scope] {
			of(g.info.Issuer).held = append(of(g.info.Issuer).held, g)
		}
	}
	s.view.Store(v)
}

func (t *table) sortedHeld() []*generation {
	return slices.SortedFunc(maps.Values(t.held), func(a, b *generation) int {
		return cmp.Or(bytes.Compare(a.info.Issuer[:], b.info.Issuer[:]), bytes.Compare(a.info.Scope[:], b.info.Scope[:]))
	})
}

// orphans are the held scopes that are not configured while every configured scope of their issuer is held.
func (t *table) orphans() (list []*generation) {
	for _, g := range t.sortedHeld() {
		scopes := t.configured[g.info.Issuer]
		if len(scopes) == 0 || slices.Contains(scopes, g.info.Scope) {
			continue
		}
		if !slices.ContainsFunc(scopes, func(id revocation.ScopeID) bool { return t.held[id] == nil }) {
			list = append(list, g)
		}
	}
	return list
}

// retireOrphans takes the orphans out of force: their pointers in one transaction, then their files. It says of which issuers.
func (s *Store) retireOrphans() (of []revocation.IssuerID, err error) {
	s.mu.Lock()
	some := len(s.orphans()) > 0
	s.mu.Unlock()
	if !some {
		return nil, nil
	}
	var retired []*generation
	err = s.writer.do(&change{
		apply: func(t *stateTx) error {
			s.mu.Lock()
			retired = s.orphans()
			s.mu.Unlock()
			for _, g := range retired {
				t.delete(scopesBucket, g.info.Scope[:])
				t.delete(sourcesBucket, g.info.Scope[:])
				row := Change{Kind: changeRetired, Issuer: g.info.Issuer.String(), Scope: g.info.Scope.String(), Everything: true}
				if err := t.logChange(row, s.changeRows); err != nil {
					t.failed = err
				}
			}
			return t.failed
		},
		publish: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			for _, g := range retired {
				delete(s.held, g.info.Scope)
				delete(s.sources, g.info.Scope)
			}
			s.publishView()
		},
	})
	if err != nil {
		return nil, err
	}
	for _, g := range retired {
		of = append(of, g.info.Issuer)
		s.removeRetired(g.info.Scope)
	}
	return of, nil
}

// removeRetired removes the files of a scope, unless it is coming back.
func (s *Store) removeRetired(scope revocation.ScopeID) {
	if s.claim(scope) != nil {
		return
	}
	defer s.unclaim(scope)
	if s.current(scope) == nil {
		s.removeScope(scope)
	}
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
