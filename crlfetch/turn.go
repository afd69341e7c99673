package crlfetch

import "context"

// turn is the place of one refresh in the queues: that of the host it fetches from now, and that of all fetches. It is given up
// before another host's is taken, so that two sources never wait for each other. A nil turn is not bounded.
type turn struct {
	limitOf func(url string) limit // of the host of a URL
	total   limit
	release func()
}

// take waits for a place to fetch from the host of a URL. Its error is that of ctx.
func (t *turn) take(ctx context.Context, url string) (err error) {
	if t == nil {
		return nil
	}
	t.leave()
	t.release, err = acquire(ctx, t.limitOf(url), t.total)
	return err
}

// leave gives the place up, if it has one.
func (t *turn) leave() {
	if t != nil && t.release != nil {
		t.release()
		t.release = nil
	}
}
