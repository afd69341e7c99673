package store

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/vetopki/veto/revocation"
)

// adminTable holds the administrative records of one issuer for lookups without a lock and without an allocation: a hash table
// whose nodes never change. One writer at a time replaces the chain of a slot, or all slots when it grows.
type adminTable struct {
	seed  maphash.Seed
	slots atomic.Pointer[[]adminSlot]
	nodes int // the writer's
}

type adminSlot = atomic.Pointer[adminNode]

type adminNode struct {
	serial revocation.Serial
	record *revocation.AdminRecord
	next   *adminNode
}

func newAdminTable() *adminTable {
	t := &adminTable{seed: maphash.MakeSeed()}
	t.slots.Store(new(make([]adminSlot, 16)))
	return t
}

// get is the record of a serial, nil when there is none. It must not be changed.
func (t *adminTable) get(serial revocation.Serial) *revocation.AdminRecord {
	slots := *t.slots.Load()
	for n := t.slot(slots, serial).Load(); n != nil; n = n.next {
		if n.serial == serial {
			return n.record
		}
	}
	return nil
}

// slot finds the slot of a serial; the number of slots is a power of two.
func (t *adminTable) slot(slots []adminSlot, serial revocation.Serial) *adminSlot {
	return &slots[maphash.String(t.seed, string(serial))&uint64(len(slots)-1)]
}

// set adds or replaces the record of a serial.
func (t *adminTable) set(serial revocation.Serial, record *revocation.AdminRecord) {
	slots := *t.slots.Load()
	if t.nodes >= len(slots) {
		slots = t.grow(slots)
	}
	slot := t.slot(slots, serial)
	rest, had := without(slot.Load(), serial)
	if !had {
		t.nodes++
	}
	slot.Store(&adminNode{serial, record, rest})
}

// without is a chain without the node of a serial; what follows that node is shared.
func without(n *adminNode, serial revocation.Serial) (rest *adminNode, had bool) {
	if n == nil {
		return nil, false
	}
	if n.serial == serial {
		return n.next, true
	}
	if rest, had = without(n.next, serial); !had {
		return n, false
	}
	return &adminNode{n.serial, n.record, rest}, true
}

// grow doubles the table. Readers that hold the old one still find in it all that was there when they began.
func (t *adminTable) grow(old []adminSlot) []adminSlot {
	slots := make([]adminSlot, 2*len(old))
	for i := range old {
		for n := old[i].Load(); n != nil; n = n.next {
			slot := t.slot(slots, n.serial)
			slot.Store(&adminNode{n.serial, n.record, slot.Load()})
		}
	}
	t.slots.Store(&slots)
	return slots
}
