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
// revoked, and nothing is good by it, since the lost one may have listed more), otherwise the scope has no CRL, and its source is forgotten to have answered, so that the next fetch brings the CRL anew. Each is one
// error in the result; the scopes are then taken care of, and whoever keeps answers drops those of their issuers.
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
	return found
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
	point := []byte(nil)
	if before != nil {
		if point, err = (pointer{before.n, before.info, true}).encode(); err != nil {
			return err
		}
	}
	err = s.writer.do(&change{
		apply: func(t *stateTx) error {
			row := Change{Kind: changeQuarantined, Issuer: issuer.String(), Scope: scope.String(), Everything: true}
			if err := t.logChange(row, s.changeRows); err != nil {
				return err
			}
			if t.put(sourcesBucket, scope[:], source); point == nil {
				t.delete(scopesBucket, scope[:])
			} else {
				t.put(scopesBucket, scope[:], point)
			}
			return t.failed
		},
		publish: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.sources[scope] = st; before == nil {
				delete(s.held, scope)
			} else {
				s.held[scope] = before
			}
			s.publishView()
		},
	})
	if err != nil {
		return err
	}
	return s.quarantine(scope, bad.n)
}
