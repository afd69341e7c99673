package responder

import (
	"errors"
	"sync/atomic"
	"time"
)

// errOverloaded: too many signatures are in the making or waited for too long. The answer is tryLater.
var errOverloaded = errors.New("too many requests wait for a signature")

// gate bounds how many signatures are made at once and how many requests wait for one, so that a slow key (an HSM) or a
// flood costs a bounded number of goroutines. Whoever would wait longer than the timeout is told at once: he would be gone, or
// ask again, before his answer is made, and it would be made for nobody.
type gate struct {
	slots      chan struct{}
	waiting    atomic.Int64
	maxWaiting int64
	timeout    time.Duration
	usual      atomic.Int64 // nanoseconds a signature takes: an average in which the last counts an eighth; 0 before the first
}

func newGate(slots, maxWaiting int, timeout time.Duration) *gate {
	return &gate{slots: make(chan struct{}, slots), maxWaiting: int64(maxWaiting), timeout: timeout}
}

// enter takes a slot, to be given back by leave.
func (g *gate) enter() error {
	select {
	case g.slots <- struct{}{}:
		return nil
	default:
		return g.wait()
	}
}

func (g *gate) wait() error {
	defer g.waiting.Add(-1)
	ahead := g.waiting.Add(1)
	if ahead > g.maxWaiting || time.Duration(ahead*g.usual.Load()/int64(cap(g.slots))) > g.timeout {
		return errOverloaded
	}
	timer := time.NewTimer(g.timeout)
	defer timer.Stop()
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-timer.C:
		return errOverloaded
	}
}

// leave gives the slot back after a signature that took so long.
func (g *gate) leave(took time.Duration) {
	usual := g.usual.Load()
	if usual == 0 {
		usual = int64(took)
	}
	g.usual.Store(usual + (int64(took)-usual)/8) // of two at once, one is not counted
	<-g.slots
}
