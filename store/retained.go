package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vetopki/veto/revocation"
)

// RetainedAlarm says whether the shrink guard retained serials of a scope that no administrator has accepted or kept yet.
func (s *Store) RetainedAlarm(scope revocation.ScopeID) bool {
	g := s.current(scope)
	return g != nil && g.alarm.Load()
}

// KeepRetained records that an administrator has seen which serials of a scope are retained and keeps them revoked: the alarm ends until more
// are. The audit entry is durable when it returns. When nothing is retained it is ErrNoRetained.
func (s *Store) KeepRetained(scope revocation.ScopeID, by, comment string, now time.Time) error {
	if err := checkDates(revocation.AdminRecord{RecordedAt: now}); err != nil {
		return err
	}
	return s.writer.do(&change{
		apply: func(t *stateTx) error {
			p, err := t.pointer(scope)
			if err != nil {
				return err
			}
			if p == nil || p.info.Retained == 0 {
				return revocation.ErrNoRetained
			}
			if err := t.audit(retainedEntry(auditKept, p.info, by, comment, now)); err != nil {
				return err
			}
			p.alarm = false
			t.failed = errors.Join(t.failed, t.putPointer(*p))
			return t.failed
		},
		publish: func() {
			if g := s.current(scope); g != nil {
				g.alarm.Store(false)
			}
		},
	})
}

func retainedEntry(action string, info *revocation.CRLInfo, by, comment string, now time.Time) AuditEntry {
	return AuditEntry{At: now, By: by, Action: action, Issuer: info.Issuer.String(), Scope: info.Scope.String(),
		Retained: info.Retained, Comment: comment}
}

// DropRetained records that an administrator accepts that the serials retained of a scope are not revoked any more, and puts the CRL in
// force without them as its next generation, in one transaction. When it returns without an error every lookup that begins now sees
// it; whoever keeps answers drops those of the change. When nothing is retained it is ErrNoRetained.
func (s *Store) DropRetained(scope revocation.ScopeID, by, comment string, now time.Time) (revocation.CRLChange, error) {
	if err := checkDates(revocation.AdminRecord{RecordedAt: now}); err != nil {
		return revocation.CRLChange{}, err
	}
	c := &commit{store: s}
	defer c.cleanUp()
	change, err := c.accept(scope, func(info *revocation.CRLInfo) AuditEntry {
		return retainedEntry(auditAccepted, info, by, comment, now)
	})
	if err != nil {
		return revocation.CRLChange{}, fmt.Errorf("accepting what the CRL dropped: %w", err)
	}
	return change, nil
}

// accept puts the generation in force without what is retained in force as the next one.
func (c *commit) accept(scope revocation.ScopeID, entry func(*revocation.CRLInfo) AuditEntry) (change revocation.CRLChange, err error) {
	if err := c.store.claim(scope); err != nil {
		return change, err
	}
	defer c.store.unclaim(scope)
	if err := c.store.writer.resume(); err != nil {
		return change, err
	}
	if c.old = c.store.current(scope); c.old == nil || c.old.info.Retained == 0 {
		return change, revocation.ErrNoRetained
	}
	c.info = new(*c.old.info)
	g, change, err := c.rewrite()
	if err != nil {
		return change, clearly(err)
	}
	signed, err := c.copySigned()
	if err == nil {
		err = c.place(g, signed)
	}
	if err != nil {
		return change, clearly(err)
	}
	audit := extra{
		apply:   func(t *stateTx) { t.failed = errors.Join(t.failed, t.audit(entry(c.old.info))) },
		publish: func() {},
	}
	err = c.flip(g, &change, changeAccepted, audit)
	return change, err
}

// rewrite writes the generation in force, but for what is retained in it, to a new file.
func (c *commit) rewrite() (g *generation, change revocation.CRLChange, err error) {
	if c.path, err = c.store.tempPath("generation-*"); err != nil {
		return nil, change, err
	}
	c.track(c.path)
	var w written
	err = guarded(func() (err error) {
		w.diff = newDiffer(c.old, keepNothing)
		w.header, err = c.copyListed(w.diff)
		return err
	})
	if err != nil {
		if errors.Is(err, errDamaged) {
			err = errors.Join(err, c.old.verify()) // which notes the damage, so that the store says it is degraded
		}
		return nil, change, err
	}
	if g, err = w.open(c); err == nil {
		g.overtaken = c.old.overtaken
	}
	return g, w.diff.change, err
}

// copyListed writes the entries that the CRL lists.
func (c *commit) copyListed(d *differ) (h header, err error) {
	p, err := newPacker(c.path, int(c.old.header.blocks+1)*pageOctets)
	if err != nil {
		return h, err
	}
	defer p.close() // see Build.write
	d.put = p.add
	for it := c.old.entries(); it.valid(); it.next() {
		if e := it.packed(); e.flags&retainedFlag == 0 {
			if err := d.step(it.serial(), e); err != nil {
				return h, err
			}
		}
	}
	if err := d.finish(); err != nil {
		return h, err
	}
	c.info.Retained = 0
	return p.finish(header{info: c.info})
}

// copySigned makes a second name for the signed CRL, or a copy where the file system has one name for each file.
func (c *commit) copySigned() (path string, err error) {
	from := c.store.paths.signed(c.info.Scope, c.old.n)
	if path, err = c.store.tempPath("signed-*"); err != nil {
		return "", err
	}
	c.track(path)
	if os.Link(from, path) == nil {
		return path, nil
	}
	in, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	return path, errors.Join(err, out.Close())
}
