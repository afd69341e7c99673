package client

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vetopki/veto/revocation"
)

// TrackerOptions say how a ConnTracker looks after connections.
type TrackerOptions struct {
	// Every is how often all connections are judged anew when nobody calls Recheck; 30 s when zero.
	Every time.Duration

	// Strict closes connections also when the status of their peer cannot be found out any more and the guard's policy denies that.
	// Without it they go on, counted and reported as degraded: else an outage of the server would end every connection at once.
	Strict bool

	// OnClose is told of every connection that was closed, and why.
	OnClose func(remote string, why *Denied)
}

// ConnTracker closes connections whose peer is revoked after the handshake, or whose certificate's time ends. It learns of connections in any of
// these ways: [ConnTracker.Listener] in place of tls.NewListener, [ConnTracker.Dialer] for a client's, [ConnTracker.ConnState] for an http.Server that
// makes its own listener, [ConnTracker.Conn] for everything else. It starts no goroutine; all work is done in Run.
type ConnTracker struct {
	g      *Guard
	o      TrackerOptions
	policy revocation.Policy
	told   chan struct{} // holds one value when a recheck is wanted
	rounds atomic.Uint64 // rechecks that were asked for

	mu   sync.Mutex // guards what follows
	held map[*tracked]struct{}
	http map[httpConn]*tracked // those that ConnState told of
}

// tracked is a connection after its handshake.
type tracked struct {
	state  tls.ConnectionState
	key    [sha256.Size]byte // same for connections that are judged alike
	remote string
	cut    func() error // closes it; net.ErrClosed when it was closed before
	gone   func() bool  // says whether nobody has it any more; nil: it says so itself
}

// NewConnTracker makes a ConnTracker. Nothing is closed while Run does not run.
func NewConnTracker(g *Guard, o TrackerOptions) *ConnTracker {
	if o.Every <= 0 {
		o.Every = 30 * time.Second
	}
	policy := g.o.Policy
	if !o.Strict {
		policy.Indeterminate = revocation.Allow
	}
	return &ConnTracker{g: g, o: o, policy: policy, told: make(chan struct{}, 1), held: map[*tracked]struct{}{}, http: map[httpConn]*tracked{}}
}

// Recheck has all connections judged anew, at once, by Run. It does not wait. Call it when something changed.
func (t *ConnTracker) Recheck() {
	t.rounds.Add(1)
	select {
	case t.told <- struct{}{}:
	default: // one is due already
	}
}

// Len is how many connections are tracked.
func (t *ConnTracker) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.held)
}

// Run judges the connections, and closes those that are denied, until ctx ends; then it returns the reason.
func (t *ConnTracker) Run(ctx context.Context) error {
	tick := time.NewTicker(t.o.Every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			t.rounds.Add(1)
		case <-t.told:
		}
		t.recheck(ctx)
	}
}

// most is how many peers are judged at once.
const most = 64

// recheck judges every peer once, however many connections it has.
func (t *ConnTracker) recheck(ctx context.Context) {
	if t.policy.Mode == revocation.Off {
		return
	}
	var group errgroup.Group
	group.SetLimit(most)
	for _, same := range t.groups() {
		group.Go(func() error {
			t.judge(ctx, same)
			return nil
		})
	}
	group.Wait()
}

// judge closes the connections of a peer when it is denied.
func (t *ConnTracker) judge(ctx context.Context, same []*tracked) {
	j := t.g.connection(ctx, same[0].state, true, t.policy)
	if ctx.Err() != nil && j.Finding == revocation.FoundIndeterminate {
		return // Run ends: that nothing was learned says nothing
	}
	denied, ok := t.g.decide(j).(*Denied)
	if !ok {
		return
	}
	for _, c := range same {
		t.drop(c)
		if c.cut() == nil && t.o.OnClose != nil {
			t.o.OnClose(c.remote, denied)
		}
	}
}

// groups are the connections by peer, without those that nobody has any more.
func (t *ConnTracker) groups() map[[sha256.Size]byte][]*tracked {
	t.mu.Lock()
	defer t.mu.Unlock()
	groups := map[[sha256.Size]byte][]*tracked{}
	for c := range t.held {
		if c.gone != nil && c.gone() {
			delete(t.held, c)
			continue
		}
		groups[c.key] = append(groups[c.key], c)
	}
	return groups
}

// add tracks a connection whose peer was judged after round began. When a recheck was asked for since, it may have missed the connection.
func (t *ConnTracker) add(c *tracked, round uint64) {
	c.key = peerKey(&c.state)
	t.mu.Lock()
	t.held[c] = struct{}{}
	t.mu.Unlock()
	if t.rounds.Load() != round {
		t.Recheck()
	}
}

func (t *ConnTracker) drop(c *tracked) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.held, c)
}

// peerKey is the same for connections with the same verified chains.
func peerKey(cs *tls.ConnectionState) (key [sha256.Size]byte) {
	h := sha256.New()
	for _, chain := range cs.VerifiedChains {
		for _, c := range chain {
			h.Write(c.Raw)
		}
		h.Write([]byte{0}) // no certificate begins so
	}
	for _, c := range cs.PeerCertificates {
		h.Write(c.Raw)
	}
	h.Sum(key[:0])
	return key
}
