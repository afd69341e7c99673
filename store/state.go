package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// The buckets of state.db.
var (
	metaBucket        = []byte("meta")
	scopesBucket      = []byte("scopes")
	sourcesBucket     = []byte("sources")
	adminBucket       = []byte("admin")
	auditBucket       = []byte("audit")
	changesBucket     = []byte("changes")
	inventoriesBucket = []byte("inventories") // since schema 2
	issuedBucket      = []byte("issued")      // likewise
	upstreamBucket    = []byte("upstream")    // likewise

	stateBuckets = [][]byte{metaBucket, scopesBucket, sourcesBucket, adminBucket, auditBucket, changesBucket, inventoriesBucket,
		issuedBucket, upstreamBucket}

	schemaKey = []byte("schema")
)

// stateSchema is the version of the layout of state.db that this package writes; it reads no newer one. An older one gets what it
// lacks: a veto of that version would ignore it, and say good of serials that were never issued, so it must not read the file again.
const stateSchema = 2

// stateMmap is mapped from the start, so that a growing file does not have to wait for readers to be mapped again.
const stateMmap = 256 << 20

// state is state.db, which can be closed and opened again under its users.
type state struct {
	paths paths

	mu sync.RWMutex // held for reading while db is in use, for writing while it is replaced
	db *bolt.DB     // nil when the file could not be opened again, or after close
}

// errStateClosed is what a use of a closed store gets.
var errStateClosed = errors.New("state.db is not open")

// openState opens state.db, or makes it in a directory that has never had one.
func openState(p paths) (*state, error) {
	s := &state{paths: p}
	info, err := os.Stat(p.state())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = s.create()
	case err == nil && info.Size() == 0:
		err = errors.New("the file is empty")
	}
	if err == nil {
		err = s.open()
	}
	if err != nil {
		return nil, stateError(p, err)
	}
	return s, nil
}

// stateError says what to do about a state.db that cannot be read.
func stateError(p paths, err error) error {
	return fmt.Errorf("%s cannot be read: %w. It is not replaced by an empty one, because every revocation made through "+
		"the API would be forgotten: restore it from a backup, or give veto an empty data directory to start anew", p.state(), err)
}

// create makes state.db under another name, complete, and renames it: a state.db that is not whole is never our beginning.
func (s *state) create() error {
	if held, err := anyGeneration(s.paths); err != nil || held {
		return errors.Join(err, errors.New("the file is missing, while crl/ holds generations that belong to it"))
	}
	tmp := s.paths.state() + ".new"
	if err := removeIfThere(tmp); err != nil {
		return err
	}
	db, err := openStateFile(tmp)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range stateBuckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(metaBucket)
		return errors.Join(
			meta.Put(schemaKey, binary.BigEndian.AppendUint32(nil, stateSchema)),
			meta.Put(headKey, seal(metaBucket, headKey, head{}.encode())))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, s.paths.state()); err != nil {
		return err
	}
	return syncDir(s.paths.root)
}

func openStateFile(path string) (*bolt.DB, error) {
	return openBolt(path, bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType,
		PageSize: pageOctets, InitialMmapSize: stateMmap})
}

// open opens the existing file and checks its schema.
func (s *state) open() error {
	db, err := openStateFile(s.paths.state())
	if err != nil {
		return err
	}
	if err := guarded(func() error { return checkSchema(db) }); err != nil {
		return errors.Join(err, db.Close())
	}
	s.db = db
	return nil
}

// checkSchema sees that the file has what it needs, and brings one of an older schema up to date.
func checkSchema(db *bolt.DB) error {
	var schema uint32
	err := db.View(func(tx *bolt.Tx) (err error) {
		schema, err = readSchema(tx)
		return err
	})
	if err != nil {
		return err
	}
	if schema < stateSchema {
		if err := db.Update(upgrade); err != nil {
			return fmt.Errorf("bringing it from schema %d to %d: %w", schema, stateSchema, err)
		}
	}
	return db.View(func(tx *bolt.Tx) error {
		for _, name := range stateBuckets {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("it has no bucket %s", name)
			}
		}
		return nil
	})
}

func readSchema(tx *bolt.Tx) (uint32, error) {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return 0, fmt.Errorf("it has no bucket %s", metaBucket)
	}
	v := meta.Get(schemaKey)
	if len(v) != 4 {
		return 0, errors.New("it has no schema version")
	}
	n := binary.BigEndian.Uint32(v)
	if n > stateSchema {
		return 0, fmt.Errorf("it was written by a newer veto (schema %d, this one reads up to %d); use that version", n, stateSchema)
	}
	return n, nil
}

// upgrade adds what schema 2 has and schema 1 has not. What schema 1 has must be there.
func upgrade(tx *bolt.Tx) error {
	for _, name := range [][]byte{inventoriesBucket, issuedBucket, upstreamBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return tx.Bucket(metaBucket).Put(schemaKey, binary.BigEndian.AppendUint32(nil, stateSchema))
}

// view runs a read transaction.
func (s *state) view(f func(*bolt.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.db == nil {
		return errStateClosed
	}
	return guarded(func() error { return s.db.View(f) })
}

// reopen closes the file and opens it again, which is how what a failed commit left behind becomes known.
func (s *state) reopen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		old := s.db
		s.db = nil
		if err := guarded(old.Close); err != nil {
			return fmt.Errorf("closing state.db: %w", err)
		}
	}
	if err := s.open(); err != nil {
		return fmt.Errorf("opening state.db again: %w", err)
	}
	return nil
}

func (s *state) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	return db.Close()
}
