package store

import (
	"unsafe"

	"github.com/vetopki/veto/revocation"
)

// merge yields the entries of sorted lanes in serial order, each serial once.
type merge struct {
	lanes  *[serialSlots][2]*lane
	length int    // serials of this length are being read
	at     [2]int // in the narrow and the wide lane of that length
}

// next is the next entry. The serial shares the memory of a lane.
func (m *merge) next() (serial string, p packed, ok bool) {
	for ; m.length < serialSlots; m.length++ {
		if serial, p, ok = m.take(); ok {
			for { // a CRL that lists a serial twice
				again, q, more := m.peek()
				if !more || again != serial {
					return serial, p, true
				}
				m.take()
				p = combine(p, q)
			}
		}
		m.at = [2]int{}
	}
	return "", packed{}, false
}

// peek is the lowest entry of the current length, from either lane.
func (m *merge) peek() (serial string, p packed, ok bool) {
	if l := m.lowest(); l >= 0 {
		lane := m.lanes[m.length][l]
		return lane.text(m.at[l]), lane.packed(m.at[l]), true
	}
	return "", packed{}, false
}

func (m *merge) take() (serial string, p packed, ok bool) {
	l := m.lowest()
	if l < 0 {
		return "", packed{}, false
	}
	lane, i := m.lanes[m.length][l], m.at[l]
	m.at[l]++
	return lane.text(i), lane.packed(i), true
}

// lowest is the lane whose next entry comes first, -1 when both are at their end.
func (m *merge) lowest() int {
	narrow, wide := m.lanes[m.length][0], m.lanes[m.length][1]
	hasNarrow, hasWide := narrow != nil && m.at[0] < narrow.count, wide != nil && m.at[1] < wide.count
	switch {
	case hasNarrow && hasWide:
		if wide.text(m.at[1]) < narrow.text(m.at[0]) {
			return 1
		}
		return 0
	case hasNarrow:
		return 0
	case hasWide:
		return 1
	}
	return -1
}

// text is the serial of the i-th record, in the memory of the lane.
func (l *lane) text(i int) string { return unsafe.String(&l.memory[i*l.stride], l.serial) }

// combine merges two entries of one serial in one CRL as the decision rule merges evidence: the earliest dates, and the reason that
// says most; of two that say as much, the one with the lower number, so that the order of the entries does not matter. A removal
// (RFC 5280 §5.3.1, removeFromCRL) says nothing beside a revocation.
func combine(p, q packed) packed {
	if removal := p.removal(); removal != q.removal() {
		if removal {
			return q
		}
		return p
	}
	if rp, rq := reasonRank(p.flags), reasonRank(q.flags); rq > rp || rq == rp && q.flags < p.flags {
		p.flags = q.flags
	}
	p.revoked, p.invalidity = min(p.revoked, q.revoked), min(p.invalidity, q.invalidity)
	return p
}

func (p packed) removal() bool {
	return revocation.Reason(p.flags&reasonMask) == revocation.RemoveFromCRL
}

// reasonRank: keyCompromise beats all, a permanent reason beats a hold.
func reasonRank(flags byte) int {
	switch revocation.Reason(flags & reasonMask) {
	case revocation.KeyCompromise:
		return 2
	case revocation.CertificateHold:
		return 0
	}
	return 1
}
