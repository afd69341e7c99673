package store

import (
	"strings"

	"github.com/vetopki/veto/revocation"
)

// differ compares the generation in force with the entries of the next one as they are written, in one pass over two sorted
// runs.
type differ struct {
	old    *iterator // nil when there is none to compare with
	change revocation.CRLChange
}

// newDiffer begins a comparison. Without an old generation everything is added.
func newDiffer(old *generation) *differ {
	d := &differ{}
	if old != nil {
		d.old = old.entries()
	}
	return d
}

// step takes the next entry of the new generation.
func (d *differ) step(serial string, e packed) {
	if d.old == nil {
		d.added(serial)
		return
	}
	for d.old.valid() {
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
			return
		}
		d.removed()
	}
	d.added(serial)
}

// finish takes what is left of the old generation.
func (d *differ) finish() revocation.CRLChange {
	for d.old != nil && d.old.valid() {
		d.removed()
	}
	return d.change
}

func (d *differ) added(serial string) {
	d.change.Added++
	d.note(serial)
}

func (d *differ) removed() {
	d.change.Removed++
	d.note(d.old.serial())
	d.old.next()
}

// note keeps a copy of a serial that differs, up to the bound beyond which everything counts as changed.
func (d *differ) note(serial string) {
	switch {
	case d.change.Everything:
	case len(d.change.Serials) == revocation.MaxChangedSerials:
		d.change.Everything, d.change.Serials = true, nil
	default:
		d.change.Serials = append(d.change.Serials, revocation.Serial(strings.Clone(serial)))
	}
}
