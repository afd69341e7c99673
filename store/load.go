package store

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// loadState reads state.db into the table, all but the audit chain and the change log, and returns the pointers of the scopes. Any
// record that does not match its checksum is an error: a revocation that cannot be read must not be taken for none.
func (s *Store) loadState() (pointers []pointer, err error) {
	err = s.state.view(func(tx *bolt.Tx) error {
		h, err := readHead(tx)
		if err != nil {
			return err
		}
		s.generation.Store(h.generation)
		stored, err := readClock(tx)
		if err != nil {
			return err
		}
		s.clock.start(time.Now(), stored)
		if err := s.loadAdmin(tx, h.records); err != nil {
			return err
		}
		if err := errors.Join(s.loadInventories(tx, h.inventories), s.loadUpstream(tx, h.upstreams), s.loadSources(tx)); err != nil {
			return err
		}
		pointers, err = loadPointers(tx)
		return err
	})
	return pointers, err
}

func (s *Store) loadAdmin(tx *bolt.Tx, want uint64) error {
	n := uint64(0)
	err := forEachSealed(tx, adminBucket, func(k, v []byte) error {
		issuer, serial, err := splitAdminKey(k)
		if err != nil {
			return err
		}
		r, err := decodeRecord(v)
		if err != nil {
			return err
		}
		s.setAdmin(issuer, serial, r)
		n++
		return nil
	})
	if err == nil && n != want {
		err = fmt.Errorf("it has %d administrative records, %d were written", n, want)
	}
	return err
}

func (s *Store) loadSources(tx *bolt.Tx) error {
	return forEachSealed(tx, sourcesBucket, func(k, v []byte) error {
		st, err := decodeSource(v)
		if err == nil {
			s.sources[revocation.ScopeID(k)] = st
		}
		return err
	})
}

func loadPointers(tx *bolt.Tx) (list []pointer, err error) {
	err = forEachSealed(tx, scopesBucket, func(k, v []byte) error {
		p, err := decodePointer(v)
		if err == nil && p.info.Scope != revocation.ScopeID(k) {
			err = errors.New("a pointer stands under another scope")
		}
		list = append(list, p)
		return err
	})
	return list, err
}

func forEachSealed(tx *bolt.Tx, bucket []byte, f func(k, v []byte) error) error {
	return tx.Bucket(bucket).ForEach(func(k, v []byte) error {
		b, err := unseal(bucket, k, v)
		if err != nil {
			return err
		}
		return f(k, b)
	})
}
