package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// Store is an open data directory. Its methods may be called from any goroutine.
type Store struct {
	paths      paths
	log        *slog.Logger
	lock       *dirLock
	state      *state
	writer     *writer
	changeRows uint64
	maxAdded   int      // serials kept beside the packed file of an inventory
	memory     *account // of all builds
	clock      clock

	generation atomic.Uint64
	view       atomic.Pointer[view]
	changed    atomic.Pointer[chan struct{}] // closed at the next generation; nil when nobody waits

	epochs epochs // set by Open

	mu sync.Mutex // guards table and views
	table
	views uint64 // published
}

// Options are the settings of a store; the zero value is right for most.
type Options struct {
	LockTimeout time.Duration // how long Open waits for another process to give up the directory; 3 s when zero
	Log         *slog.Logger  // for what no caller can be told; nowhere when nil
	ChangeRows  int           // rows kept in the change log; 100,000 when zero

	// IngestMemory bounds the memory that the entries of all CRLs being built take together, in octets: 256 MiB when zero, and at least
	// 16 MiB. Beyond it they are sorted in parts and moved to a file.
	IngestMemory int64
}

// Open opens the data directory dir, making what is not there yet. It sweeps what a crash left behind and opens the
// generation in force of every scope; one whose file is damaged is quarantined and the one before serves, which is logged as an
// error.
//
// Errors: revocation.ErrLocked when another process (named) holds the directory; a sentence that says what to do when state.db cannot be
// read or was written by a newer veto.
func Open(dir string, o Options) (*Store, error) {
	s := &Store{paths: paths{dir}, log: o.Log, changeRows: uint64(max(o.ChangeRows, 0)), maxAdded: defaultMaxAdded,
		memory: newAccount(o.IngestMemory), table: newTable()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.changeRows == 0 {
		s.changeRows = defaultChangeRows
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = 3 * time.Second
	}
	if err := s.paths.create(); err != nil {
		return nil, err
	}
	var err error
	if s.lock, err = lockDir(s.paths, o.LockTimeout); err != nil {
		return nil, err
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// load brings everything into memory, in the order: state.db, the generations it points to, and then the broom.
func (s *Store) load() (err error) {
	if s.state, err = openState(s.paths); err != nil {
		return err
	}
	s.writer = &writer{state: s.state, clock: &s.clock, published: s.publishGeneration, commit: (*bolt.Tx).Commit}
	pointers, err := s.loadState()
	if err != nil {
		return stateError(s.paths, err)
	}
	if err := s.openInventories(); err != nil {
		return err
	}
	s.beginEpoch()
	var damaged []pointer
	for _, p := range pointers {
		if p.n == 0 {
			s.setScope(&p, p.info.Scope, nil)
			continue
		}
		g, err := openGeneration(s.paths.generation(p.info.Scope, p.n), p.info.Scope, p.n)
		if err == nil && g.info.SHA256 != p.info.SHA256 {
			err = fmt.Errorf("generation %d of scope %s is of another CRL than state.db says", p.n, p.info.Scope)
		}
		if err != nil {
			s.log.Error("a CRL generation is damaged and is quarantined", "url", p.info.URL, "err", err)
			damaged = append(damaged, p)
			continue
		}
		s.setScope(&p, p.info.Scope, g)
	}
	s.publishView()
	for _, p := range damaged {
		if err := s.openFallback(p); err != nil {
			return err
		}
	}
	return s.sweep()
}

func (s *Store) openFallback(bad pointer) error {
	before, err := s.fallBack(bad.info.Scope, bad.n)
	if err != nil {
		return err
	}
	if err := s.enforceFallback(bad, before); err != nil {
		return err
	}
	if before == nil {
		s.log.Error("the scope has no CRL until it is fetched again", "url", bad.info.URL)
	} else {
		s.log.Error("only the revocations of the CRL before serve until a newer one is fetched", "url", bad.info.URL,
			"number", before.info.Number.String(), "this_update", before.info.ThisUpdate)
	}
	return nil
}

// Close waits for changes under way, closes state.db and gives the directory up. Lookups go on answering from what is in
// memory; changes are refused.
func (s *Store) Close() error {
	var err error
	if s.writer != nil {
		err = s.writer.close()
	} else if s.state != nil {
		err = s.state.close()
	}
	s.mu.Lock()
	lock := s.lock
	s.lock = nil
	s.mu.Unlock()
	if lock != nil {
		err = errors.Join(err, lock.release())
	}
	return err
}

// OpenCRL opens the signed CRL in force for a scope, the octets as they were fetched. The caller closes the file. The error
// wraps fs.ErrNotExist when no CRL is held.
func (s *Store) OpenCRL(scope revocation.ScopeID) (*os.File, *revocation.CRLInfo, error) {
	for {
		g := s.current(scope)
		if g == nil {
			return nil, nil, fmt.Errorf("no CRL is held for scope %s: %w", scope, fs.ErrNotExist)
		}
		f, err := os.Open(s.paths.signed(scope, g.n))
		if err == nil {
			return f, g.info, nil
		}
		if s.current(scope) == g { // not because it was replaced in the meantime
			return nil, nil, fmt.Errorf("opening the signed CRL: %w", err)
		}
	}
}

// Degraded says what is wrong with the store while it goes on serving: state.db cannot be written, or a generation in force
// or an inventory is damaged (see VerifyGenerations). It is nil when all is well.
func (s *Store) Degraded() error {
	err := s.writer.degraded()
	s.mu.Lock()
	defer s.mu.Unlock()
	err = errors.Join(err, s.damagedInventories())
	for _, g := range s.sortedHeld() {
		if g.damaged.Load() {
			err = errors.Join(err, fmt.Errorf("generation %d of scope %s is damaged", g.n, g.info.Scope))
		}
	}
	return err
}
