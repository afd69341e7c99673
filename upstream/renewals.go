package upstream

import (
	"container/heap"
	"context"
	"time"
)

// renewal is a question to be asked again.
type renewal struct {
	at  time.Time
	key key
}

// renewals is a heap, the earliest first.
type renewals []renewal

func (r renewals) Len() int           { return len(r) }
func (r renewals) Less(i, j int) bool { return r[i].at.Before(r[j].at) }
func (r renewals) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *renewals) Push(x any)        { *r = append(*r, x.(renewal)) }
func (r *renewals) Pop() any {
	last := len(*r) - 1
	x := (*r)[last]
	*r = (*r)[:last]
	return x
}

// plan follows a serial that is asked for up to the time when its answer is due to be renewed. Beyond the bound it is renewed when it is
// asked for again.
func (c *Client) plan(k key, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.renewals) >= c.options.MaxFollowed {
		c.metrics.Unfollowed.Inc()
		return
	}
	heap.Push(&c.renewals, renewal{at, k})
	if c.renewals[0].key == k {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// renew asks again about the serials that are followed, ahead of the end of their answers, until ctx ends. Each is followed for one more
// answer when it is asked for after that.
func (c *Client) renew(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		now := c.now()
		due, next := c.due(now)
		for _, k := range due {
			c.again(k, now)
		}
		if next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(next.Sub(now))
		}
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-c.wake:
		}
	}
}

// due takes out what is due and tells when the next is.
func (c *Client) due(now time.Time) (list []key, next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.renewals) > 0 {
		if c.renewals[0].at.After(now) {
			return list, c.renewals[0].at
		}
		list = append(list, heap.Pop(&c.renewals).(renewal).key)
	}
	return list, time.Time{}
}

// again asks about a serial that is due, if it is still of interest.
func (c *Client) again(k key, now time.Time) {
	a, h := (*c.issuers.Load())[k.issuer], c.answers.get(k)
	if a == nil || h == nil || now.Before(h.renewAt) { // forgotten, or renewed meanwhile
		return
	}
	if until := a.resting(now); !until.IsZero() {
		c.plan(k, until)
		return
	}
	c.want(a, k, now, true)
}
