package store

import (
	"errors"

	bolt "go.etcd.io/bbolt"
)

// afterFailedCommit finds out whether a transaction whose commit failed is durable. It returns nil when it is; then its changes
// have been published.
func (w *writer) afterFailedCommit(b *batch, cause error) error {
	w.unsettled = b
	w.setTrouble(cause)
	durable, err := w.settle()
	if err == nil && !durable {
		err = cause
	}
	return err
}

// settle finds out what became of the transaction whose commit failed, if there is one: it closes and opens state.db and reads
// back. A transaction that is there is written once more, because after a failed sync what is read may be in
// memory only; then it takes effect. One that is not there is abandoned. As long as neither can be done, settle
// fails, and with it every change.
func (w *writer) settle() (durable bool, err error) {
	b := w.unsettled
	if b == nil {
		return false, nil
	}
	if durable, err = w.readBack(b); err != nil {
		return false, w.setTrouble(errors.Join(*w.trouble.Load(), err))
	}
	w.unsettled = nil
	w.trouble.Store(nil)
	if durable {
		w.publish(b)
		return true, nil
	}
	for _, c := range b.changes {
		if c.abandon != nil {
			c.abandon()
		}
	}
	return false, nil
}

// errNotThere ends the transaction of readBack without a commit.
var errNotThere = errors.New("the transaction is not there")

func (w *writer) readBack(b *batch) (there bool, err error) {
	if err := w.state.reopen(); err != nil {
		return false, err
	}
	w.state.mu.RLock()
	defer w.state.mu.RUnlock()
	err = guarded(func() error {
		return w.state.db.Update(func(tx *bolt.Tx) error {
			h, err := readHead(tx)
			if err != nil {
				return err
			}
			if h.commits != b.head.commits {
				return errNotThere
			}
			for _, put := range b.log {
				if err := put.apply(tx); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if errors.Is(err, errNotThere) {
		return false, nil
	}
	return err == nil, err
}

// reset opens state.db again after a transaction failed before its commit, since a panic may have left bbolt in any state.
func (w *writer) reset(cause error) {
	if err := w.state.reopen(); err != nil {
		w.setTrouble(errors.Join(cause, err))
		w.unsettled = &batch{} // nothing was committed, but the file must open before the next change
	}
}

// setTrouble notes why no change is taken for now.
func (w *writer) setTrouble(err error) error {
	w.trouble.Store(&err)
	return err
}

// resume tries to take changes again after trouble.
func (w *writer) resume() error {
	if err := w.usable(); err != nil || w.degraded() == nil {
		return err
	}
	return w.do(&change{apply: func(*stateTx) error { return nil }})
}

// degraded says why changes are refused for now, nil when they are not. Each change tries again.
func (w *writer) degraded() error {
	if err := w.trouble.Load(); err != nil {
		return *err
	}
	return nil
}
