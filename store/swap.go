package store

import (
	"slices"

	"github.com/vetopki/veto/revocation"
)

// extra is what becomes durable together with a generation. publish is called with Store.mu held.
type extra struct {
	apply   func(*stateTx)
	publish func()
}

// withSource remembers the state of the source.
func (c *commit) withSource(st revocation.SourceState) (extra, error) {
	scope := c.info.Scope
	b, err := encodeSource(st)
	if err != nil {
		return extra{}, err
	}
	st, err = decodeSource(b) // as a restart will read it
	return extra{
		apply:   func(t *stateTx) { t.put(sourcesBucket, scope[:], b) },
		publish: func() { c.store.sources[scope] = st },
	}, err
}

// pointer is the record that puts the generation in force. It serves whom the one before served, and those who name the scope now.
func (c *commit) pointer(t *stateTx, g *generation, diff *revocation.CRLChange) (pointer, error) {
	p := pointer{n: g.n, info: g.info, overtaken: g.overtaken}
	before, err := t.pointer(c.info.Scope)
	if err != nil {
		return p, err
	}
	if before != nil {
		p.serves, p.alarm = before.serves, before.alarm
		if p.overtaken {
			p.lost = before.lost
		}
	}
	c.store.mu.Lock()
	p.serves = union(p.serves, c.store.named[c.info.Scope])
	c.store.mu.Unlock()
	if len(p.serves) == 0 {
		p.serves = []revocation.IssuerID{c.info.Issuer}
	}
	p.alarm = diff.Retained > 0 || p.alarm && g.info.Retained > 0
	g.alarm.Store(p.alarm)
	return p, nil
}

// describe fills in what the change is about.
func (c *commit) describe(diff *revocation.CRLChange, g *generation, serves []revocation.IssuerID) {
	diff.Issuer, diff.Issuers, diff.Scope, diff.New = c.info.Issuer, slices.Clone(serves), c.info.Scope, g.info
	if c.old != nil {
		diff.Old = c.old.info
	}
	c.noteRefit(diff)
}
