package store

import (
	"sort"
	"unsafe"
)

// iterator walks the entries of a generation in serial order. The caller keeps the generation alive and runs it under guarded.
type iterator struct {
	g      *generation
	walk   *walker // nil: blocks are read where they are mapped
	i      int     // of the block
	rest   block
	length int // of serials in the block
	stride int
}

// entries starts before the first entry, for a walk over all of them.
func (g *generation) entries() *iterator {
	it := &iterator{g: g, walk: &walker{g: g}}
	it.enter(0)
	return it
}

// entriesAfter starts at the first entry whose serial follows one.
func (g *generation) entriesAfter(serial string) *iterator {
	next := sort.Search(len(g.blocks), func(i int) bool { return compareSerials(g.blocks[i].block().serial(0), serial) > 0 })
	it := &iterator{g: g}
	it.enter(max(next-1, 0))
	for it.valid() && compareSerials(it.serial(), serial) <= 0 {
		it.next()
	}
	return it
}

// enter goes to the first entry of a block. A block that is not as it was written is not walked: the walk ends as a fault.
func (it *iterator) enter(i int) {
	it.i, it.rest = i, nil
	if i >= len(it.g.blocks) {
		return
	}
	if !it.g.verified.Load() && !it.g.sound(i) {
		panic("a block does not match its checksum")
	}
	var b block
	if it.walk != nil {
		b = it.walk.block(i)
	} else {
		b = it.g.blocks[i].block()
	}
	it.rest, it.length, it.stride = b[blockHeader:], b.serialLen(), b.stride()
}

func (it *iterator) valid() bool { return len(it.rest) > 0 }

func (it *iterator) next() {
	if it.rest = it.rest[it.stride:]; len(it.rest) == 0 {
		it.enter(it.i + 1)
	}
}

// serial is valid until next.
func (it *iterator) serial() string { return unsafe.String(&it.rest[0], it.length) }

func (it *iterator) packed() packed { return unpack(it.rest[it.length:it.stride]) }
