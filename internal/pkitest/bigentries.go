package pkitest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// bigReasons are the reason codes that entries get, each as likely as the other.
var bigReasons = [...]byte{1, 3, 4, 5, 6, 9}

// reasonExtensions is crlEntryExtensions with a reasonCode, without its last octet.
const reasonExtensions = "\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01"

const revokedWithin = 365 // days before thisUpdate

// bigEntries makes the entries of a big CRL, each from its number alone, so that nothing is held.
type bigEntries struct {
	n, octets  int
	shuffled   bool
	descending bool
	repeats    uint64 // entries of each serial
	share      uint64 // an entry has a reason when its dice are below
	seed       uint64
	low, step  uint64 // the first 8 octets of serial i lie in [low+i*step, low+(i+1)*step)
	days       [revokedWithin][6]byte
	blank, all int // octets of an entry without and with a reason
}

func newBigEntries(o BigCRLOptions) (*bigEntries, error) {
	e := &bigEntries{n: o.Entries, octets: o.SerialOctets, shuffled: o.Shuffled, descending: o.Descending, seed: o.Seed, repeats: uint64(max(o.Repeats, 1))}
	if e.octets == 0 {
		e.octets = 16
	}
	if e.octets < 1 || e.octets > 64 || o.Entries < 0 || o.ReasonShare < 0 || o.ReasonShare > 1 {
		return nil, fmt.Errorf("a big CRL needs 0 or more entries, serials of 1 to 64 octets and a share of reasons from 0 to 1")
	}
	// The first octet runs from 0x01 to 0x7f: positive and minimal at every length.
	top := min(e.octets, 8)
	e.low = 1 << (8 * (top - 1))
	e.step = (1<<(8*top-1) - e.low) / max(e.serials(), 1)
	if e.step == 0 {
		return nil, fmt.Errorf("there are not %d serials of %d octets", e.serials(), e.octets)
	}
	e.share = uint64(o.ReasonShare * math.MaxUint32)
	e.blank = 2 + 2 + e.octets + 15
	e.all = e.blank + len(reasonExtensions) + 1
	last := orTime(o.ThisUpdate, -time.Minute).UTC()
	for i := range e.days {
		copy(e.days[i][:], last.AddDate(0, 0, -i-1).Format("060102"))
	}
	return e, nil
}

// BigCRLSerial is the i-th serial, in ascending order, of the CRL that WriteBigCRL writes with the same options.
func BigCRLSerial(o BigCRLOptions, i int) ([]byte, error) {
	e, err := newBigEntries(o)
	if err != nil {
		return nil, err
	}
	if i < 0 || uint64(i) >= e.serials() {
		return nil, fmt.Errorf("serial %d of %d", i, e.serials())
	}
	return e.appendSerial(nil, uint64(i)), nil
}

// serials is how many different ones there are.
func (e *bigEntries) serials() uint64 { return (uint64(e.n) + e.repeats - 1) / e.repeats }

// size is the number of octets of all entries.
func (e *bigEntries) size() int {
	size := 0
	for i := range uint64(e.n) {
		if e.hasReason(e.dice(i)) {
			size += e.all
		} else {
			size += e.blank
		}
	}
	return size
}

func (e *bigEntries) write(out *bufio.Writer) error {
	order := newScatter(uint64(e.n), e.seed)
	var buf []byte
	for at := range uint64(e.n) {
		i := at
		switch {
		case e.shuffled:
			i = order.at(at)
		case e.descending:
			i = uint64(e.n) - 1 - at
		}
		buf = e.appendEntry(buf[:0], i)
		if _, err := out.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

func (e *bigEntries) appendEntry(b []byte, i uint64) []byte {
	dice := e.dice(i)
	reason, size := e.hasReason(dice), e.blank
	if reason {
		size = e.all
	}
	b = append(b, 0x30, byte(size-2), 0x02, byte(e.octets))
	b = e.appendSerial(b, i/e.repeats)
	b = append(b, 0x17, 13)
	b = append(b, e.days[dice>>40%revokedWithin][:]...)
	second := (dice >> 8) % 86400
	for _, v := range [...]uint64{second / 3600, second / 60 % 60, second % 60} {
		b = append(b, '0'+byte(v/10), '0'+byte(v%10))
	}
	b = append(b, 'Z')
	if reason {
		b = append(append(b, reasonExtensions...), bigReasons[dice>>33%uint64(len(bigReasons))])
	}
	return b
}

// appendSerial appends serial i: a stretch of the whole range belongs to each, so that they ascend and none comes twice.
func (e *bigEntries) appendSerial(b []byte, i uint64) []byte {
	r := mix(e.seed + i*3 + 1)
	within, _ := bits.Mul64(r, e.step)
	top := min(e.octets, 8)
	first := (e.low + i*e.step + within) << (64 - 8*top)
	b = binary.BigEndian.AppendUint64(b, first)
	b = b[:len(b)-8+top]
	for rest := e.octets - top; rest > 0; rest -= 8 {
		r = mix(r)
		for k := range min(rest, 8) {
			b = append(b, byte(r>>(8*k)))
		}
	}
	return b
}

// dice are the random bits of entry i.
func (e *bigEntries) dice(i uint64) uint64 { return mix(e.seed ^ 0x9e3779b97f4a7c15 + i*5) }

func (e *bigEntries) hasReason(dice uint64) bool { return dice&math.MaxUint32 < e.share }

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014): each input bit changes half of the output bits.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// scatter is an order of 0..n-1 without a list of it: a permutation of the numbers up to the next power of two, applied again
// while it leads beyond n.
type scatter struct{ n, mask, c uint64 }

func newScatter(n, seed uint64) scatter {
	return scatter{n: n, mask: 1<<bits.Len64(n) - 1, c: mix(seed) | 1}
}

// at is the number at a place of the order.
func (s scatter) at(place uint64) uint64 {
	shift := max(bits.Len64(s.mask)/2, 1)
	for x := place; ; {
		// Odd factor, odd addend and a shifted exclusive or are each a permutation of the numbers up to mask.
		x = (x*0xd1342543de82ef95 + s.c) & s.mask
		x ^= x >> shift
		x = (x * 0xaf251af3b0f025b5) & s.mask
		if x < s.n {
			return x
		}
	}
}
