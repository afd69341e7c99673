package store

import (
	"fmt"

	"github.com/vetopki/veto/revocation"
)

// lane collects the entries whose serials have one length, with or without an invalidity date, as records like those of a block, in
// memory beyond the heap. So 10 million entries with serials of 16 octets take 220 MB, and sorting moves records in place.
type lane struct {
	serial  int // octets of a serial
	stride  int
	wide    bool
	sorted  bool // the records came in ascending order
	count   int
	granted int // octets of memory that may be written to
	memory  []byte
}

// firstArena is what a lane begins with; it doubles from there, and pages never written to cost nothing.
const firstArena = 64 << 10

func newLane(serial int, wide bool) *lane {
	return &lane{serial: serial, wide: wide, stride: entryOctets(serial, wide), sorted: true}
}

func (l *lane) record(i int) []byte { return l.memory[i*l.stride : (i+1)*l.stride : (i+1)*l.stride] }

// records are all of them, one after another.
func (l *lane) records() []byte { return l.memory[:l.count*l.stride] }

func (l *lane) hasRoom() bool { return (l.count+1)*l.stride <= l.granted }

// step is how many octets the lane asks for next: to the end of what the kernel gives at once.
func (l *lane) step() int {
	unit := pageOctets
	if len(l.memory) >= hugeArena {
		unit = hugePage
	}
	return unit - l.granted%unit
}

// grow lets the lane write to more octets. What is mapped doubles, up to the limit of what may be written to.
func (l *lane) grow(more, limit int) error {
	if want := l.granted + more; want > len(l.memory) {
		memory, err := growArena(l.memory, max(firstArena, want, min(2*len(l.memory), limit)))
		if err != nil {
			return fmt.Errorf("growing the memory of a CRL being built: %w", err)
		}
		l.memory = memory
	}
	l.granted += more
	return nil
}

// add takes an entry; there is room for it.
func (l *lane) add(r *revocation.Record) {
	b := l.record(l.count)
	copy(b, r.Serial)
	putDate(b[l.serial:], packDate(r.RevokedAt))
	b[l.serial+dateOctets] = byte(r.Reason)
	if l.wide {
		putDate(b[l.serial+wordOctets:], packDate(r.InvalidityDate))
	}
	if l.sorted && l.count > 0 {
		l.sorted = string(l.record(l.count - 1)[:l.serial]) <= string(r.Serial)
	}
	l.count++
}

func (l *lane) sort() {
	if !l.sorted {
		sortRecords(l.records(), l.stride, l.serial)
		l.sorted = true
	}
}

// free empties the lane and gives its memory back to the system. It says how much was granted.
func (l *lane) free() (granted int) {
	if l.memory != nil {
		freeArena(l.memory) //nolint:errcheck // unmapping what was mapped cannot fail
	}
	granted = l.granted
	l.memory, l.count, l.granted, l.sorted = nil, 0, 0, true
	return granted
}

// checkRecord says whether an entry can be stored.
func checkRecord(r *revocation.Record) error {
	if err := revocation.CheckSerialDER(r.Serial); err != nil {
		return err
	}
	if !r.Reason.Valid() {
		return fmt.Errorf("%w: %s (RFC 5280 §5.3.1)", revocation.ErrUnknownReason, r.Reason)
	}
	if !storable(r.RevokedAt) || r.HasInvalidity && !storable(r.InvalidityDate) {
		return revocation.Refuse("date", "RFC 5280 §5.1.2.6", "the entry of serial %s has a date outside the years 0 to 9999",
			revocation.Serial(r.Serial))
	}
	return nil
}

func storable(unix int64) bool { return dateEpoch <= unix && unix < dateEnd }
