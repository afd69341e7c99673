package store

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// guarded runs f and turns what a damaged file does to it into an error: the panics of bbolt on pages that make no sense, and
// the faults of reading a mapped page that the file no longer has or the disk cannot deliver (SIGBUS).
func guarded(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}

// errDamaged is what guarded returns for a panic.
var errDamaged = errors.New("damaged file")

// isFault says whether a recovered panic is a fault on a mapped page rather than a mistake in the program.
func isFault(p any) bool {
	_, ok := p.(interface{ Addr() uintptr })
	return ok
}
