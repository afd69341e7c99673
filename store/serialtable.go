package store

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/vetopki/veto/revocation"
)

// serialTable holds something about serials of one issuer for lookups without a lock and without an allocation: a hash table
// whose nodes never change. One writer at a time replaces the chain of a slot, or all slots when it grows.
type serialTable[V any] struct {
	seed  maphash.Seed
	slots atomic.Pointer[[]serialSlot[V]]
	nodes int // the writer's
}

type serialSlot[V any] struct{ atomic.Pointer[serialNode[V]] }

type serialNode[V any] struct {
	serial revocation.Serial
	value  *V
	next   *serialNode[V]
}

// adminTable holds the administrative records of an issuer.
type adminTable = serialTable[revocation.AdminRecord]

func newAdminTable() *adminTable { return newSerialTable[revocation.AdminRecord]() }

func newSerialTable[V any]() *serialTable[V] {
	t := &serialTable[V]{seed: maphash.MakeSeed()}
	t.slots.Store(new(make([]serialSlot[V], 16)))
	return t
}

// get is what is noted of a serial, nil when nothing is; a nil table has nothing. It must not be changed.
func (t *serialTable[V]) get(serial revocation.Serial) *V {
	if t == nil {
		return nil
	}
	slots := *t.slots.Load()
	for n := t.slot(slots, serial).Load(); n != nil; n = n.next {
		if n.serial == serial {
			return n.value
		}
	}
	return nil
}

// slot finds the slot of a serial; the number of slots is a power of two.
func (t *serialTable[V]) slot(slots []serialSlot[V], serial revocation.Serial) *serialSlot[V] {
	return &slots[maphash.String(t.seed, string(serial))&uint64(len(slots)-1)]
}

// set notes something of a serial, in place of what was noted before.
func (t *serialTable[V]) set(serial revocation.Serial, value *V) {
	slots := *t.slots.Load()
	if t.nodes >= len(slots) {
		slots = t.grow(slots)
	}
	slot := t.slot(slots, serial)
	rest, had := without(slot.Load(), serial)
	if !had {
		t.nodes++
	}
	slot.Store(&serialNode[V]{serial, value, rest})
}

// remove forgets a serial.
func (t *serialTable[V]) remove(serial revocation.Serial) {
	slot := t.slot(*t.slots.Load(), serial)
	if rest, had := without(slot.Load(), serial); had {
		t.nodes--
		slot.Store(rest)
	}
}

// without is a chain without the node of a serial; what follows that node is shared.
func without[V any](n *serialNode[V], serial revocation.Serial) (rest *serialNode[V], had bool) {
	if n == nil {
		return nil, false
	}
	if n.serial == serial {
		return n.next, true
	}
	if rest, had = without(n.next, serial); !had {
		return n, false
	}
	return &serialNode[V]{n.serial, n.value, rest}, true
}

// grow doubles the table. Readers that hold the old one still find in it all that was there when they began.
func (t *serialTable[V]) grow(old []serialSlot[V]) []serialSlot[V] {
	slots := make([]serialSlot[V], 2*len(old))
	for i := range old {
		for n := old[i].Load(); n != nil; n = n.next {
			slot := t.slot(slots, n.serial)
			slot.Store(&serialNode[V]{n.serial, n.value, slot.Load()})
		}
	}
	t.slots.Store(&slots)
	return slots
}
