package client

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/vetopki/veto/internal/snapshot"
)

// overlay holds what changed since the snapshot: a hash table for readers without a lock, whose nodes never change. One writer at a time
// replaces the chain of a slot, or all slots when it grows.
type overlay struct {
	seed  maphash.Seed
	slots atomic.Pointer[[]overlaySlot]
	size  atomic.Int64
}

type overlaySlot = atomic.Pointer[overlayNode]

type overlayNode struct {
	serial string
	entry  snapshot.Entry
	listed bool // or else the serial is like one that nothing lists
	next   *overlayNode
}

func newOverlay() *overlay {
	o := &overlay{seed: maphash.MakeSeed()}
	slots := make([]overlaySlot, 16)
	o.slots.Store(&slots)
	return o
}

// get is what is known of a serial, nil when it did not change.
func (o *overlay) get(serial []byte) *overlayNode {
	if o.size.Load() == 0 {
		return nil
	}
	slots := *o.slots.Load()
	for n := slots[maphash.Bytes(o.seed, serial)&uint64(len(slots)-1)].Load(); n != nil; n = n.next {
		if n.serial == text(serial) {
			return n
		}
	}
	return nil
}

// set notes what is known of a serial.
func (o *overlay) set(serial string, e snapshot.Entry, listed bool) {
	slots := *o.slots.Load()
	if int(o.size.Load()) >= len(slots) {
		slots = o.grow(slots)
	}
	slot := &slots[maphash.String(o.seed, serial)&uint64(len(slots)-1)]
	rest, had := withoutNode(slot.Load(), serial)
	slot.Store(&overlayNode{strings.Clone(serial), e, listed, rest})
	if !had {
		o.size.Add(1)
	}
}

// withoutNode is a chain without the node of a serial; what follows that node is shared.
func withoutNode(n *overlayNode, serial string) (rest *overlayNode, had bool) {
	if n == nil {
		return nil, false
	}
	if n.serial == serial {
		return n.next, true
	}
	if rest, had = withoutNode(n.next, serial); !had {
		return n, false
	}
	return &overlayNode{n.serial, n.entry, n.listed, rest}, true
}

// grow doubles the table. Readers that hold the old one find in it all that was there when they began.
func (o *overlay) grow(old []overlaySlot) []overlaySlot {
	slots := make([]overlaySlot, 2*len(old))
	for i := range old {
		for n := old[i].Load(); n != nil; n = n.next {
			slot := &slots[maphash.String(o.seed, n.serial)&uint64(len(slots)-1)]
			slot.Store(&overlayNode{n.serial, n.entry, n.listed, slot.Load()})
		}
	}
	o.slots.Store(&slots)
	return slots
}
