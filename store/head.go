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
	inventories uint64   // inventories in force
	upstreams   uint64   // revocations that upstream responders told of
}

var headKey = []byte("head")

// headOctets is the size of a head, and of one of schema 1, which has no last two numbers: they are zero.
const headOctets, headOctets1 = 8*8 + 32, 6*8 + 32

func (h head) encode() []byte {
	b := make([]byte, 0, headOctets)
	for _, n := range []uint64{h.commits, h.generation, h.records, h.audits, h.changeRows, h.changeBytes} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = append(b, h.auditHash[:]...)
	b = binary.BigEndian.AppendUint64(b, h.inventories)
	return binary.BigEndian.AppendUint64(b, h.upstreams)
}

func decodeHead(b []byte) (h head, err error) {
	if len(b) != headOctets && len(b) != headOctets1 {
		return h, fmt.Errorf("the head has %d octets, not %d", len(b), headOctets)
	}
	for i, n := range []*uint64{&h.commits, &h.generation, &h.records, &h.audits, &h.changeRows, &h.changeBytes} {
		*n = binary.BigEndian.Uint64(b[8*i:])
	}
	copy(h.auditHash[:], b[6*8:])
	if len(b) == headOctets {
		h.inventories, h.upstreams = binary.BigEndian.Uint64(b[headOctets1:]), binary.BigEndian.Uint64(b[headOctets1+8:])
	}
	return h, nil
}
