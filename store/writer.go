package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// change is one thing to make durable. Its functions run one at a time, in the order in which changes take effect.
type change struct {
	// apply validates and then writes. An error refuses this change alone, so it must come before the first write.
	apply func(*stateTx) error
	// publish makes the change visible to readers, after it is durable and before its caller hears of it.
	publish func()
	// abandon undoes preparations, when it is certain that the change did not and will not take effect.
	abandon func()

	err  error
	wake chan bool // false: done, see err; true: lead the next commit
}

// writer makes changes durable. Changes that arrive during a commit share the next one: the first caller in the queue leads, in
// its own goroutine, and the others wait for it.
type writer struct {
	state     *state
	clock     *clock
	published func(generation uint64)
	commit    func(*bolt.Tx) error // (*bolt.Tx).Commit

	mu      sync.Mutex // guards queue, leading and closed
	queue   []*change
	leading bool
	closed  bool

	unsettled *batch // the leader's: a transaction of which it is not known whether it is durable
	trouble   atomic.Pointer[error]
}

// batch is a transaction with the changes in it.
type batch struct {
	changes []*change
	head    head
	log     []write
	mark    *clockMark // nil when nothing was written
}

// maxShared is how many changes share a commit at most.
const maxShared = 1024

// do makes a change durable and returns when it is, or why it is not: the refusal of the change itself, or an error that
// wraps revocation.ErrNotDurable.
func (w *writer) do(c *change) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		if c.abandon != nil {
			c.abandon()
		}
		return notDurable(errStateClosed)
	}
	return w.enqueue(c)
}

// close refuses further changes, waits for those under way and closes state.db.
func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.enqueue(&change{apply: func(*stateTx) error { return nil }}) //nolint:errcheck // only its turn matters
	return w.state.close()
}

// enqueue waits for the turn of a change, leading when it is the first. It is called with mu held and gives it up.
func (w *writer) enqueue(c *change) error {
	c.wake = make(chan bool, 1)
	w.queue = append(w.queue, c)
	follow := w.leading
	w.leading = true
	w.mu.Unlock()
	if !follow || <-c.wake {
		w.lead(c)
	}
	return c.err
}

// lead commits what is queued, the leader's own change first among it, wakes the others and hands on.
func (w *writer) lead(own *change) {
	w.mu.Lock()
	n := min(len(w.queue), maxShared)
	changes := w.queue[:n:n]
	w.queue = w.queue[n:]
	w.mu.Unlock()
	w.commitAll(changes)
	for _, c := range changes {
		if c != own {
			c.wake <- false
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) > 0 {
		w.queue[0].wake <- true
	} else {
		w.leading, w.queue = false, nil
	}
}

// commitAll makes changes durable in one transaction. One that is refused does not touch the others.
func (w *writer) commitAll(changes []*change) {
	var b *batch
	_, err := w.settle()
	if err == nil {
		err = guarded(func() (err error) {
			b, err = w.transact(changes)
			return err
		})
		switch {
		case err == nil:
			w.publish(b)
		case b == nil: // it failed before the commit: nothing is durable
			w.reset(err)
		default:
			err = w.afterFailedCommit(b, err)
		}
	}
	for _, c := range changes {
		refused := c.err != nil
		if err != nil && !refused {
			c.err = notDurable(err)
		}
		if c.abandon != nil && (refused || err != nil && b == nil) {
			c.abandon()
		}
	}
}

// transact runs the changes in a transaction and commits it. A batch that comes with an error was committed with that error:
// whether it is durable is not known.
func (w *writer) transact(changes []*change) (*batch, error) {
	w.state.mu.RLock()
	defer w.state.mu.RUnlock()
	if w.state.db == nil {
		return nil, errStateClosed
	}
	t, err := beginState(w.state.db)
	if err != nil {
		return nil, err
	}
	defer t.tx.Rollback() //nolint:errcheck // after a commit it does nothing
	b := &batch{}
	for _, c := range changes {
		c.err = c.apply(t)
		if t.failed != nil {
			c.err = nil
			return nil, t.failed
		}
		if c.err == nil {
			b.changes = append(b.changes, c)
		}
	}
	if len(t.log) == 0 && t.mark == nil { // everything was said before: nothing to write
		b.head = t.head
		return b, nil
	}
	if t.mark == nil {
		t.mark = w.clock.next(time.Now())
	}
	if err := t.finish(); err != nil {
		return nil, err
	}
	b.head, b.log, b.mark = t.head, t.log, t.mark
	return b, guarded(func() error { return w.commit(t.tx) })
}

// publish makes durable changes visible, in order.
func (w *writer) publish(b *batch) {
	if b.mark != nil {
		w.clock.mark.Store(b.mark)
	}
	for _, c := range b.changes {
		if c.publish != nil {
			c.publish()
		}
	}
	w.published(b.head.generation)
}

// usable says why no change is taken, nil when changes are.
func (w *writer) usable() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return errStateClosed
	}
	return nil
}

func notDurable(err error) error { return fmt.Errorf("%w: %w", revocation.ErrNotDurable, err) }
