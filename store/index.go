package store

import (
	"math/bits"
	"unsafe"
)

// blockRef is one block of a mapped generation: where it is, and the octets of its first serial that tell blocks apart.
type blockRef struct {
	first  uint64
	at     *byte // beyond the Go heap
	count  uint16
	stride uint16
	length uint8 // of its serials
}

func refer(b block) blockRef {
	return blockRef{at: &b[0], count: uint16(b.count()), stride: uint16(b.stride()), length: uint8(b.serialLen())}
}

func (r *blockRef) block() block { return unsafe.Slice(r.at, blockHeader+int(r.count)*int(r.stride)) }

// group finds the block of a serial among the blocks whose serials have one length. Serials that count up share a long prefix and
// random ones none, so the prefix all serials share is cut off, the next eight octets are taken as a number, and a table
// over its top bits leads to the few blocks that can hold it.
type group struct {
	prefix   string // shared by every serial of the group
	min, max uint64 // the numbers of the first and last serial
	shift    uint   // (number-min)>>shift is the slot in table
	table    []uint32
	blocks   []blockRef
	base     int // position of blocks[0] in the generation
}

// newGroup indexes the ascending blocks of one serial length. Their first serials, one after another, are given, so that the file is
// walked only once.
func newGroup(blocks []blockRef, base int, firsts []byte) *group {
	tail := blocks[len(blocks)-1].block()
	n, last := tail.serialLen(), tail.serial(tail.count()-1)
	first := func(i int) string { return unsafe.String(&firsts[i*n], n) }
	g := &group{prefix: string([]byte(first(0)[:sharedPrefix(first(0), last)])), blocks: blocks, base: base}
	g.min, g.max = g.number(first(0)), g.number(last)
	for i := range blocks {
		blocks[i].first = g.number(first(i))
	}
	width := bits.Len(uint(len(blocks)))
	g.shift = uint(max(0, bits.Len64(g.max-g.min)-width))
	g.table = make([]uint32, (g.max-g.min)>>g.shift+2)
	slot := 0
	for i := range blocks {
		for ; slot <= g.slot(blocks[i].first); slot++ {
			g.table[slot] = uint32(i)
		}
	}
	for ; slot < len(g.table); slot++ {
		g.table[slot] = uint32(len(blocks))
	}
	return g
}

// slot is where in the table a number within min and max is found.
func (g *group) slot(number uint64) int { return int((number - g.min) >> g.shift) }

// number is what follows the shared prefix in a serial of the group, as a number of eight octets.
func (g *group) number(serial string) uint64 {
	s := serial[len(g.prefix):]
	if len(s) >= 8 {
		return uint64(s[0])<<56 | uint64(s[1])<<48 | uint64(s[2])<<40 | uint64(s[3])<<32 |
			uint64(s[4])<<24 | uint64(s[5])<<16 | uint64(s[6])<<8 | uint64(s[7])
	}
	var n uint64
	for i := range len(s) {
		n |= uint64(s[i]) << (56 - 8*i)
	}
	return n
}

// sharedPrefix is how many leading octets of two serials of one length can be cut off: those they share, as long as eight
// remain where there are eight.
func sharedPrefix(a, b string) int {
	n := 0
	for n < max(0, len(a)-8) && a[n] == b[n] {
		n++
	}
	return n
}

// candidate is the only block that can hold a serial, and the numbers between which its entries lie. It is negative when no
// block can.
func (g *group) candidate(serial string) (i int, number uint64) {
	if serial[:len(g.prefix)] != g.prefix {
		return -1, 0
	}
	number = g.number(serial)
	if number < g.min || number > g.max {
		return -1, 0
	}
	slot := g.slot(number)
	lo, hi := int(g.table[slot]), int(g.table[slot+1])
	for lo < hi { // the first block that begins after the serial
		mid := int(uint(lo+hi) >> 1)
		if f := g.blocks[mid].first; f > number || f == number && g.blocks[mid].block().serial(0) > serial {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo - 1, number
}

// within guesses where in block i of the group a number lies, as if the serials of the block were spread evenly.
func (g *group) within(i int, number uint64) int {
	from, to := g.blocks[i].first, g.max
	if i+1 < len(g.blocks) {
		to = g.blocks[i+1].first
	}
	n := int(g.blocks[i].count)
	guess := int(float64(number-from) / (float64(to-from) + 1) * float64(n))
	return min(max(guess, 0), n-1)
}

// search finds the record of a serial in block i: from a guess outward, then by halves.
//
// The octets around the guess are nearly always on three or four cache lines that no cache holds. So they are all asked for before
// any is looked at, and memory delivers them together; one after the other they would cost most of a lookup.
func (g *group) search(i int, serial string, number uint64) (record []byte) {
	b, stride, length := g.blocks[i].block(), int(g.blocks[i].stride), len(serial)
	lo, hi := 0, int(g.blocks[i].count) // the serial is in [lo, hi) if anywhere
	guess := g.within(i, number)
	var at [len(probes)]int
	var found [len(probes)]uint64
	for p, distance := range probes {
		at[p] = min(max(guess+distance, 0), hi-1)
		found[p] = g.number(unsafe.String(&b[blockHeader+at[p]*stride], length))
	}
	for p := range probes {
		if found[p] < number {
			lo = at[p] + 1
		} else if found[p] > number {
			hi = min(hi, at[p])
		}
	}
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		r := b[blockHeader+mid*stride:][:stride]
		switch order := g.order(r, serial, number); {
		case order == 0:
			return r
		case order < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return nil
}

// probes are the distances from the guess that are looked at first: of serials spread evenly, nearly all are within.
var probes = [...]int{-9, -6, -3, 0, 3, 6, 9}

// order compares the serial of a record with one whose number is known.
func (g *group) order(record []byte, serial string, number uint64) int {
	s := unsafe.String(&record[0], len(serial))
	switch n := g.number(s); {
	case n < number:
		return -1
	case n > number:
		return 1
	case s == serial:
		return 0
	case s < serial:
		return -1
	}
	return 1
}
