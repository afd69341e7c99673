package client

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"sync/atomic"

	"github.com/vetopki/veto/internal/snapshot"
	"github.com/vetopki/veto/revocation"
)

// mirrored is a snapshot in memory, with what changed since.
type mirrored struct {
	sections []*section
	byID     map[revocation.IssuerID]*section
	entries  int
	octets   int64
	seed     maphash.Seed
	known    atomic.Pointer[map[uint64]*knownIssuer]
}

// section is what is held of an issuer.
type section struct {
	name    string
	ids     []string
	serials serialSet
	overlay *overlay
	silence atomic.Pointer[silence]
}

// find is what is known of a serial; found is false for one that nothing lists.
func (s *section) find(serial []byte) (e snapshot.Entry, found bool) {
	if n := s.overlay.get(serial); n != nil {
		return n.entry, n.listed
	}
	word := s.serials.find(serial)
	if word == nil {
		return e, false
	}
	return snapshot.EntryOf(word), true
}

// readMirrored reads a snapshot to its end, where it proves to be whole.
func readMirrored(ctx context.Context, r *snapshot.Reader, most int64) (*mirrored, error) {
	d := &mirrored{byID: map[revocation.IssuerID]*section{}, seed: maphash.MakeSeed()}
	d.known.Store(&map[uint64]*knownIssuer{})
	for {
		i, err := r.Next()
		if errors.Is(err, io.EOF) {
			return d, nil
		}
		if err != nil {
			return nil, err
		}
		s, err := readSection(ctx, r, i, most-d.octets)
		if err != nil {
			return nil, err
		}
		n, octets, err := s.serials.complete()
		if err != nil {
			return nil, err
		}
		d.entries, d.octets = d.entries+n, d.octets+octets
		if err := d.addSection(s); err != nil {
			return nil, err
		}
	}
}

func readSection(ctx context.Context, r *snapshot.Reader, i *snapshot.Issuer, most int64) (*section, error) {
	s := &section{name: i.Name, ids: i.IDs, overlay: newOverlay()}
	s.silence.Store(newSilence(i))
	s.serials.reserve(i.Serials, most)
	var octets int64
	for {
		length, serials, dates, flags, err := r.Chunk()
		if err != nil || length == 0 {
			return s, err
		}
		if octets += int64(len(serials) + len(dates) + len(flags)); octets > most {
			return nil, fmt.Errorf("what is revoked takes more than the %d octets that MirrorOptions.MaxOctets leaves", most)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s.serials.add(length, serials, dates, flags)
	}
}

func (d *mirrored) addSection(s *section) error {
	for _, text := range s.ids {
		id, err := revocation.ParseIssuerID(text)
		if err != nil {
			return err
		}
		if d.byID[id] != nil {
			return fmt.Errorf("issuer %s comes twice", text)
		}
		d.byID[id] = s
	}
	d.sections = append(d.sections, s)
	return nil
}

// same says whether a state is of the same issuers as the snapshot.
func (d *mirrored) same(issuers []snapshot.Issuer) bool {
	return slices.EqualFunc(d.sections, issuers, func(s *section, i snapshot.Issuer) bool { return slices.Equal(s.ids, i.IDs) })
}
