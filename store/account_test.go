package store

import "testing"

func TestBuildsShareTheMemoryAndEachHasItsPart(t *testing.T) {
	a := newAccount(32 << 20)
	const big, small = 31 << 20, 1 << 20
	if !a.take(0, big) || !a.take(big, small) {
		t.Error("what is within the bound was refused")
	}
	if a.take(big+small, pageOctets) {
		t.Error("a build that holds everything was given more")
	}
	if !a.take(0, 2<<20) || a.take(2<<20, pageOctets) {
		t.Error("a build that others leave nothing to has not a sixteenth, or more than that")
	}
	a.give(big)
	if !a.take(small, small) || a.used.Load() != 4<<20 || a.peak.Load() != 34<<20 {
		t.Errorf("%d octets are taken, %d were", a.used.Load(), a.peak.Load())
	}
}

func TestTheBoundOfMemoryHasADefaultAndALeast(t *testing.T) {
	for set, want := range map[int64]int64{0: 256 << 20, 1: 16 << 20, -1: 16 << 20, 64 << 20: 64 << 20} {
		if a := newAccount(set); a.limit != want || a.share != want/16 {
			t.Errorf("IngestMemory %d: %d octets, %d for each build at least", set, a.limit, a.share)
		}
	}
}
