package crlfetch

import "context"

// limit bounds how many do something at once: a token in it is one that does.
type limit chan struct{}

// acquire takes a token of each limit, in order, and returns what gives them back. The narrow limit comes first, so that
// sources that wait for one slow host take nothing from the others.
func acquire(ctx context.Context, limits ...limit) (release func(), err error) {
	taken := 0
	release = func() {
		for _, l := range limits[:taken] {
			<-l
		}
	}
	for _, l := range limits {
		select {
		case l <- struct{}{}:
			taken++
		case <-ctx.Done():
			release()
			return nil, context.Cause(ctx)
		}
	}
	return release, nil
}
