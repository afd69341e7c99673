package store

import (
	"sort"
)

// iterator walks the entries of a generation in serial order. The caller keeps the generation alive and runs it under guarded.
type iterator struct {
	g     *generation
	block int
	at    int
	count int // entries in the block
}

// entries starts before the first entry.
func (g *generation) entries() *iterator {
	it := &iterator{g: g, block: -1}
	it.enter(0)
	return it
}

// entriesAfter starts at the first entry whose serial follows one.
func (g *generation) entriesAfter(serial string) *iterator {
	it := &iterator{g: g, block: -1}
	next := sort.Search(len(g.blocks), func(i int) bool { return compareSerials(g.blocks[i].data.serial(0), serial) > 0 })
	it.enter(max(next-1, 0))
	for it.valid() && compareSerials(it.serial(), serial) <= 0 {
		it.next()
	}
	return it
}

// enter goes to the first entry of a block. A block that is not as it was written is not walked: the walk ends as a fault.
func (it *iterator) enter(i int) {
	it.block, it.at, it.count = i, 0, 0
	if i >= len(it.g.blocks) {
		return
	}
	if !it.g.verified.Load() && !it.g.sound(i) {
		panic("a block does not match its checksum")
	}
	it.count = it.g.blocks[i].data.count()
}

func (it *iterator) valid() bool { return it.at < it.count }

func (it *iterator) next() {
	if it.at++; it.at == it.count {
		it.g.forgetBehind(it.block)
		it.enter(it.block + 1)
	}
}

// serial shares the memory of the generation.
func (it *iterator) serial() string { return it.g.blocks[it.block].data.serial(it.at) }

func (it *iterator) packed() packed { return it.g.blocks[it.block].data.packed(it.at) }
