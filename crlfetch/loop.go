package crlfetch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/vetopki/veto/revocation"
)

// errRemoved is what a waiting caller gets when its source is taken out of the configuration or the Refresher stops.
var errRemoved = errors.New("the source was removed or the refresher stopped before the refresh was done")

// loop fetches one source again and again until its context ends. All its refreshes happen in its own goroutine, one at a
// time; others only ask for one.
type loop struct {
	src    Source
	host   limit              // shared with the other sources of the host
	cancel context.CancelFunc // nil before it runs; guarded by the Refresher's mu
	after  <-chan struct{}    // closed when the last loop of the scope has ended; nil when there was none
	done   chan struct{}      // closed when this loop has ended
	wake   chan struct{}      // one token: somebody asked

	mu      sync.Mutex
	track   track // guarded by mu; written by the loop only
	current *flight
	asked   *flight // waits for the loop to take it up
	ended   bool
	forget  bool // the source is gone, and its series with it
}

// flight is a refresh that others wait for.
type flight struct {
	done   chan struct{}
	result Result // readable once done is closed
}

func newLoop(src Source, t track, host limit) *loop {
	return &loop{src: src, track: t, host: host, done: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// run is the loop. due is when to fetch first.
func (l *loop) run(ctx context.Context, r *Refresher) {
	defer l.end()
	defer l.forgetSeries(r.updater.metrics)
	if l.after != nil {
		<-l.after // two loops on one scope could commit an older CRL over a newer one
	}
	timer := time.NewTimer(time.Until(l.first(r)))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-l.wake:
		}
		result, err := l.once(ctx, r)
		if err != nil {
			return
		}
		timer.Reset(time.Until(result.Next))
	}
}

// first reads what the store remembers and says when to fetch.
func (l *loop) first(r *Refresher) time.Time {
	scope := l.src.Scope()
	info := r.updater.store.CRLInfo(scope)
	t := newTrack(l.src, r.updater.store.SourceState(scope), info)
	t.state.NextFetch = firstFetch(time.Now(), l.src, t.state, info, r.updater.jitter())
	r.updater.metrics.show(l.src, info, t.state)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.track = t
	return t.state.NextFetch
}

// once does one refresh within the limits and tells everybody who waits for it. Its error is that of ctx.
func (l *loop) once(ctx context.Context, r *Refresher) (Result, error) {
	release, err := acquire(ctx, l.host, r.total)
	if err != nil {
		return Result{}, err
	}
	defer release()
	f, t := l.begin()
	result, t := r.updater.refresh(ctx, l.src, t)
	l.finish(f, result, t)
	return result, ctx.Err()
}

func (l *loop) begin() (*flight, track) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, t := l.asked, l.track
	if f != nil {
		t = t.forgive()
	} else {
		f = newFlight()
	}
	l.current, l.asked = f, nil
	select {
	case <-l.wake: // whoever asked is served by this one
	default:
	}
	return f, t
}

func (l *loop) finish(f *flight, result Result, t track) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.track, l.current = t, nil
	f.result = result
	close(f.done)
}

// ask returns the refresh in progress or asks for one now.
func (l *loop) ask() *flight {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ended:
		return l.removed(newFlight())
	case l.current != nil:
		return l.current
	case l.asked == nil:
		l.asked = newFlight()
		l.wake <- struct{}{} // there is room: the token of the flight before was taken with it
	}
	return l.asked
}

func newFlight() *flight { return &flight{done: make(chan struct{})} }

// removed lands a flight that never takes off.
func (l *loop) removed(f *flight) *flight {
	f.result = Result{URL: l.src.URL, Err: errRemoved}
	close(f.done)
	return f
}

// stop ends the loop soon, a refresh in progress included, or at once when it does not run. The caller holds the Refresher's mu.
func (l *loop) stop(forget bool) {
	l.mu.Lock()
	l.forget = forget
	l.mu.Unlock()
	if l.cancel == nil {
		l.end()
		return
	}
	l.cancel()
}

func (l *loop) forgetSeries(m *Metrics) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.forget {
		m.forget(l.src)
	}
}

func (l *loop) end() {
	l.mu.Lock()
	l.ended = true
	if l.asked != nil {
		l.removed(l.asked)
		l.asked = nil
	}
	l.mu.Unlock()
	close(l.done)
}

// report is what can be told of the source now. info is the CRL in force.
func (l *loop) report(info *revocation.CRLInfo) Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Report{Issuer: l.src.Issuer, URL: l.src.URL, Scope: l.src.Scope(), State: l.track.state, Info: info,
		Next: l.track.state.NextFetch, Fetching: l.current != nil}
}
