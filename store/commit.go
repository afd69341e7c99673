package store

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"

	"github.com/vetopki/veto/revocation"
)

// Commit puts the collected entries in force as the next generation of the scope and remembers the state of the source with
// them, in one transaction; when it returns without an error, every lookup that begins now sees the new CRL. signed is the path of the
// signed CRL, made by [Store.TempFile]: it belongs to Commit from here on.
//
// On an error the generation in force stays in force and what was written is removed; the build is over either way. The change is
// against the generation that was replaced. Everything is also true when that could not be read, and when other scopes of the issuer
// retired with this commit.
func (b *Build) Commit(info *revocation.CRLInfo, signed string, st revocation.SourceState) (revocation.CRLChange, error) {
	if b.ended {
		return revocation.CRLChange{}, errBuildEnded
	}
	b.ended = true
	defer b.free()
	c := &commit{store: b.store, build: b, info: new(*info)}
	defer c.cleanUp()
	c.track(signed)
	change, err := c.run(signed, st)
	if err != nil {
		return revocation.CRLChange{}, fmt.Errorf("putting the CRL of %s in force: %w", info.URL, err)
	}
	return change, nil
}

// commit is one generation on its way into force.
type commit struct {
	store *Store
	build *Build
	info  *revocation.CRLInfo
	old   *generation // in force when the commit began; nil when there was none
	path  string      // of the file being built
	files []string    // to be removed unless the generation takes effect
}

func (c *commit) run(signed string, st revocation.SourceState) (change revocation.CRLChange, err error) {
	if err := c.check(); err != nil {
		return change, err
	}
	if err := c.store.claim(c.info.Scope); err != nil {
		return change, err
	}
	defer c.store.unclaim(c.info.Scope)
	if err := c.store.writer.resume(); err != nil {
		return change, err
	}
	c.old = c.store.current(c.info.Scope)
	g, change, err := c.write()
	if err != nil {
		return change, clearly(err)
	}
	if err := c.place(g, signed); err != nil {
		return change, clearly(err)
	}
	change.Issuer, change.Scope, change.New = c.info.Issuer, c.info.Scope, g.info
	if c.old != nil {
		change.Old = c.old.info
	}
	if err := c.flip(g, &change, st); err != nil {
		return change, err
	}
	if c.old != nil {
		c.store.dropBefore(c.info.Scope, c.old.n)
	}
	c.retireOthers(&change)
	return change, nil
}

// check refuses a description that is not of these entries.
func (c *commit) check() error {
	switch {
	case c.info.Issuer != c.build.issuer || c.info.Scope != c.build.scope:
		return revocation.Refuse("scope", "", "the CRL is described as of another issuer or scope than the build was begun for")
	case c.info.Entries != c.build.added:
		return revocation.Refuse("entries", "", "the CRL is described with %d entries, %d were read", c.info.Entries, c.build.added)
	}
	return nil
}

// write builds the file under a temporary name, opens it again and checks that it reads back as written.
func (c *commit) write() (g *generation, change revocation.CRLChange, err error) {
	if c.path, err = c.store.tempPath("generation-*"); err != nil {
		return nil, change, err
	}
	c.track(c.path)
	var written header
	var probes []probe
	build := func(old *generation) func() error {
		return func() (err error) {
			change, written, probes, err = c.build.write(c.path, header{info: c.info}, old)
			return err
		}
	}
	old := c.comparable()
	if err = guarded(build(old)); errors.Is(err, errDamaged) && old != nil { // reading the old one faulted
		old.damaged.Store(true)
		old = nil
		if err = removeIfThere(c.path); err == nil {
			err = guarded(build(nil))
		}
	}
	c.build.free()
	if err != nil {
		return nil, change, err
	}
	if old != c.old {
		change.Everything, change.Serials = true, nil
	}
	if g, err = openGeneration(c.path, c.info.Scope, c.next()); err == nil {
		err = checkWritten(g, written, probes)
	}
	return g, change, err
}

// comparable is the generation in force, nil when there is none or it cannot be read in full.
func (c *commit) comparable() *generation {
	if g := c.old; g != nil && !g.damaged.Load() && (g.verified.Load() || g.verify() == nil) {
		return g
	}
	return nil
}

// next is the number of the generation.
func (c *commit) next() uint64 {
	if c.old == nil {
		return 1
	}
	return c.old.n + 1
}

// place moves the two files to where they stay. Nothing points to them yet.
func (c *commit) place(g *generation, signed string) error {
	p, scope := c.store.paths, c.info.Scope
	if err := os.MkdirAll(p.scope(scope), 0o700); err != nil {
		return err
	}
	if err := syncFile(signed); err != nil {
		return err
	}
	from, to := []string{c.path, signed}, []string{p.generation(scope, g.n), p.signed(scope, g.n)}
	for i := range from {
		c.track(to[i])
		if err := os.Rename(from[i], to[i]); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(p.scope(scope)), syncDir(p.crl()))
}

// flip is the one transaction that puts the generation in force.
func (c *commit) flip(g *generation, diff *revocation.CRLChange, st revocation.SourceState) error {
	s, scope := c.store, c.info.Scope
	point, err := pointer{n: g.n, info: c.info}.encode()
	if err != nil {
		return err
	}
	source, err := encodeSource(st)
	if err != nil {
		return err
	}
	if st, err = decodeSource(source); err != nil {
		return err
	}
	files := c.files
	c.files = nil // from here on the writer knows when they can go
	return s.writer.do(&change{
		apply: func(t *stateTx) error {
			if s.current(scope) != c.old {
				return revocation.Refuse("concurrent", "", "the generation of the scope was replaced while this one was built")
			}
			if err := t.logChange(crlChangeRow(diff), s.changeRows); err != nil {
				return err
			}
			diff.Generation = t.head.generation
			t.put(scopesBucket, scope[:], point)
			t.put(sourcesBucket, scope[:], source)
			return t.failed
		},
		publish: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.held[scope], s.sources[scope] = g, st
			s.publishView()
		},
		abandon: func() { removeAll(files) },
	})
}

// retireOthers lets scopes go that only waited for this one.
func (c *commit) retireOthers(change *revocation.CRLChange) {
	retired, err := c.store.retireOrphans()
	if err != nil {
		c.store.log.Error("retiring CRL scopes that are no longer configured", "err", err)
	}
	if slices.Contains(retired, c.info.Issuer) {
		change.Everything, change.Serials = true, nil
	}
}

// track notes a file that goes away unless the commit succeeds.
func (c *commit) track(path string) { c.files = append(c.files, path) }

func (c *commit) cleanUp() {
	removeAll(c.files)
	runtime.KeepAlive(c.old)
}

// removeAll removes files as far as it can; the next start sweeps the rest.
func removeAll(files []string) {
	for _, f := range files {
		os.Remove(f) //nolint:errcheck // see above
	}
}

// clearly marks an error of writing as a change that is not durable, and names a full disk.
func clearly(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) {
			return fmt.Errorf("%w: there is no room left for the data directory; the CRL in force stays in force: %w",
				revocation.ErrNotDurable, err)
		}
	}
	return notDurable(err)
}

// current is the generation in force of a scope, nil when there is none.
func (s *Store) current(scope revocation.ScopeID) *generation { return s.view.Load().scopes[scope] }

// claim makes the caller the only one who places or renames files of a scope. Two at once would name different
// generations by one number.
func (s *Store) claim(scope revocation.ScopeID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.claimed[scope] {
		return revocation.Refuse("concurrent", "", "another CRL of the scope is being put in force; try again when it is")
	}
	s.claimed[scope] = true
	return nil
}

func (s *Store) unclaim(scope revocation.ScopeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.claimed, scope)
}
