package responder

import (
	"errors"
	"sync/atomic"
	"time"
)

// errOverloaded: too many signatures are in the making or waited for too long. The answer is tryLater.
var errOverloaded = errors.New("too many requests wait for a signature")

// gate bounds how many signatures are made at once and how many requests wait for one, so that a slow key (an HSM) or a
// flood costs a bounded number of goroutines and fails fast beyond it.
type gate struct {
	slots      chan struct{}
	waiting    atomic.Int64
	maxWaiting int64
	timeout    time.Duration
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
	if g.waiting.Add(1) > g.maxWaiting {
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

func (g *gate) leave() { <-g.slots }
