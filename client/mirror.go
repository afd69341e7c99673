package client

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/internal/follow"
)

// MirrorOptions say what a Mirror copies, and how.
type MirrorOptions struct {
	URL    string       // of the server's JSON API, without a path
	Token  string       // when reading needs one
	Client *http.Client // without a timeout of its own; nil: one that follows no redirect

	// File keeps the copy over restarts; "": nowhere. A copy read from it is stale until the server was heard.
	File string

	// SnapshotKey is what the server's snapshots must be signed with; nil: they need not be signed.
	SnapshotKey ed25519.PublicKey

	// MaxLag is for how long answers count when the server is not heard; 30 s when zero. The server says every 15 s that nothing is new.
	MaxLag time.Duration

	// MaxOctets bounds the memory of a copy; 4 GiB when zero. While one is replaced there are two.
	MaxOctets int64

	// Poll follows the feed by long polling from the start. Otherwise that comes when server-sent events do not get through.
	Poll bool

	// OnProblem is told why the server is not heard, or why the file could not be written; it may be nil. It must not block.
	OnProblem func(error)
}

const (
	defaultMaxLag    = 30 * time.Second
	defaultMaxOctets = 4 << 30
)

// Mirror is a Checker that answers from a copy of everything a veto server knows to be revoked, without asking anybody. [Mirror.Run]
// keeps the copy.
//
// The server's answer and the mirror's are the same while it hears the server. When it has not for MaxLag, what it does not know to be
// revoked is unknown, because stale, so that Tiers go on to somebody else; what was revoked stays revoked. Where only the server can
// say, it is unknown, because out_of_scope: certificates of issuers with an inventory or an upstream responder, and those that a delta
// CRL lifted from hold and nothing else revokes.
type Mirror struct {
	o   MirrorOptions
	now func() time.Time

	data       atomic.Pointer[mirrored]
	generation atomic.Uint64             // up to which data has everything
	heard      atomic.Pointer[time.Time] // when data was known to be everything; nil: not since Run began

	epoch string // that generation is of; of NewMirror and then of Run

	ready     chan struct{} // closed when the server was first heard
	readyOnce sync.Once

	mu      sync.Mutex // guards what follows
	changed chan struct{}
	problem error
	running bool
}

// NewMirror makes a Mirror that knows nothing until it runs, but for what it kept in its file.
func NewMirror(o MirrorOptions) (*Mirror, error) {
	if err := (&follow.Options{URL: o.URL}).Check(); err != nil {
		return nil, err
	}
	if o.Client == nil {
		o.Client = plainClient()
	}
	if o.MaxLag <= 0 {
		o.MaxLag = defaultMaxLag
	}
	if o.MaxOctets <= 0 {
		o.MaxOctets = defaultMaxOctets
	}
	m := &Mirror{o: o, now: time.Now, ready: make(chan struct{}), changed: make(chan struct{})}
	if o.File != "" {
		m.readFile()
	}
	return m, nil
}

// Run keeps the copy up to date until ctx ends, and returns why it ended. It is called once.
func (m *Mirror) Run(ctx context.Context) error {
	m.mu.Lock()
	again := m.running
	m.running = true
	m.mu.Unlock()
	if again {
		return errors.New("the mirror runs already")
	}
	return follow.Run(ctx, follow.Options{URL: m.o.URL, Token: m.o.Token, Client: m.o.Client, Poll: m.o.Poll}, (*keeper)(m))
}

// Ready is closed when the copy was first known to be everything the server knows.
func (m *Mirror) Ready() <-chan struct{} { return m.ready }

// Changed returns a channel that is closed when something changes next: take it, look, then wait.
func (m *Mirror) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

// MirrorStatus is how a Mirror stands.
type MirrorStatus struct {
	Generation uint64        // of the server's store, up to which the copy has everything; 0: there is no copy
	Entries    int           // revoked serials in the snapshot
	Changed    int           // serials that changed since
	Octets     int64         // that the serials take in memory
	Lag        time.Duration // since the copy was known to be everything the server knows; negative: never yet
	Stale      bool          // Lag is more than MaxLag: nothing is good
	Problem    error         // why the server is not heard, or the file not written; nil when all is well
}

// Status says how the mirror stands.
func (m *Mirror) Status() MirrorStatus {
	s := MirrorStatus{Generation: m.generation.Load(), Lag: -1}
	if heard := m.heard.Load(); heard != nil {
		s.Lag = m.now().Sub(*heard)
	}
	s.Stale = s.Lag < 0 || s.Lag > m.o.MaxLag
	if d := m.data.Load(); d != nil {
		s.Entries, s.Octets = d.entries, d.octets
		for _, x := range d.sections {
			s.Changed += int(x.overlay.size.Load())
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Problem = m.problem
	return s
}

// note remembers a problem, nil that there is none, and tells who wants to know.
func (m *Mirror) note(err error) {
	m.mu.Lock()
	m.problem = err
	m.mu.Unlock()
	if err != nil && m.o.OnProblem != nil {
		m.o.OnProblem(err)
	}
}

// announce wakes who waits for a change.
func (m *Mirror) announce() {
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.changed)
	m.changed = make(chan struct{})
}
