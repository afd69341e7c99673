package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/vetopki/veto/revocation"
)

// VerifyGenerations reads every generation in force in full and checks its digest. [Open] checks structure only, so that a start
// with ten million entries takes milliseconds; call this once in the background after it, and now and then to notice a disk
// that decays. Until it was verified, a lookup checks the checksum of each block it touches.
//
// A generation that fails is quarantined: its files are renamed, the one before takes its place if it is whole (what it lists is
// revoked, and nothing is good by it, since the lost one may have listed more), otherwise the scope has no CRL, and its source is
// forgotten to have answered, so that the next fetch brings the CRL anew. Where a delta CRL was lost, the complete CRL makes nothing
// good either, until a newer delta CRL is held or the complete CRL is as new as the one lost. Each is one error in the result; the scopes are
// then taken care of, and whoever keeps answers drops those of their issuers.
func (s *Store) VerifyGenerations(ctx context.Context) error {
	var found error
	s.mu.Lock()
	list := s.sortedHeld()
	s.mu.Unlock()
	for _, g := range list {
		err := g.verifyContext(ctx)
		if ctx.Err() != nil {
			return errors.Join(found, ctx.Err())
		}
		if err != nil {
			found = errors.Join(found, err, s.replaceDamaged(g))
		}
	}
	return errors.Join(found, s.verifyInventories(ctx))
}

// replaceDamaged takes a damaged generation out of force.
func (s *Store) replaceDamaged(bad *generation) error {
	if err := s.claim(bad.info.Scope); err != nil {
		return nil //nolint:nilerr // it is being replaced
	}
	defer s.unclaim(bad.info.Scope)
	if s.current(bad.info.Scope) != bad {
		return nil // it has been replaced
	}
	return s.replace(bad)
}

// replace is replaceDamaged for the generation in force of a scope that is claimed.
func (s *Store) replace(bad *generation) error {
	before, err := s.fallBack(bad.info.Scope, bad.n)
	if err != nil {
		return err
	}
	return s.enforceFallback(pointer{n: bad.n, info: bad.info}, before)
}

// fallBack finds the latest whole generation of a scope before n, nil when there is none. Damaged ones on the way are quarantined.
func (s *Store) fallBack(scope revocation.ScopeID, n uint64) (*generation, error) {
	for {
		m, err := s.paths.previous(scope, n)
		if err != nil || m == 0 {
			return nil, err
		}
		g, err := openGeneration(s.paths.generation(scope, m), scope, m)
		if err == nil {
			err = g.verify()
		}
		if err == nil {
			g.overtaken = true
			return g, nil
		}
		if err := s.quarantine(scope, m); err != nil {
			return nil, err
		}
		n = m
	}
}

// quarantine renames the files of a generation, so that nothing opens them and nobody has lost them.
func (s *Store) quarantine(scope revocation.ScopeID, n uint64) error {
	suffix := corruptInfix + strconv.FormatInt(time.Now().Unix(), 10)
	for _, path := range []string{s.paths.generation(scope, n), s.paths.signed(scope, n)} {
		if err := os.Rename(path, path+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("quarantining generation %d of scope %s: %w", n, scope, err)
		}
	}
	return syncDir(s.paths.scope(scope))
}

// enforceFallback points the scope, which is claimed, to the generation before, or to none, in one transaction, and then quarantines the bad one: in
// that order, so that a crash in between finds the fallback in force. Nothing remembered of the source lets the
// next fetch end in "not modified".
func (s *Store) enforceFallback(bad pointer, before *generation) error {
	scope, issuer := bad.info.Scope, bad.info.Issuer
	st := s.SourceState(scope)
	st.ETag, st.LastModified, st.NextFetch = "", "", time.Time{}
	source, err := encodeSource(st)
	if err != nil {
		return err
	}
	var p *pointer
	err = s.writer.do(&change{
		apply: func(t *stateTx) error {
			standing, err := t.pointer(scope)
			if err != nil {
				return err
			}
			row := Change{Kind: changeQuarantined, Issuer: issuer.String(), Scope: scope.String(), Everything: true}
			if err := t.logChange(row, s.changeRows); err != nil {
				return err
			}
			t.put(sourcesBucket, scope[:], source)
			if p = standing.after(bad, before); p == nil {
				t.delete(scopesBucket, scope[:])
			} else {
				t.failed = errors.Join(t.failed, t.putPointer(*p))
			}
			return t.failed
		},
		publish: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.sources[scope] = st
			s.setScope(p, scope, before)
			s.publishView()
		},
	})
	if err != nil {
		return err
	}
	return s.quarantine(scope, bad.n)
}

// after is the record of a scope when a generation was lost and the one before it is in force, or none: then nothing remains but that a
// delta CRL was lost, because a complete CRL does without a delta CRL that was never fetched, not without one that may have revoked.
func (p *pointer) after(bad pointer, before *generation) *pointer {
	if p == nil {
		p = &pointer{serves: []revocation.IssuerID{bad.info.Issuer}}
	}
	next := &pointer{info: bad.info, overtaken: true, serves: p.serves}
	switch {
	case before != nil:
		next.n, next.info = before.n, before.info
		next.alarm = before.info.Retained > 0 // whether they were seen is lost with the newer one
	case !bad.info.IsDelta():
		return nil
	}
	if bad.info.IsDelta() {
		next.lost = bad.info.Number
		if p.lost.Compare(next.lost) > 0 { // this one was a fallback itself
			next.lost = p.lost
		}
	}
	return next
}

// setScope notes in the table what the record of a scope says and which generation, nil for none, is in force. Store.mu is held.
func (t *table) setScope(p *pointer, scope revocation.ScopeID, g *generation) {
	delete(t.held, scope)
	delete(t.serves, scope)
	delete(t.lost, scope)
	if p == nil {
		return
	}
	if p.overtaken && p.info.IsDelta() {
		t.lost[scope] = p.lost
	}
	if g != nil {
		g.overtaken = p.overtaken
		g.alarm.Store(p.alarm)
		t.held[scope], t.serves[scope] = g, p.serves
	}
}
