package store

import "sync/atomic"

// account is the memory that the entries of all builds under way take, in octets. It covers what was written to, not what is
// mapped: pages never touched cost nothing.
type account struct {
	limit int64 // of all builds together
	share int64 // what each may hold however much the others do
	used  atomic.Int64
	peak  atomic.Int64 // the highest value of used
}

// The bounds of Options.IngestMemory. With less than the least, a build would end in thousands of runs.
const (
	defaultIngestMemory = 256 << 20
	leastIngestMemory   = 16 << 20
)

// newAccount bounds the builds to limit octets. A build that others leave nothing to still gets a sixteenth: it goes on in runs
// of that size instead of waiting for a CRL it has nothing to do with. That is at least twice the first pages of all
// lanes there can be, so that no choice of serials makes runs of a few entries.
func newAccount(limit int64) *account {
	if limit == 0 {
		limit = defaultIngestMemory
	}
	limit = max(limit, leastIngestMemory)
	return &account{limit: limit, share: limit / 16}
}

// take grants a build, which holds some octets already, more of them, or none.
func (a *account) take(held, more int64) bool {
	used := a.used.Add(more)
	if used > a.limit && held+more > a.share {
		a.used.Add(-more)
		return false
	}
	for peak := a.peak.Load(); used > peak && !a.peak.CompareAndSwap(peak, used); {
		peak = a.peak.Load()
	}
	return true
}

func (a *account) give(octets int64) { a.used.Add(-octets) }
