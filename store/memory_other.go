//go:build !linux

package store

import (
	"os"

	"golang.org/x/sys/unix"
)

func adviseWillNeed(*os.File) {}

func populate([]byte) {}

// growArena enlarges anonymous memory by a copy; for that moment it takes half as much again.
func growArena(old []byte, size int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil || old == nil {
		return b, err
	}
	copy(b, old)
	return b, freeArena(old)
}

func freeArena(b []byte) error { return unix.Munmap(b) }
