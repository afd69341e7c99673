package api

import (
	"context"
	"sync"

	"github.com/vetopki/veto/revocation"
)

// background owns the refreshes nobody waits for: at most one for each issuer.
type background struct {
	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu      sync.Mutex
	running map[revocation.IssuerID]bool // guarded by mu
	closed  bool                         // guarded by mu
}

// start runs the task, unless one for the issuer is running (false) or close was called (an error).
func (b *background) start(issuer revocation.IssuerID, task func(context.Context)) (started bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false, context.Canceled
	}
	if b.running[issuer] {
		return false, nil
	}
	b.running[issuer] = true
	b.tasks.Go(func() {
		defer func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			delete(b.running, issuer)
		}()
		task(b.ctx)
	})
	return true, nil
}

func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.tasks.Wait()
}
