package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
)

// What an administrator says of a serial holds for all keys of the CA: a serial is unique in the CA (RFC 5280 §4.1.2.2), not in a key
// of it. It is recorded for each key, so that it stays when a key leaves the configuration; of records that differ the strongest
// counts.

// Revoke implements api.Admin.
func (o *operator) Revoke(_ context.Context, r api.RevokeRequest) (revocation.AdminRecord, revocation.Outcome, uint64, error) {
	keys := o.directory.keysOf(r.Issuer)
	// Also after an error: its outcome may be unknown, and an answer signed anew is never wrong.
	defer o.purge(keys, r.Serial)
	if len(keys) == 1 {
		return o.store.Revoke(r.Issuer, r.Serial, r.Want)
	}
	defer o.turns.take(r.Serial)()
	record, outcome, err := o.standing(keys, r.Serial).Amend(r.Want)
	if err != nil {
		return record, outcome, 0, err
	}
	generation, err := forEachKey(keys, func(key revocation.IssuerID) (uint64, error) {
		_, _, generation, err := o.store.Revoke(key, r.Serial, record)
		if _, differs := errors.AsType[*revocation.Conflict](err); differs { // what stands for this key revokes as well
			generation, err = o.store.Generation(), nil
		}
		return generation, err
	})
	return record, outcome, generation, err
}

// Release implements api.Admin.
func (o *operator) Release(_ context.Context, r api.ReleaseRequest) (revocation.AdminRecord, revocation.Outcome, uint64, error) {
	keys := o.directory.keysOf(r.Issuer)
	defer o.purge(keys, r.Serial)
	if len(keys) == 1 {
		record, generation, err := o.store.Release(r.Issuer, r.Serial, r.By, r.Comment, r.Now)
		return record, revocation.Lifted, generation, err
	}
	defer o.turns.take(r.Serial)()
	record, err := o.standing(keys, r.Serial).Release(r.By, r.Comment, r.Now)
	if err != nil {
		return record, revocation.Lifted, 0, err
	}
	generation, err := forEachKey(keys, func(key revocation.IssuerID) (uint64, error) {
		_, generation, err := o.store.Release(key, r.Serial, r.By, r.Comment, r.Now)
		if errors.Is(err, revocation.ErrNoRecord) {
			generation, err = o.store.Generation(), nil
		}
		return generation, err
	})
	return record, revocation.Lifted, generation, err
}

// standing is what administrators said of a serial for any of the keys.
func (o *operator) standing(keys []revocation.IssuerID, serial revocation.Serial) (r *revocation.AdminRecord) {
	for _, key := range keys {
		r = revocation.Strongest(r, o.store.AdminRecord(key, serial))
	}
	return r
}

// forEachKey makes a change for each key and returns the generation of the last. When it fails after some were done, the error says so:
// asking again does the rest.
func forEachKey(keys []revocation.IssuerID, change func(revocation.IssuerID) (uint64, error)) (generation uint64, err error) {
	for done, key := range keys {
		g, err := change(key)
		if err != nil && done > 0 {
			return generation, &api.PartialChange{Done: done, Of: len(keys), Err: err}
		}
		if err != nil {
			return 0, err
		}
		generation = max(generation, g)
	}
	return generation, nil
}

// Revocations implements api.Admin. The lists of several keys are merged: one row for each serial.
func (o *operator) Revocations(issuer revocation.IssuerID, after revocation.Serial, limit int) ([]revocation.Listing, error) {
	var rows []revocation.Listing
	for _, key := range o.directory.keysOf(issuer) {
		more, err := o.store.Revocations(key, after, limit)
		if err != nil {
			return nil, err
		}
		rows = mergeListings(rows, more)
	}
	return rows[:min(limit, len(rows))], nil
}

// mergeListings merges two lists in the store's order of serials: shorter ones first, then by octets.
func mergeListings(a, b []revocation.Listing) []revocation.Listing {
	if len(a) == 0 {
		return b
	}
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y revocation.Listing) int {
		return cmp.Or(cmp.Compare(len(x.Serial), len(y.Serial)), cmp.Compare(x.Serial, y.Serial))
	})
	merged := all[:0]
	for _, row := range all {
		if last := len(merged) - 1; last >= 0 && merged[last].Serial == row.Serial {
			merged[last] = mergeRows(merged[last], row)
		} else {
			merged = append(merged, row)
		}
	}
	return merged
}

// mergeRows makes one row of what is listed for two keys: a CRL goes before an administrator, and of two the strongest.
func mergeRows(a, b revocation.Listing) revocation.Listing {
	record := func(l revocation.Listing) *revocation.AdminRecord {
		return &revocation.AdminRecord{Entry: l.Entry, Released: l.Released, By: l.By, Comment: l.Comment}
	}
	switch {
	case a.Source != b.Source && b.Source == revocation.SourceCRL:
		a, b = b, a
		fallthrough
	case a.Source != b.Source:
		if a.By == "" && !b.Released {
			a.By, a.Comment = b.By, b.Comment
		}
		return a
	}
	r := revocation.Strongest(record(a), record(b))
	return revocation.Listing{Serial: a.Serial, Entry: r.Entry, Source: a.Source, Released: r.Released, By: r.By, Comment: r.Comment}
}

// turns lets changes of one serial of a CA with several keys happen one after the other: each is several changes of the store.
type turns [64]sync.Mutex

// take waits for the turn of a serial and returns how to give it up.
func (t *turns) take(serial revocation.Serial) (leave func()) {
	lock := &t[0]
	if serial != "" {
		lock = &t[int(serial[len(serial)-1])%len(t)]
	}
	lock.Lock()
	return lock.Unlock
}
