package store

import (
	"fmt"
	"os"
	"unsafe"
)

// run is a sequence of records of one size in ascending order of their serials: a lane that was sorted, in memory or, where that
// was too small, in a file from which it is read window by window.
type run struct {
	serial int // octets of a serial
	stride int
	window []byte // records in memory
	at     int    // octet of the window where the current record begins

	file      *os.File // nil: the window is all there is
	from, end int64    // what of the file was not read yet
	buffer    []byte   // the memory of windows
}

// text is the serial of the current record, in memory that is overwritten as the run is read on.
func (r *run) text() string { return unsafe.String(&r.window[r.at], r.serial) }

func (r *run) packed() packed { return unpack(r.window[r.at+r.serial : r.at+r.stride]) }

// next moves on to the next record; false: there is none.
func (r *run) next() (bool, error) {
	if r.at += r.stride; r.at < len(r.window) {
		return true, nil
	}
	return r.fill()
}

// fill reads the next window.
func (r *run) fill() (bool, error) {
	n := min(r.end-r.from, int64(len(r.buffer)))
	if r.file == nil || n == 0 {
		return false, nil
	}
	r.window, r.at = r.buffer[:n], 0
	if _, err := r.file.ReadAt(r.window, r.from); err != nil {
		return false, fmt.Errorf("reading back sorted entries of a CRL being built: %w", err)
	}
	r.from += n
	return true, nil
}
