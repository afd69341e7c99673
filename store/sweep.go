package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/vetopki/veto/revocation"
)

// sweep removes what crashes left behind: everything temporary, and generations that are neither in force nor the one before.
// Quarantined files stay, and so does what veto did not name.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.paths.tmp())
	if err != nil {
		return fmt.Errorf("sweeping temporary files: %w", err)
	}
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(s.paths.tmp(), e.Name())))
	}
	err = errors.Join(err, removeIfThere(s.paths.state()+".new"))
	dirs, derr := os.ReadDir(s.paths.crl())
	err = errors.Join(err, derr, s.sweepInventories())
	for _, d := range dirs {
		var scope revocation.ScopeID
		if !d.IsDir() || decodeHex(scope[:], d.Name()) != nil {
			continue
		}
		if g := s.held[scope]; g != nil {
			s.keepOnly(scope, g.n)
		} else {
			s.removeScope(scope)
		}
	}
	return err
}

// keepOnly removes the generations of a scope but for n and the one before it.
func (s *Store) keepOnly(scope revocation.ScopeID, n uint64) {
	before, err := s.paths.previous(scope, n)
	if err == nil {
		err = s.removeWhere(scope, func(m uint64) bool { return m != n && m != before })
	}
	s.logUnlessNil("removing old generations", err)
}

// dropBefore removes the generations older than n, which is the one before that in force.
func (s *Store) dropBefore(scope revocation.ScopeID, n uint64) {
	s.logUnlessNil("removing old generations", s.removeWhere(scope, func(m uint64) bool { return m < n }))
}

// removeScope removes every generation of a scope, and its folder when nothing else is in it.
func (s *Store) removeScope(scope revocation.ScopeID) {
	s.logUnlessNil("removing a retired scope", s.removeWhere(scope, func(uint64) bool { return true }))
	os.Remove(s.paths.scope(scope)) //nolint:errcheck // quarantined files keep it
}

// removeWhere removes the files of the generations that match.
func (s *Store) removeWhere(scope revocation.ScopeID, match func(n uint64) bool) error {
	return removeFilesIn(s.paths.scope(scope), match)
}

func removeFilesIn(dir string, match func(n uint64) bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		n, isOurs := numberOf(e.Name(), filepath.Ext(e.Name()))
		if isOurs && (strings.HasSuffix(e.Name(), generationSuffix) || strings.HasSuffix(e.Name(), signedSuffix)) && match(n) {
			err = errors.Join(err, removeIfThere(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// logUnlessNil reports a failure that no caller can act on: the files are swept at the next start.
func (s *Store) logUnlessNil(doing string, err error) {
	if err != nil {
		s.log.Warn(doing, "err", err)
	}
}

// anyGeneration says whether there is a packed file of any CRL or inventory.
func anyGeneration(p paths) (bool, error) {
	found, err := filepath.Glob(filepath.Join(p.crl(), "*", "*"+generationSuffix))
	if err != nil || len(found) > 0 {
		return len(found) > 0, err
	}
	found, err = filepath.Glob(filepath.Join(p.inventories(), "*", "*"+generationSuffix))
	return len(found) > 0, err
}
