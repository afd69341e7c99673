package api

import (
	"net/netip"
	"sync"
	"time"
)

// guard limits how often one client address may try a wrong token. Only failures count; past the limit the address is
// refused, also with the right token, until its window ends: otherwise guessing could go on.
type guard struct {
	limit  int           // failures allowed in one window
	window time.Duration // from the first failure
	most   int           // addresses remembered

	mu       sync.Mutex
	failures map[netip.Prefix]failures // guarded by mu
}

type failures struct {
	since time.Time
	count int
}

func newGuard() *guard {
	return &guard{limit: 10, window: time.Minute, most: 4096, failures: map[netip.Prefix]failures{}}
}

// judge takes note of an attempt and says for how long its address must wait: zero when the attempt counts.
func (g *guard) judge(remote string, right bool, now time.Time) (wait time.Duration) {
	key := clientKey(remote)
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.failures[key]
	if end := f.since.Add(g.window); !now.Before(end) {
		f = failures{since: now}
	} else if f.count >= g.limit {
		return end.Sub(now)
	}
	if right {
		return 0
	}
	f.count++
	if f.count == 1 {
		g.makeRoom(now)
	}
	g.failures[key] = f
	return 0
}

// makeRoom keeps memory bounded. Of a few addresses, which the map picks, it drops those whose window ended or, when all are
// running, the oldest: its cost does not grow with the number of addresses an attacker has.
func (g *guard) makeRoom(now time.Time) {
	const sample = 16
	if len(g.failures) < g.most {
		return
	}
	var oldest netip.Prefix
	var since time.Time
	seen := 0
	for key, f := range g.failures {
		if !now.Before(f.since.Add(g.window)) {
			delete(g.failures, key)
		} else if since.IsZero() || f.since.Before(since) {
			oldest, since = key, f.since
		}
		if seen++; seen == sample {
			break
		}
	}
	if len(g.failures) >= g.most {
		delete(g.failures, oldest)
	}
}

// clientKey is what counts as one client: an IPv4 address, or the /64 an IPv6 host may choose its address from. The address is
// that of the TCP connection; headers are not believed. Whoever has none (a Unix socket) shares one key.
func clientKey(remote string) netip.Prefix {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	addr, bits := ap.Addr().Unmap().WithZone(""), 32
	if addr.Is6() {
		bits = 64
	}
	key, _ := addr.Prefix(bits)
	return key
}
