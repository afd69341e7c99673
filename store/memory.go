package store

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forgetStride is how many blocks a walk over a whole generation leaves behind before it lets go of their pages.
const forgetStride = 1024

// forgetBehind tells the kernel, every forgetStride blocks, that a walk is done with the pages behind it, so that reading all of
// a large file does not count as memory of this process. The pages stay in the page cache; a lookup maps them again.
func (g *generation) forgetBehind(i int) {
	if i == 0 || i%forgetStride != 0 {
		return
	}
	from, to := unsafe.Pointer(g.blocks[i-forgetStride].at), unsafe.Pointer(g.blocks[i].at)
	page := os.Getpagesize()
	from = unsafe.Add(from, -int(uintptr(from)%uintptr(page)))
	if n := int(uintptr(to)-uintptr(from)) / page * page; n > 0 && n < 2*forgetStride*pageOctets {
		unix.Madvise(unsafe.Slice((*byte)(from), n), unix.MADV_DONTNEED) //nolint:errcheck // advice: nothing depends on it
	}
}

// pageOctets is the page size of every bbolt file, whatever the machine that wrote it.
const pageOctets = 4096

// From hugeArena on anonymous memory is asked for in large pages, because sorting jumps through it; a smaller one is not given any, so
// that no more is resident than was written to.
const (
	hugeArena = 8 << 20
	hugePage  = 2 << 20
)

// readAhead asks the kernel to read a whole file, since bbolt maps it for random access and a start walks all of it.
func readAhead(path string) {
	f, err := os.Open(path)
	if err != nil {
		return // opening it for real will say so
	}
	adviseWillNeed(f)
	f.Close()
}
