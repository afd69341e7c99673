package store

import (
	"cmp"

	"github.com/vetopki/veto/revocation"
)

// noteRefit adds to a change the serials of the delta CRLs that apply since this swap, or no longer do (RFC 5280 §5.2.4): what they say
// begins or ceases to count, though it may stand in both generations alike. It runs in the transaction of the swap, so that no other
// swap comes between.
func (c *commit) noteRefit(diff *revocation.CRLChange) {
	err := guarded(func() error {
		for _, p := range c.pairs() {
			if p.refits(c.old, c.info) {
				noteAll(diff, cmp.Or(p.delta, c.old)) // what only the next delta CRL lists is noted as added
			}
		}
		return nil
	})
	if err != nil { // a delta CRL cannot be read: whatever it says
		everything(diff)
	}
	sortSerials(diff)
}

// pair is a complete and a delta CRL that the configuration puts together; the one being replaced is nil.
type pair struct{ complete, delta *generation }

// pairs are those that the scope of the commit is part of while the other part is held.
func (c *commit) pairs() (list []pair) {
	s, scope := c.store, c.info.Scope
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[revocation.ScopeID]bool{}
	for _, issuer := range s.named[scope] {
		for _, sc := range s.configured[issuer] {
			switch complete, delta := s.complete(sc.ID), s.held[sc.Delta]; {
			case sc.ID == scope && delta != nil && !seen[sc.Delta]:
				seen[sc.Delta] = true
				list = append(list, pair{delta: delta})
			case sc.Delta == scope && complete != nil && !seen[sc.ID]:
				seen[sc.ID] = true
				list = append(list, pair{complete: complete})
			}
		}
	}
	return list
}

// refits says whether the delta CRL counts in another way after the swap than before.
func (p pair) refits(old *generation, next *revocation.CRLInfo) bool {
	switch {
	case old == nil:
		return p.delta != nil // it only revoked; the entries of a first delta CRL are all new
	case p.delta != nil:
		return revocation.FitOf(old.info, p.delta.info) != revocation.FitOf(next, p.delta.info)
	}
	return old.overtaken || revocation.FitOf(p.complete.info, old.info) != revocation.FitOf(p.complete.info, next)
}

// noteAll notes every serial of a generation.
func noteAll(diff *revocation.CRLChange, g *generation) {
	for it := g.entries(); it.valid() && !diff.Everything; it.next() {
		noteSerial(diff, it.serial())
	}
}
