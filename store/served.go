package store

import (
	"bytes"
	"slices"

	"github.com/vetopki/veto/revocation"
)

// settled says whether every complete CRL that is configured for an issuer is held, and at least one is configured.
func (t *table) settled(issuer revocation.IssuerID) bool {
	scopes := t.configured[issuer]
	return len(scopes) > 0 && !slices.ContainsFunc(scopes, func(s Scope) bool { return t.complete(s.ID) == nil })
}

// mayLeave says whether an issuer that does not name a scope has what replaces it. A delta CRL is also waited for by the delta CRLs
// that are configured now, unless a complete CRL says everything it says.
func (t *table) mayLeave(issuer revocation.IssuerID, g *generation) bool {
	if !t.settled(issuer) {
		return false
	}
	scopes := t.configured[issuer]
	return !g.info.IsDelta() ||
		!slices.ContainsFunc(scopes, func(s Scope) bool { return s.Delta != revocation.ScopeID{} && t.held[s.Delta] == nil }) ||
		slices.ContainsFunc(scopes, func(s Scope) bool { return alone(t.complete(s.ID)).supersedes(g) })
}

// served parts those whom a scope serves into those it goes on to serve and those who leave it.
func (t *table) served(g *generation, serves []revocation.IssuerID) (stay, leave []revocation.IssuerID) {
	scope := g.info.Scope
	for _, issuer := range serves {
		if !t.names(issuer, scope) && t.mayLeave(issuer, g) {
			leave = append(leave, issuer)
		} else {
			stay = append(stay, issuer)
		}
	}
	return union(stay, t.named[scope]), leave
}

// outdated are the scopes whose record in state.db does not say what the configuration asks for now.
func (t *table) outdated() (list []*generation) {
	for _, g := range t.sortedHeld() {
		serves := t.serves[g.info.Scope]
		if stay, _ := t.served(g, serves); !slices.Equal(stay, serves) {
			list = append(list, g)
		}
	}
	return list
}

// forgotten are the delta scopes that were lost with every generation and that no issuer names any more.
func (t *table) forgotten() (list []revocation.ScopeID) {
	for scope := range t.lost {
		if t.held[scope] == nil && len(t.named[scope]) == 0 {
			list = append(list, scope)
		}
	}
	slices.SortFunc(list, func(a, b revocation.ScopeID) int { return bytes.Compare(a[:], b[:]) })
	return list
}

// update is one change of whom scopes serve.
type update struct {
	store   *Store
	serves  map[revocation.ScopeID][]revocation.IssuerID // nobody: the scope retires
	retired []revocation.ScopeID
	left    []revocation.IssuerID // those who lost a scope
}

// updateServed brings whom the scopes serve in line with the configuration and what is held: durably, in one transaction. Scopes that serve
// nobody are taken out of force and their files deleted. It returns the issuers that a scope no longer serves.
func (s *Store) updateServed() (left []revocation.IssuerID, err error) {
	s.mu.Lock()
	some := len(s.outdated())+len(s.forgotten()) > 0
	s.mu.Unlock()
	if !some {
		return nil, nil
	}
	u := update{store: s, serves: map[revocation.ScopeID][]revocation.IssuerID{}}
	if err := s.writer.do(&change{apply: u.apply, publish: u.publish}); err != nil {
		return nil, err
	}
	for _, scope := range u.retired {
		s.removeRetired(scope)
	}
	return u.left, nil
}

func (u *update) apply(t *stateTx) error {
	s := u.store
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.outdated() {
		if t.failed = u.scope(t, g); t.failed != nil {
			return t.failed
		}
	}
	for _, scope := range s.forgotten() {
		u.retire(t, scope)
	}
	return t.failed
}

// scope writes whom one scope serves from now on, and a row in the change log for each issuer that leaves it.
func (u *update) scope(t *stateTx, g *generation) error {
	scope := g.info.Scope
	p, err := t.pointer(scope)
	if p == nil || err != nil {
		return err
	}
	stay, leave := u.store.served(g, p.serves)
	for _, issuer := range leave {
		row := Change{Kind: changeRetired, Issuer: issuer.String(), Scope: scope.String(), Everything: true}
		if err := t.logChange(row, u.store.changeRows); err != nil {
			return err
		}
	}
	u.left, u.serves[scope] = append(u.left, leave...), stay
	if len(stay) == 0 {
		u.retire(t, scope)
		return t.failed
	}
	p.serves = stay
	return t.putPointer(*p)
}

func (u *update) retire(t *stateTx, scope revocation.ScopeID) {
	u.retired = append(u.retired, scope)
	t.delete(scopesBucket, scope[:])
	t.delete(sourcesBucket, scope[:])
}

func (u *update) publish() {
	s := u.store
	s.mu.Lock()
	defer s.mu.Unlock()
	for scope, serves := range u.serves {
		s.serves[scope] = serves
	}
	for _, scope := range u.retired {
		delete(s.held, scope)
		delete(s.serves, scope)
		delete(s.lost, scope)
		delete(s.sources, scope)
	}
	s.publishView()
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
