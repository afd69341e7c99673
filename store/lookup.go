package store

import (
	"runtime/debug"

	"github.com/vetopki/veto/revocation"
)

// answer is what a generation can say of a serial.
type answer uint8

const (
	notListed answer = iota
	listed
	unreadable // the block that would list it is damaged: neither can be said
)

// find looks a serial up. It takes no lock and allocates nothing: one probe of the index, then a search in one block. The caller
// keeps the generation alive. A block that fails its checksum or cannot be read from the disk marks the generation as damaged.
func (g *generation) find(serial string, e *revocation.Entry) (a answer) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if !isFault(p) {
				panic(p)
			}
			g.damaged.Store(true)
			a = unreadable
		}
	}()
	if len(serial) >= serialSlots || g.groups[len(serial)] == nil {
		return notListed
	}
	grp := g.groups[len(serial)]
	i, number := grp.candidate(serial)
	if i < 0 {
		return notListed
	}
	if !g.verified.Load() && !g.sound(grp.base+i) {
		return unreadable
	}
	record := grp.search(i, serial, number)
	if record == nil {
		return notListed
	}
	*e = unpack(record[len(serial):]).entry()
	return listed
}

// sound checks the checksum of a block when it is read for the first time.
func (g *generation) sound(i int) bool {
	word, bit := &g.checked[i/32], uint32(1)<<(i%32)
	if word.Load()&bit != 0 {
		return true
	}
	if !g.blocks[i].block().intact() {
		g.damaged.Store(true)
		return false
	}
	word.Or(bit)
	return true
}
