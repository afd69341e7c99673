package store

import (
	"encoding/binary"
	"fmt"
)

// head is the one record that every transaction of state.db rewrites: what was counted so far.
type head struct {
	commits     uint64   // transactions; how a transaction whose commit failed is recognised afterwards
	generation  uint64   // rises with every change of what the store would answer
	records     uint64   // admin records, released ones included
	audits      uint64   // audit entries; also the number of the last
	auditHash   [32]byte // of the last audit entry, zero before the first
	changeRows  uint64   // rows in the change log
	changeBytes uint64   // octets of their values
}

var headKey = []byte("head")

const headOctets = 6*8 + 32

func (h head) encode() []byte {
	b := make([]byte, 0, headOctets)
	for _, n := range []uint64{h.commits, h.generation, h.records, h.audits, h.changeRows, h.changeBytes} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return append(b, h.auditHash[:]...)
}

func decodeHead(b []byte) (h head, err error) {
	if len(b) != headOctets {
		return h, fmt.Errorf("the head has %d octets, not %d", len(b), headOctets)
	}
	for i, n := range []*uint64{&h.commits, &h.generation, &h.records, &h.audits, &h.changeRows, &h.changeBytes} {
		*n = binary.BigEndian.Uint64(b[8*i:])
	}
	copy(h.auditHash[:], b[6*8:])
	return h, nil
}
