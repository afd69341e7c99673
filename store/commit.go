package store

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"github.com/vetopki/veto/revocation"
)

// Commit puts the collected entries in force as the next generation of the scope and remembers the state of the source with
// them, in one transaction; when it returns without an error, every lookup that begins now sees the new CRL. signed is the path of the
// signed CRL, made by [Store.TempFile]: it belongs to Commit from here on.
//
// Serials that were retained (see [CommitOptions]) stay so until the CRL lists them again or an administrator accepts that they go.
//
// On an error the generation in force stays in force and what was written is removed; the build is over either way. The change is
// against the generation that was replaced. Everything is also true when that could not be read, and when other scopes no longer
// serve an issuer since this commit.
func (b *Build) Commit(info *revocation.CRLInfo, signed string, st revocation.SourceState, o CommitOptions) (revocation.CRLChange, error) {
	if b.ended {
		return revocation.CRLChange{}, errBuildEnded
	}
	b.ended = true
	defer b.free()
	c := &commit{store: b.store, build: b, options: o, info: new(*info)}
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
	store   *Store
	build   *Build
	options CommitOptions
	info    *revocation.CRLInfo
	old     *generation // in force when the commit began; nil when there was none
	lost    bool        // what was in force before could not be read
	path    string      // of the file being built
	files   []string    // to be removed unless the generation takes effect
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
	source, err := c.withSource(st)
	if err == nil {
		err = c.flip(g, &change, changeCRL, source)
	}
	if err != nil {
		return change, err
	}
	c.retireOthers(&change)
	return change, nil
}

// check refuses a description that is not of these entries. The signed CRL may have more: an indirect one lists certificates of
// other issuers too (RFC 5280 §5.2.5), which are not added.
func (c *commit) check() error {
	switch {
	case c.info.Issuer != c.build.issuer || c.info.Scope != c.build.scope:
		return revocation.Refuse("scope", "", "the CRL is described as of another issuer or scope than the build was begun for")
	case c.info.Entries < c.build.added:
		return revocation.Refuse("entries", "", "the CRL is described with %d entries, %d were read", c.info.Entries, c.build.added)
	}
	return nil
}

// write builds the file, and a second time when the shrink guard objects to what the first one drops.
func (c *commit) write() (g *generation, change revocation.CRLChange, err error) {
	if c.path, err = c.store.tempPath("generation-*"); err != nil {
		return nil, change, err
	}
	c.track(c.path)
	if err = c.readable(); err != nil {
		return nil, change, err
	}
	w, err := c.writeOnce(keepRetained)
	if errors.Is(err, errDamaged) && c.old != nil && c.old.verify() != nil { // reading the old one faulted
		if err = c.setAside(); err == nil {
			w, err = c.writeOnce(keepRetained)
		}
	}
	if err == nil && c.options.exceeds(w.diff.dropped, c.old, c.info) {
		w, err = c.writeOnce(keepAll)
	}
	c.build.free()
	if err != nil {
		return nil, change, err
	}
	g, err = w.open(c)
	return g, w.diff.change, err
}

// written is a generation file that was written, and what a check needs to know of it.
type written struct {
	header header
	probes []probe
	diff   *differ
}

// writeOnce builds the file under its temporary name, where there may be one already.
func (c *commit) writeOnce(k keep) (w written, err error) {
	if err := removeIfThere(c.path); err != nil {
		return w, err
	}
	err = guarded(func() (err error) {
		w.diff = newDiffer(c.old, k)
		w.header, w.probes, err = c.build.write(c.path, header{info: c.info}, w.diff)
		return err
	})
	return w, err
}

// open opens the file that was written and checks that it reads back so.
func (w *written) open(c *commit) (*generation, error) {
	if c.lost {
		everything(&w.diff.change)
	}
	g, err := openGeneration(c.path, c.info.Scope, c.next())
	if err == nil {
		err = checkWritten(g, w.header, w.probes)
	}
	return g, err
}

// readable sees that the generation in force can be compared with, and takes one that cannot be read in full out of force.
func (c *commit) readable() error {
	if g := c.old; g == nil || !g.damaged.Load() && (g.verified.Load() || g.verify() == nil) {
		return nil
	}
	return c.setAside()
}

// setAside takes a damaged generation out of force. The one before it is then what the new one is compared with, so that the shrink
// guard works and what was retained is not forgotten.
func (c *commit) setAside() error {
	c.lost = true
	if err := c.store.replace(c.old); err != nil {
		return err
	}
	c.old = c.store.current(c.info.Scope)
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

// flip is the one transaction that puts the generation in force, with what also writes. It fills in the change.
func (c *commit) flip(g *generation, diff *revocation.CRLChange, kind string, also extra) error {
	s, scope := c.store, c.info.Scope
	files := c.files
	c.files = nil // from here on the writer knows when they can go
	var serves []revocation.IssuerID
	err := s.writer.do(&change{
		apply: func(t *stateTx) error {
			if s.current(scope) != c.old {
				return revocation.Refuse("concurrent", "", "the generation of the scope was replaced while this one was built")
			}
			p, err := c.pointer(t, g, diff)
			if err != nil {
				return err
			}
			serves = p.serves
			c.describe(diff, g, serves)
			if err := t.logChange(crlChangeRow(kind, diff), s.changeRows); err != nil {
				return err
			}
			diff.Generation = t.head.generation
			g.since.Store(diff.Generation)
			t.failed = t.putPointer(p)
			also.apply(t)
			return t.failed
		},
		publish: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.held[scope], s.serves[scope] = g, serves
			if !g.overtaken {
				delete(s.lost, scope)
			}
			also.publish()
			s.publishView()
		},
		abandon: func() { removeAll(files) },
	})
	if err == nil && c.old != nil {
		s.dropBefore(scope, c.old.n)
		c.old.forgetAll()
	}
	return err
}

// retireOthers lets scopes go that only waited for this one.
func (c *commit) retireOthers(change *revocation.CRLChange) {
	left, err := c.store.updateServed()
	if err != nil {
		c.store.log.Error("noting whom the CRL scopes serve", "err", err)
	}
	if len(left) > 0 {
		everything(change)
		change.Issuers = union(change.Issuers, left)
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
			return fmt.Errorf("%w: there is no room left for the data directory; what is in force stays in force: %w",
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
