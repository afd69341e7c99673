package store

import (
	"encoding/binary"
	"unsafe"

	"github.com/vetopki/veto/revocation"
)

// merge yields the entries of the sorted lanes and the runs of a build in serial order, each serial once.
type merge struct {
	build  *Build
	length int       // serials of this length are being read
	heads  []*cursor // those with entries left, as a heap: the one with the lowest serial first
	taken  int
	serial [serialSlots]byte // of the entry yielded last
}

// next is the next entry. The serial is valid until the next call.
func (m *merge) next() (serial string, p packed, ok bool, err error) {
	for len(m.heads) == 0 {
		if m.length++; m.length == serialSlots {
			return "", p, false, nil
		}
		if err := m.enter(); err != nil {
			return "", p, false, err
		}
	}
	n := copy(m.serial[:], m.heads[0].serial())
	serial = unsafe.String(&m.serial[0], n)
	p, err = m.take()
	for err == nil && len(m.heads) > 0 && m.heads[0].serial() == serial { // a CRL that lists a serial twice
		var q packed
		q, err = m.take()
		p = combine(p, q)
	}
	return serial, p, err == nil, err
}

// take takes the first entry of the first cursor.
func (m *merge) take() (packed, error) {
	c := m.heads[0]
	p := c.packed()
	m.taken++
	more, err := c.next()
	if !more {
		last := len(m.heads) - 1
		m.heads[0], m.heads[last] = m.heads[last], nil
		m.heads = m.heads[:last]
	}
	m.sink(0)
	return p, err
}

// mergeMemory is what all cursors of runs read ahead together, as long as that is a page for each.
const mergeMemory = 4 << 20

// enter begins to read the serials of the next length.
func (m *merge) enter() error {
	b := m.build
	runs := &b.runs.list[m.length]
	octets := min(max(mergeMemory/max(len(runs[0])+len(runs[1]), 1), pageOctets), runWrite)
	for i, l := range b.lanes[m.length] {
		stride := entryOctets(m.length, i == 1)
		if l != nil && l.count > 0 {
			m.heads = append(m.heads, &cursor{length: m.length, stride: stride, rest: l.records()})
		}
		for _, r := range runs[i] {
			c := &cursor{length: m.length, stride: stride, from: &runReader{run: r, file: b.runs.file, at: r.from},
				buffer: make([]byte, min(int64(octets/stride*stride), r.to-r.from))}
			if err := c.fill(); err != nil {
				return err
			}
			m.heads = append(m.heads, c)
		}
	}
	for _, c := range m.heads {
		c.look()
	}
	for i := len(m.heads)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	return nil
}

// sink restores the order of the heap below i.
func (m *merge) sink(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.heads); child++ {
			if m.heads[child].before(m.heads[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		m.heads[i], m.heads[least] = m.heads[least], m.heads[i]
		i = least
	}
}

// cursor reads sorted records of one shape, from a lane or from a run.
type cursor struct {
	length, stride int
	first          uint64 // see look: they tell most serials apart
	rest           []byte // what is in memory and not yet taken
	from           *runReader
	buffer         []byte
}

func (c *cursor) serial() string { return unsafe.String(&c.rest[0], c.length) }

func (c *cursor) packed() packed { return unpack(c.rest[c.length:c.stride]) }

// next goes to the next entry and says whether there is one.
func (c *cursor) next() (more bool, err error) {
	if c.rest = c.rest[c.stride:]; len(c.rest) == 0 {
		if err := c.fill(); err != nil || len(c.rest) == 0 {
			return false, err
		}
	}
	c.look()
	return true, nil
}

func (c *cursor) fill() (err error) {
	if c.from != nil {
		c.rest, err = c.from.read(c.buffer)
	}
	return err
}

// look notes the first octets of the serial at hand, where it has as many.
func (c *cursor) look() {
	if c.length >= 8 {
		c.first = binary.BigEndian.Uint64(c.rest)
	}
}

func (c *cursor) before(d *cursor) bool {
	if c.length >= 8 && c.first != d.first {
		return c.first < d.first
	}
	return c.serial() < d.serial()
}

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
