package responder

import (
	"errors"
	"runtime"
	"sync/atomic"
	"time"
)

// errOverloaded: too many signatures are in the making or waited for too long. The answer is tryLater.
var errOverloaded = errors.New("too many requests wait for a signature")

// gate bounds how many signatures are made at once and how many requests wait for one, so that a slow key (an HSM) or a
// flood costs a bounded number of goroutines. Whoever would wait longer than a quarter of the timeout is told at once: one that
// waits until its client is gone is answered for nobody.
type gate struct {
	slots      chan struct{}
	waiting    atomic.Int64
	maxWaiting int64
	timeout    time.Duration
	pace       pace
}

func newGate(slots, maxWaiting int, timeout time.Duration) *gate {
	return &gate{slots: make(chan struct{}, slots), maxWaiting: int64(maxWaiting), timeout: timeout}
}

// enter takes a slot, to be given back by leave. Whoever has it lets others go first, once: in a flood they would otherwise be read one
// by one, each when the signature before is made, and no one would see that they queue.
func (g *gate) enter() error {
	select {
	case g.slots <- struct{}{}:
	default:
		if err := g.wait(); err != nil {
			return err
		}
	}
	runtime.Gosched()
	return nil
}

func (g *gate) wait() error {
	defer g.waiting.Add(-1)
	if g.full(g.waiting.Add(1)) {
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

// full says whether the last of so many who wait should not. One for each slot may, however slow the key is.
func (g *gate) full(waiting int64) bool {
	return waiting > g.maxWaiting || (waiting > int64(cap(g.slots)) && time.Duration(waiting)*g.pace.each() > g.timeout/4)
}

// leave gives the slot back after a signature that took so long.
func (g *gate) leave(took time.Duration) {
	g.pace.count(took/time.Duration(cap(g.slots)), g.waiting.Load() > 0)
	<-g.slots
}

// pace is how fast signatures are made: while requests wait, the time from one to the next, which other work has its part in; before
// that is known, what one takes.
type pace struct {
	last     atomic.Int64 // when one was made while others waited, Unix nanoseconds; 0 when none waited
	interval atomic.Int64 // nanoseconds, an average in which the last counts an eighth
}

func (p *pace) each() time.Duration { return time.Duration(p.interval.Load()) }

func (p *pace) count(took time.Duration, backlog bool) {
	now, last := time.Now().UnixNano(), int64(0)
	if backlog {
		last = p.last.Swap(now)
	} else {
		p.last.Store(0)
	}
	sample := int64(took)
	if last != 0 {
		sample = now - last
	}
	was := p.interval.Load()
	if was == 0 {
		was = sample
	}
	p.interval.Store(was + (sample-was)/8) // of two at once, one may be lost
}
