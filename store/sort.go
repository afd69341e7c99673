package store

import (
	"bytes"
	"encoding/binary"
)

// sortRecords orders fixed-size records by their first key octets, in place: an American flag sort (radix, most significant octet
// first), which needs no second copy of ten million records. Equal keys end up in no particular order.
//
// Two records of one serial are merged later, so that order does not matter.
func sortRecords(records []byte, stride, key int) {
	s := sorter{stride: stride, key: key}
	s.sort(records, 0)
}

type sorter struct {
	stride, key int
	held        [recordMax]byte // the record in hand
}

// recordMax is the size of the longest record: the longest serial, two dates and flags.
const recordMax = serialSlots - 1 + wordOctets + dateOctets

// fewRecords is where moving records one by one beats counting their octets.
const fewRecords = 24

// sort orders records that agree in the octets before depth.
func (s *sorter) sort(records []byte, depth int) {
	for depth < s.key {
		n := len(records) / s.stride
		if n <= fewRecords {
			s.insert(records, depth)
			return
		}
		var count [256]int
		for i := depth; i < len(records); i += s.stride {
			count[records[i]]++
		}
		if count[records[depth]] == n { // all share this octet
			depth++
			continue
		}
		s.distribute(records, depth, &count)
		from := 0
		for _, c := range count {
			if c > 1 {
				s.sort(records[from:from+c*s.stride], depth+1)
			}
			from += c * s.stride
		}
		return
	}
}

// distribute moves each record into the range of its octet at depth: it takes one in hand and exchanges it with the first
// unsettled one of the range it belongs to, until the cycle closes.
func (s *sorter) distribute(records []byte, depth int, count *[256]int) {
	var next, end [256]int
	at := 0
	for i, c := range count {
		next[i] = at
		at += c * s.stride
		end[i] = at
	}
	held := s.held[:s.stride]
	for i := range count {
		for next[i] < end[i] {
			start := next[i]
			bucket := int(records[start+depth])
			if bucket == i {
				next[i] += s.stride
				continue
			}
			copy(held, records[start:])
			for bucket != i {
				to := next[bucket]
				next[bucket] += s.stride
				exchange(held, records[to:to+s.stride])
				bucket = int(held[depth])
			}
			copy(records[start:], held)
			next[i] += s.stride
		}
	}
}

// exchange swaps two records.
func exchange(a, b []byte) {
	for len(a) >= 8 && len(b) >= 8 {
		x, y := binary.NativeEndian.Uint64(a), binary.NativeEndian.Uint64(b)
		binary.NativeEndian.PutUint64(a, y)
		binary.NativeEndian.PutUint64(b, x)
		a, b = a[8:], b[8:]
	}
	b = b[:len(a)]
	for i := range a {
		a[i], b[i] = b[i], a[i]
	}
}

// insert is an insertion sort of a few records by the octets from depth on.
func (s *sorter) insert(records []byte, depth int) {
	held := s.held[:s.stride]
	for i := s.stride; i < len(records); i += s.stride {
		k := records[i+depth : i+s.key]
		j := i
		for j > 0 && bytes.Compare(records[j-s.stride+depth:j-s.stride+s.key], k) > 0 {
			j -= s.stride
		}
		if j < i {
			copy(held, records[i:i+s.stride])
			copy(records[j+s.stride:i+s.stride], records[j:i])
			copy(records[j:], held)
		}
	}
}
