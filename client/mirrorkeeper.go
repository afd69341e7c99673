package client

import (
	"context"
	"io"
	"slices"

	"github.com/vetopki/veto/internal/follow"
	"github.com/vetopki/veto/internal/snapshot"
	"github.com/vetopki/veto/revocation"
)

// keeper is a Mirror as the follower of the feed sees it; it implements follow.Copy.
type keeper Mirror

// Generation implements follow.Copy.
func (k *keeper) Generation() (uint64, string, bool) {
	return k.generation.Load(), k.epoch, k.data.Load() != nil
}

// Load implements follow.Copy. The snapshot goes to the file on the way; an error of the file is no reason to go without the copy.
func (k *keeper) Load(ctx context.Context, body io.Reader) error {
	m := (*Mirror)(k)
	file := m.newFile()
	defer file.discard()
	r, err := snapshot.NewReader(io.TeeReader(body, file), m.o.SnapshotKey)
	if err != nil {
		return err
	}
	defer r.Close()
	d, err := readMirrored(ctx, r, m.o.MaxOctets)
	if err != nil {
		return err
	}
	m.put(d, r.Header)
	if err := file.keep(); err != nil {
		m.note(err)
	}
	return nil
}

// put puts a copy in place of the one before.
func (m *Mirror) put(d *mirrored, h snapshot.Header) {
	m.data.Store(d)
	m.generation.Store(h.Generation)
	m.epoch = h.Epoch
	m.announce()
}

// maxOverlay is how many serials may change before a new snapshot is read: their entries take ten times the memory.
func maxOverlay(entries int) int { return max(entries/16, 1<<16) }

// Change implements follow.Copy.
func (k *keeper) Change(c *follow.Change) bool {
	d := k.data.Load()
	if d == nil {
		return false
	}
	var concerned []*section
	for _, text := range c.IssuerIDs {
		id, err := revocation.ParseIssuerID(text)
		if err != nil {
			return false
		}
		if s := d.byID[id]; s != nil && !slices.Contains(concerned, s) {
			concerned = append(concerned, s)
		}
	}
	if len(concerned) > 0 && (c.Everything || len(c.Entries) != len(c.Serials)) {
		return false
	}
	for i, text := range c.Serials {
		serial, err := revocation.ParseSerial(text)
		if err != nil {
			return false
		}
		for _, s := range concerned {
			e, listed := entryOf(&c.Entries[i])
			s.overlay.set(string(serial), e, listed)
			if int(s.overlay.size.Load()) > maxOverlay(d.entries) {
				return false
			}
		}
	}
	k.generation.Store(c.Generation)
	(*Mirror)(k).announce()
	return true
}

// entryOf reads an entry. Of a reason or cause that is not known here it keeps that the serial is revoked.
func entryOf(c *follow.Entry) (e snapshot.Entry, listed bool) {
	e = snapshot.Entry{RevokedAt: c.RevokedAt, Because: revocation.Because(c.Because), Unsure: c.Unsure}
	e.Reason, _ = revocation.ParseReason(c.Reason) // unspecified beside an error
	return e, c.Revoked || c.Unsure
}

// State implements follow.Copy.
func (k *keeper) State(s *follow.State) bool {
	d := k.data.Load()
	if d == nil || !d.same(s.Issuers) {
		return false
	}
	k.epoch = s.Epoch
	for i, section := range d.sections {
		section.silence.Store(newSilence(&s.Issuers[i]))
	}
	(*Mirror)(k).announce()
	return true
}

// Heard implements follow.Copy.
func (k *keeper) Heard() bool {
	m := (*Mirror)(k)
	now := m.now()
	m.heard.Store(&now)
	m.note(nil)
	m.readyOnce.Do(func() { close(m.ready) })
	return true
}

// Lost implements follow.Copy.
func (k *keeper) Lost(err error) { (*Mirror)(k).note(err) }
