package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	bolt "go.etcd.io/bbolt"
)

// packer writes a generation file: entries in serial order become blocks, and blocks go to the file in chunks, each one
// transaction that is not synced. The whole file is synced once, at the end.
type packer struct {
	db     *bolt.DB
	digest hash.Hash
	header header
	bare   bool // an inventory: of each entry the serial alone is written

	// The block being filled.
	length      int
	wide        bool
	serials     []byte // one after another
	entries     []packed
	chunk       []byte // blocks not yet written, one after another
	chunkBounds []int  // where each ends in chunk
}

// chunkOctets is how much is written in one transaction. bbolt holds about twice as much while it does.
const chunkOctets = 4 << 20

// newPacker begins a file at path, which must not exist. octets is about how large it will become.
func newPacker(path string, octets int) (*packer, error) {
	db, err := openBolt(path, bolt.Options{NoSync: true, NoGrowSync: true, NoFreelistSync: true,
		FreelistType: bolt.FreelistMapType, PageSize: pageOctets, InitialMmapSize: octets, Timeout: lockRetry})
	if err != nil {
		return nil, err
	}
	return &packer{db: db, digest: sha256.New()}, nil
}

// add appends an entry. Serials must come in order, each once.
func (p *packer) add(serial string, e packed) error {
	wide := p.wide || e.invalidity != noDate
	if n := len(p.entries); n > 0 && (len(serial) != p.length || n >= p.capacity(wide)) { // n is above it when wide begins
		if err := p.flushBlock(); err != nil {
			return err
		}
		wide = e.invalidity != noDate
	}
	p.length, p.wide = len(serial), wide
	p.serials, p.entries = append(p.serials, serial...), append(p.entries, e)
	return nil
}

// capacity is how many entries the block being filled takes.
func (p *packer) capacity(wide bool) int {
	if p.bare {
		return bareCapacity(p.length)
	}
	return blockCapacity(p.length, wide)
}

// flushBlock moves what was collected into the chunk as one block.
func (p *packer) flushBlock() error {
	n := len(p.entries)
	if len(p.chunk)+blockHeader+n*entryOctets(p.length, p.wide) > chunkOctets {
		if err := p.flushChunk(); err != nil {
			return err
		}
	}
	from := len(p.chunk)
	p.chunk = append(p.chunk, byte(p.length), 0, byte(n>>8), byte(n), 0, 0, 0, 0)
	switch {
	case p.bare:
		p.chunk[from+1] = bareRecords
	case p.wide:
		p.chunk[from+1] = 1
	}
	for i, e := range p.entries {
		serial := p.serials[i*p.length : (i+1)*p.length]
		if p.bare {
			p.chunk = append(p.chunk, serial...)
		} else {
			p.chunk = appendRecord(p.chunk, serial, e, p.wide)
		}
	}
	b := block(p.chunk[from:])
	binary.BigEndian.PutUint32(b[4:], b.sum())
	p.digest.Write(b[:blockHeader])
	p.chunkBounds = append(p.chunkBounds, len(p.chunk))
	p.header.blocks++
	p.header.entries += uint64(n)
	p.wide, p.serials, p.entries = false, p.serials[:0], p.entries[:0]
	return nil
}

func appendRecord(b, serial []byte, e packed, wide bool) []byte {
	b = append(b, serial...)
	b = append(appendDate(b, e.revoked), e.flags)
	if wide {
		b = appendDate(b, e.invalidity)
	}
	return b
}

// flushChunk writes the blocks of the chunk in one transaction.
func (p *packer) flushChunk() error {
	err := p.db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(blocksBucket)
		if err != nil {
			return err
		}
		b.FillPercent = 1 // the keys only rise
		var key []byte
		from := 0
		for _, to := range p.chunkBounds {
			v := block(p.chunk[from:to:to])
			key = blockKey(key[:0], v.serial(0))
			if err := b.Put(key, v); err != nil {
				return fmt.Errorf("writing the block of %x: %w", key, err)
			}
			from = to
		}
		return nil
	})
	p.chunk, p.chunkBounds = p.chunk[:0], p.chunkBounds[:0]
	return err
}

// finish writes what is left and the header, and syncs the file. h gives what the packer does not count itself.
func (p *packer) finish(h header) (header, error) {
	if len(p.entries) > 0 {
		if err := p.flushBlock(); err != nil {
			return header{}, err
		}
	}
	if err := p.flushChunk(); err != nil {
		return header{}, err
	}
	h.entries, h.blocks = p.header.entries, p.header.blocks
	p.digest.Sum(h.digest[:0])
	if err := p.db.Update(func(tx *bolt.Tx) error { return writeHeader(tx, h) }); err != nil {
		return header{}, err
	}
	return h, errors.Join(p.db.Sync(), p.close())
}

func (p *packer) close() error { return p.db.Close() }
