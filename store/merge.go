package store

import (
	"unsafe"

	"github.com/vetopki/veto/revocation"
)

// merge yields the entries of runs in serial order, each serial once.
type merge struct {
	runs   [serialSlots][]*run // by the length of their serials
	length int                 // serials of this length are being read
	heap   []*run              // those of this length that are not at their end; none has a lower serial than the one at half its index
	held   [revocation.MaxSerialOctets]byte
	err    error // why next ended early
}

// next is the next entry; not ok: there is none, or err says why it cannot be read. The serial is valid until the next call.
func (m *merge) next() (serial string, p packed, ok bool) {
	for len(m.heap) == 0 {
		if m.length++; m.length >= serialSlots || m.err != nil {
			return "", packed{}, false
		}
		m.begin(m.runs[m.length])
	}
	serial = unsafe.String(&m.held[0], copy(m.held[:], m.heap[0].text()))
	p = m.take()
	for len(m.heap) > 0 && m.heap[0].text() == serial { // a CRL that lists a serial twice
		p = combine(p, m.take())
	}
	return serial, p, m.err == nil
}

// begin makes a heap of runs.
func (m *merge) begin(runs []*run) {
	for _, r := range runs {
		if more, err := r.start(); err != nil {
			m.err = err
		} else if more {
			m.heap = append(m.heap, r)
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
}

// start moves to the first record.
func (r *run) start() (bool, error) {
	if r.file == nil {
		return len(r.window) > 0, nil
	}
	return r.fill()
}

// take is the lowest entry, and moves on.
func (m *merge) take() packed {
	p := m.heap[0].packed()
	more, err := m.heap[0].next()
	if err != nil {
		m.err = err
	}
	if !more {
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	}
	m.sink(0)
	return p
}

// sink moves the run at i down to where it belongs.
func (m *merge) sink(i int) {
	for {
		low := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(m.heap); child++ {
			if m.heap[child].text() < m.heap[low].text() {
				low = child
			}
		}
		if low == i {
			return
		}
		m.heap[i], m.heap[low] = m.heap[low], m.heap[i]
		i = low
	}
}
