package store

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forgetStride is how many blocks a walk over a whole generation leaves behind before it lets go of their pages.
const forgetStride = 1024

// readWindow is how much of a file is mapped ahead of a walk over its pages, in octets. Mapped as they are read, the pages of ten
// million entries take 15 of the 130 ms of opening the file.
const readWindow = 4 << 20

// window maps pages ahead of a walk that goes through a file from its beginning to its end. Going back costs what it costs without.
type window struct{ next, end uintptr } // what is not mapped ahead yet

func newWindow(f blockFile) window { return window{f.base, f.base + uintptr(f.size)} }

// reach is called before the octet at p is read.
func (w *window) reach(p *byte) {
	at := uintptr(unsafe.Pointer(p)) &^ (pageOctets - 1)
	if at < w.next || at >= w.end { // beyond are the blocks that bbolt copied to the heap
		return
	}
	n := min(readWindow, w.end-at)
	populate(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(p), -int(uintptr(unsafe.Pointer(p))-at))), n))
	w.next = at + n
}

// forgetBehind tells the kernel, every forgetStride blocks, that a walk is done with the pages behind it, so that reading all of
// a large file does not count as memory of this process. The pages stay in the page cache; a lookup maps them again.
func (g *generation) forgetBehind(i int) {
	if i > 0 && i%forgetStride == 0 {
		g.forget(i-forgetStride, i)
	}
}

// forgetAll lets go of the pages of a generation that was replaced: it stays mapped until the garbage collector finds that
// nobody reads it, and the next one takes as much again. A small one is not worth it, and must not be: bbolt may have copied its few
// blocks to the heap, whose pages do not come back from a file.
func (g *generation) forgetAll() {
	if len(g.blocks) <= forgetStride {
		return
	}
	for i := 0; i < len(g.blocks); i += forgetStride {
		g.forget(i, min(i+forgetStride, len(g.blocks)-1))
	}
}

// forget lets go of the pages from one block up to another.
func (g *generation) forget(i, j int) {
	from, to := unsafe.Pointer(g.blocks[i].at), unsafe.Pointer(g.blocks[j].at)
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
