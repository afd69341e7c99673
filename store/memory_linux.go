package store

import (
	"os"

	"golang.org/x/sys/unix"
)

func adviseWillNeed(f *os.File) {
	unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_WILLNEED) //nolint:errcheck // advice: nothing depends on it
}

// populate maps pages that will be read, many at a time.
func populate(pages []byte) {
	unix.Madvise(pages, unix.MADV_POPULATE_READ) //nolint:errcheck // advice: older kernels map each page when it is read
}

// growArena enlarges anonymous memory, moving its pages without copying them. Memory from beyond the heap does not make the
// garbage collector wait for twice as much, and goes back to the system at once.
func growArena(old []byte, size int) ([]byte, error) {
	var b []byte
	var err error
	if old == nil {
		b, err = unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	} else {
		b, err = unix.Mremap(old, size, unix.MREMAP_MAYMOVE)
	}
	if err == nil {
		advice := unix.MADV_NOHUGEPAGE
		if size >= hugeArena {
			advice = unix.MADV_HUGEPAGE
		}
		unix.Madvise(b, advice) //nolint:errcheck // advice: nothing depends on it
	}
	return b, err
}

func freeArena(b []byte) error { return unix.Munmap(b) }
