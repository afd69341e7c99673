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

// loop keeps one source up to date until its context ends. All its refreshes and pushes happen in its own goroutine, one at a
// time; others only ask for one.
type loop struct {
	src    Source
	cancel context.CancelFunc // nil before it runs; guarded by the Refresher's mu
	after  <-chan struct{}    // closed when the last loop of the scope has ended; nil when there was none
	done   chan struct{}      // closed when this loop has ended
	wake   chan struct{}      // one token: somebody asked
	pushes chan *pushed       // a CRL somebody brings

	mu      sync.Mutex
	track   track // guarded by mu; written by the loop only
	current *flight
	asked   *flight // waits for the loop to take it up
	ended   bool
	forget  bool // the source is gone, and its series with it

	progress progress // of the refresh or push under way
}

// flight is a refresh that others wait for.
type flight struct {
	done   chan struct{}
	result Result // readable once done is closed

	person bool // somebody waits for it; guarded by the loop's mu
	whole  bool // a server's word that nothing changed is not enough; likewise
}

func newLoop(src Source, t track) *loop {
	return &loop{src: src, track: t, done: make(chan struct{}), wake: make(chan struct{}, 1), pushes: make(chan *pushed)}
}

// run is the loop: wait for the time of the next fetch, of the next alarm, or for somebody who asks.
func (l *loop) run(ctx context.Context, r *Refresher) {
	defer l.end()
	defer l.forgetSeries(r.updater.metrics)
	if l.after != nil {
		<-l.after // two loops on one scope could commit an older CRL over a newer one
	}
	next := l.first(r)
	alarms, look := r.updater.watch(l.src, watched{})
	fetch, alarm := timerAt(next), timerAt(look)
	defer fetch.Stop()
	defer alarm.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-fetch.C:
			next, err = l.once(ctx, r)
		case <-l.wake:
			next, err = l.once(ctx, r)
		case p := <-l.pushes:
			next, err = l.take(ctx, r, p)
		case <-alarm.C:
		}
		if err != nil {
			return
		}
		alarms, look = r.updater.watch(l.src, alarms)
		set(fetch, next)
		set(alarm, look)
	}
}

// timerAt is a timer that fires at a time; the zero time never comes.
func timerAt(at time.Time) *time.Timer {
	t := time.NewTimer(time.Hour)
	set(t, at)
	return t
}

func set(t *time.Timer, at time.Time) {
	if at.IsZero() {
		t.Stop()
		return
	}
	t.Reset(time.Until(at))
}

// first reads what the store remembers and says when to fetch.
func (l *loop) first(r *Refresher) time.Time {
	scope := l.src.Scope()
	info := r.updater.store.CRLInfo(scope)
	t := newTrack(l.src, r.updater.store.SourceState(scope), info)
	if r.unfetched(l) {
		t = t.unplanned()
	} else {
		t.state.NextFetch = firstFetch(time.Now(), l.src, t.state, info, r.updater.jitter())
	}
	r.updater.metrics.show(l.src, info, t.state)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.track = t
	return t.state.NextFetch
}

// once does one refresh within the limits and tells everybody who waits for it. Its error is that of ctx.
func (l *loop) once(ctx context.Context, r *Refresher) (next time.Time, err error) {
	q := &turn{limitOf: r.limitOf, total: r.total}
	defer q.leave()
	if places, _ := r.updater.places(l.src); places != nil {
		if err := q.take(ctx, places[0]); err != nil {
			return time.Time{}, err
		}
	}
	f, t := l.begin()
	places, waiting := r.updater.places(l.src) // once more: a swap that asked for this refresh may have moved them
	if waiting != "" {
		return l.wait(r, f, t, waiting), ctx.Err()
	}
	result, t := r.updater.refresh(ctx, l.src, t, trip{places, q, &l.progress})
	l.finish(f, result, t)
	r.follow(l.src, result)
	return result.Next, ctx.Err()
}

// wait does what there is to do of a source that has no place to be fetched from: nothing, until another complete CRL is in force.
func (l *loop) wait(r *Refresher, f *flight, t track, waiting string) (next time.Time) {
	t = t.unplanned()
	r.updater.metrics.show(l.src, r.updater.store.CRLInfo(l.src.Scope()), t.state)
	l.finish(f, Result{URL: l.src.URL, Err: revocation.Refuse("freshest", "RFC 5280 §5.2.6", "%s", waiting)}, t)
	return t.state.NextFetch
}

// take does what a push asks for and tells who pushed. Its error is that of ctx.
func (l *loop) take(ctx context.Context, r *Refresher, p *pushed) (next time.Time, err error) {
	release, err := acquire(ctx, r.total)
	if err != nil {
		discard(p.file)
		p.flight.result = Result{URL: l.src.URL, Err: errRemoved}
		close(p.flight.done)
		return time.Time{}, err
	}
	defer release()
	result, t := r.updater.push(ctx, l.src, l.track, p, &l.progress)
	l.finish(p.flight, result, t)
	r.follow(l.src, result)
	return result.Next, ctx.Err()
}

func (l *loop) begin() (*flight, track) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, t := l.asked, l.track
	if f == nil {
		f = newFlight()
	}
	if f.person {
		t = t.forgive()
	}
	if f.whole {
		t.known = validators{}
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
	l.track = t
	if l.current == f {
		l.current = nil
	}
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
	}
	f := l.next()
	f.person = true
	return f
}

// nudge asks for a refresh that begins after now, without anybody who waits for it. A source that is never fetched takes no
// notice.
func (l *loop) nudge(whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended || l.src.Pushed() {
		return
	}
	f := l.next()
	f.whole = f.whole || whole
}

// next is the refresh that begins next; the caller holds mu.
func (l *loop) next() *flight {
	if l.asked == nil {
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
		Next: l.track.state.NextFetch, Fetching: l.current != nil, Progress: l.progress.snapshot()}
}
