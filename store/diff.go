package store

import (
	"slices"
	"strings"

	"github.com/vetopki/veto/revocation"
)

// differ puts the entries of the next generation in order, compares them with the generation in force in one pass over two sorted
// runs, and hands on what of that stays though the CRL does not list it.
type differ struct {
	old    *iterator // nil when there is none to compare with
	keep   keep
	put    func(serial string, e packed) error // takes what the next generation holds
	change revocation.CRLChange

	dropped  int // entries of the old generation that the CRL does not list, but for those retained before
	retained int // entries put that the CRL does not list
}

// keep says what of the old generation stays though the CRL does not list it.
type keep uint8

const (
	keepRetained keep = iota // what was retained before, until it is accepted or listed again
	keepAll                  // everything: the shrink guard
	keepNothing              // nothing: an administrator accepted it
)

// newDiffer begins a comparison. Without an old generation everything is added.
func newDiffer(old *generation, k keep) *differ {
	d := &differ{keep: k}
	if old != nil {
		d.old = old.entries()
	}
	return d
}

// step takes the next entry of the CRL.
func (d *differ) step(serial string, e packed) error {
	for d.old != nil && d.old.valid() {
		order := compareSerials(d.old.serial(), serial)
		if order > 0 {
			break
		}
		if order == 0 {
			if d.old.packed() != e {
				d.change.Changed++
				d.note(serial)
			}
			d.old.next()
			return d.put(serial, e)
		}
		if err := d.drop(); err != nil {
			return err
		}
	}
	d.change.Added++
	d.note(serial)
	return d.put(serial, e)
}

// drop takes an entry of the old generation that the CRL does not list.
func (d *differ) drop() error {
	serial, e := d.old.serial(), d.old.packed()
	before := e.flags&retainedFlag != 0
	if !before {
		d.dropped++
	}
	defer d.old.next()
	if d.keep == keepNothing || d.keep == keepRetained && !before {
		d.change.Removed++
		d.note(serial)
		return nil
	}
	if !before {
		d.change.Retained++
		d.note(serial)
	}
	d.retained++
	e.flags |= retainedFlag
	return d.put(serial, e)
}

// finish takes what is left of the old generation.
func (d *differ) finish() error {
	for d.old != nil && d.old.valid() {
		if err := d.drop(); err != nil {
			return err
		}
	}
	return nil
}

// note keeps a copy of a serial that differs.
func (d *differ) note(serial string) { noteSerial(&d.change, serial) }

// noteSerial keeps a copy of a serial whose answer may differ, up to the bound beyond which everything counts as different.
func noteSerial(c *revocation.CRLChange, serial string) {
	switch {
	case c.Everything:
	case len(c.Serials) == revocation.MaxChangedSerials:
		everything(c)
	default:
		c.Serials = append(c.Serials, revocation.Serial(strings.Clone(serial)))
	}
}

func everything(c *revocation.CRLChange) { c.Everything, c.Serials = true, nil }

// sortSerials puts noted serials in order, each once.
func sortSerials(c *revocation.CRLChange) {
	slices.SortFunc(c.Serials, func(a, b revocation.Serial) int { return compareSerials(string(a), string(b)) })
	c.Serials = slices.Compact(c.Serials)
}
