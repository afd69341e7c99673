package crlfetch

import "context"

// turn is the place of one refresh in the queues: that of the host it fetches from now, and that of all fetches. It is given up
// before another host's is taken, so that two sources never wait for each other. A nil turn is not bounded.
type turn struct {
	limitOf func(url string) limit // of the host of a URL
	total   limit
	host    limit // the one a place is held of
	release func()
}

// take waits for a place to fetch from the host of a URL, unless it has one. Its error is that of ctx.
func (t *turn) take(ctx context.Context, url string) (err error) {
	if t == nil {
		return nil
	}
	host := t.limitOf(url)
	if t.release != nil && t.host == host {
		return nil
	}
	t.leave()
	t.host = host
	t.release, err = acquire(ctx, host, t.total)
	return err
}

// leave gives the place up, if it has one.
func (t *turn) leave() {
	if t != nil && t.release != nil {
		t.release()
		t.release = nil
	}
}
