package store

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// generation is one CRL of one scope, opened for reading. Its blocks lie in a mapped file that is never written again.
//
// Whoever reads blocks keeps the generation until it is done (runtime.KeepAlive): the mapping is undone by the garbage collector
// once nobody does. Counting readers instead would cost every lookup two writes to a shared cache line, 25 to 50 ns with two
// cores reading; this costs nothing.
type generation struct {
	info   *revocation.CRLInfo
	n      uint64
	header header
	blocks []blockRef
	groups [serialSlots]*group // by serial length; nil where there are none
	from   blockFile
	bare   bool // it is an inventory: serials alone

	overtaken bool          // see pointer; set before the generation is published
	alarm     atomic.Bool   // see pointer
	since     atomic.Uint64 // of the store, when it came into force; 0 when that was before this process began

	// Until the digest of the whole file was verified, each block is checked when it is first read: a bit of checked says that
	// it was. damaged is set for good by the first block that fails or cannot be read.
	verified atomic.Bool
	damaged  atomic.Bool
	checked  []atomic.Uint32
}

// mapping is what holds the blocks of a generation in memory: one read transaction for the life of the file.
type mapping struct {
	db   *bolt.DB
	tx   *bolt.Tx
	file *os.File // of db
}

func (m mapping) close() error { return errors.Join(m.tx.Rollback(), m.db.Close()) }

// openGeneration maps a generation file and checks its structure: header, number, order and shape of the blocks. The checksums
// of the blocks and the digest are not read here, so that a start takes milliseconds; see generation.verify.
func openGeneration(path string, scope revocation.ScopeID, n uint64) (*generation, error) {
	return (&generation{n: n}).open(path, scope)
}

func (g *generation) open(path string, scope revocation.ScopeID) (*generation, error) {
	m, err := mapFile(path)
	if err == nil {
		g.from = blockFile{m.file, m.db.Info().Data, m.tx.Size()}
		if err = guarded(func() error { return g.load(path, scope, m.tx) }); err != nil {
			err = errors.Join(err, m.close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("opening generation %d of scope %s: %w", g.n, scope, err)
	}
	runtime.AddCleanup(g, func(m mapping) { m.close() }, m)
	return g, nil
}

func mapFile(path string) (m mapping, err error) {
	readAhead(path)
	if m.db, m.file, err = openBoltFile(path, bolt.Options{ReadOnly: true, Timeout: lockRetry}); err != nil {
		return m, err
	}
	if m.tx, err = m.db.Begin(false); err != nil {
		return m, errors.Join(err, m.db.Close())
	}
	return m, nil
}

func (g *generation) load(path string, scope revocation.ScopeID, tx *bolt.Tx) (err error) {
	if err := checkSize(path, tx); err != nil {
		return err
	}
	if g.header, err = readHeader(tx); err != nil {
		return err
	}
	if g.info = g.header.info; g.info.Scope != scope {
		return fmt.Errorf("the file is of scope %s", g.info.Scope)
	}
	firsts, err := g.collectBlocks(tx)
	if err != nil {
		return err
	}
	return g.buildGroups(firsts)
}

// checkSize refuses a file that ends before its last page: reading there would fault.
func checkSize(path string, tx *bolt.Tx) error {
	st, err := os.Stat(path)
	if err == nil && st.Size() < tx.Size() {
		err = fmt.Errorf("the file has %d octets of %d: it was cut off", st.Size(), tx.Size())
	}
	return err
}

// collectBlocks walks the blocks in order and notes where each lies. It returns the first serials of all, one after another.
func (g *generation) collectBlocks(tx *bolt.Tx) (firsts []byte, err error) {
	bucket := tx.Bucket(blocksBucket)
	if bucket == nil {
		return nil, errors.New("the file has no blocks")
	}
	g.blocks = make([]blockRef, 0, g.header.blocks)
	var key, last []byte
	entries := uint64(0)
	ahead := newWindow(g.from)
	c := bucket.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		ahead.reach(&v[0])
		b := block(v)
		if err := b.checkShape(); err != nil {
			return nil, err
		}
		if b.bare() != g.bare {
			return nil, errors.New("a block of an inventory stands where one of a CRL belongs, or the other way round")
		}
		if key = blockKey(key[:0], b.serial(0)); string(key) != string(k) {
			return nil, errors.New("the key of a block is not its first serial")
		}
		if string(last) >= string(k) {
			return nil, errors.New("the blocks are not in order")
		}
		last = append(last[:0], k...)
		entries += uint64(b.count())
		g.blocks, firsts = append(g.blocks, refer(b)), append(firsts, b.serial(0)...)
		g.forgetBehind(len(g.blocks) - 1)
	}
	if entries != g.header.entries || uint64(len(g.blocks)) != g.header.blocks {
		return nil, fmt.Errorf("the file has %d entries in %d blocks, its header says %d in %d",
			entries, len(g.blocks), g.header.entries, g.header.blocks)
	}
	g.checked = make([]atomic.Uint32, (len(g.blocks)+31)/32)
	return firsts, nil
}

// buildGroups indexes the blocks of each serial length. The outer blocks bound what a group can list, so their checksums are
// checked at once; the first serials of the others are known from their keys.
func (g *generation) buildGroups(firsts []byte) error {
	for from := 0; from < len(g.blocks); {
		n, to := int(g.blocks[from].length), from+1
		for to < len(g.blocks) && int(g.blocks[to].length) == n {
			to++
		}
		if !g.sound(from) || !g.sound(to-1) {
			return fmt.Errorf("a block of serials of %d octets does not match its checksum", n)
		}
		g.groups[n] = newGroup(g.blocks[from:to:to], from, firsts)
		from, firsts = to, firsts[n*(to-from):]
	}
	return nil
}
