package store

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// Revocations lists what is revoked of an issuer, in serial order (shorter serials first, then by octets): up to limit rows whose
// serials follow after, "" for the first page. A page with fewer rows is the last.
//
// Each serial is one row. When a CRL lists it, its delta CRL applied, the row is the CRL's, the earliest when several do; By and Comment
// are then those of an administrator's record that stands too. A hold that was released is listed as Released when no CRL lists the
// serial. What only the CA's own responder revoked is a row with that source.
func (s *Store) Revocations(issuer revocation.IssuerID, after revocation.Serial, limit int) ([]revocation.Listing, error) {
	records, err := s.recordsAfter(issuer, after, limit)
	told, terr := s.upstreamAfter(issuer, after, limit)
	if err := errors.Join(err, terr); err != nil {
		return nil, fmt.Errorf("listing revocations: %w", err)
	}
	records = joinListings(records, told)
	v := s.view.Load().issuers[issuer]
	var rows []revocation.Listing
	err = guarded(func() error {
		rows = mergeListing(v, records, string(after), limit)
		return nil
	})
	runtime.KeepAlive(v)
	if err != nil {
		return nil, fmt.Errorf("listing revocations: %w", err)
	}
	return rows, nil
}

// recordsAfter reads the administrative records of an issuer in serial order.
func (s *Store) recordsAfter(issuer revocation.IssuerID, after revocation.Serial, limit int) (list []revocation.Listing, err error) {
	err = s.rowsAfter(adminBucket, issuer, after, limit, func(serial revocation.Serial, value []byte) error {
		r, err := decodeRecord(value)
		list = append(list, revocation.Listing{Serial: serial, Entry: r.Entry, Source: revocation.SourceAdmin,
			Released: r.Released, By: r.By, Comment: r.Comment})
		return err
	})
	return list, err
}

// rowsAfter reads up to limit rows of an issuer in a bucket that has one for each serial, in serial order.
func (s *Store) rowsAfter(bucket []byte, issuer revocation.IssuerID, after revocation.Serial, limit int,
	each func(serial revocation.Serial, value []byte) error) error {
	from := adminKey(issuer, after)
	return s.state.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()
		k, sealed := c.Seek(from)
		if bytes.Equal(k, from) {
			k, sealed = c.Next()
		}
		for ; limit > 0 && bytes.HasPrefix(k, issuer[:]); k, sealed = c.Next() {
			value, err := unseal(bucket, k, sealed)
			if err != nil {
				return err
			}
			_, serial, err := splitAdminKey(k)
			if err != nil {
				return err
			}
			if err := each(serial, value); err != nil {
				return err
			}
			limit--
		}
		return nil
	})
}

// mergeListing merges the records with the entries of every CRL held.
func mergeListing(v *issuerView, records []revocation.Listing, after string, limit int) (rows []revocation.Listing) {
	var crls []*listing
	if v != nil {
		for i := range v.held {
			crls = append(crls, v.held[i].listAfter(after))
		}
	}
	for len(rows) < limit {
		serial, ok := lowestSerial(crls, records)
		if !ok {
			break
		}
		row := revocation.Listing{Serial: revocation.Serial(strings.Clone(serial))}
		for _, l := range crls {
			if e, listed := l.entry(string(row.Serial)); listed && (row.Source == "" || e.RevokedAt.Before(row.RevokedAt)) {
				row.Entry, row.Source = e, revocation.SourceCRL
			}
		}
		if len(records) > 0 && records[0].Serial == row.Serial {
			if r := records[0]; row.Source == "" {
				row = r
			} else if !r.Released {
				row.By, row.Comment = r.By, r.Comment
			}
			records = records[1:]
		}
		if row.Source != "" { // it may have been listed and removed
			rows = append(rows, row)
		}
	}
	return rows
}

func lowestSerial(crls []*listing, records []revocation.Listing) (lowest string, ok bool) {
	if len(records) > 0 {
		lowest, ok = string(records[0].Serial), true
	}
	for _, l := range crls {
		for _, it := range [...]*iterator{l.complete, l.delta} {
			if it != nil && it.valid() && (!ok || compareSerials(it.serial(), lowest) < 0) {
				lowest, ok = it.serial(), true
			}
		}
	}
	return lowest, ok
}

// listing walks the entries of a complete CRL and of the delta CRL on top of it.
type listing struct {
	of              *consulted
	complete, delta *iterator // nil when there is none
}

func (c *consulted) listAfter(serial string) *listing {
	l := &listing{of: c}
	if c.complete != nil {
		l.complete = c.complete.entriesAfter(serial)
	}
	if c.delta != nil {
		l.delta = c.delta.entriesAfter(serial)
	}
	return l
}

// entry is what the two say together of a serial, as [Store.Evidence] has it. None before it is left.
func (l *listing) entry(serial string) (revocation.Entry, bool) {
	var f revocation.CRLFinding
	if f.Entry, f.Listed = pass(l.complete, serial); l.delta == nil {
		return f.Entry, f.Listed
	}
	d := revocation.DeltaFinding{Info: l.of.delta.info}
	d.Entry, d.Listed = pass(l.delta, serial)
	if l.complete == nil {
		return d.Entry, d.Listed && d.Entry.Reason != revocation.RemoveFromCRL
	}
	f.Info = l.of.complete.info
	l.of.delta.apply(&f, &d)
	return f.Entry, f.Listed
}

// pass goes past the entry of a serial when it is the next one.
func pass(it *iterator, serial string) (e revocation.Entry, ok bool) {
	if it == nil || !it.valid() || it.serial() != serial {
		return e, false
	}
	e = it.packed().entry()
	it.next()
	return e, true
}
