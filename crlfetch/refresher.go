package crlfetch

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// Options are what a Refresher works with. Store and Builder are required; zero values of the rest are good.
type Options struct {
	Store   Store
	Builder Builder

	// OnChange is called after a swap took effect and before the refresh is reported as done, from the goroutine of the source's
	// loop. Different sources call it at the same time.
	OnChange func(revocation.CRLChange)

	Log     *slog.Logger      // one line for each refresh; nil: none
	Metrics *Metrics          // nil: none
	Verify  verify.CRLOptions // how CRLs are judged

	// Revoked is asked of a CRL signer that is not the CA's own: a CRL that a revoked one signed is refused. It must not wait for a
	// refresh. nil: none is revoked.
	Revoked func(signer *x509.Certificate) bool

	Roots   *x509.CertPool // whom https is believed; nil: the system's
	PerHost int            // fetches from one host at once; zero means 2
	Total   int            // fetches at once; zero means 16
	Jitter  func() float64 // random numbers in [0, 1); nil: math/rand
}

// Refresher keeps the CRLs of its sources up to date.
type Refresher struct {
	updater *updater
	total   limit
	perHost int

	mu      sync.Mutex
	hosts   map[string]limit
	loops   map[revocation.ScopeID]*loop           // one for each source
	last    map[revocation.ScopeID]<-chan struct{} // closed when the last loop of the scope ended
	ctx     context.Context                        // of Run; nil before it
	stopped bool                                   // Run ends: no loop starts any more
	wg      sync.WaitGroup                         // loops that run
}

// New makes a Refresher without sources. It starts nothing.
func New(o Options) *Refresher {
	return &Refresher{
		updater: &updater{
			store: o.Store, builder: o.Builder, fetcher: newFetcher(o.Roots), onChange: o.OnChange, verify: o.Verify,
			metrics: cmp.Or(o.Metrics, NewMetrics()), log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
			revoked: o.Revoked, jitter: orJitter(o.Jitter),
		},
		total:   make(limit, cmp.Or(o.Total, 16)),
		perHost: cmp.Or(o.PerHost, 2),
		hosts:   map[string]limit{},
		loops:   map[revocation.ScopeID]*loop{},
		last:    map[revocation.ScopeID]<-chan struct{}{},
	}
}

func orJitter(f func() float64) func() float64 {
	if f == nil {
		return rand.Float64
	}
	return f
}

// Run keeps the sources up to date until ctx ends, and returns nil when all loops have ended. It can be called once.
func (r *Refresher) Run(ctx context.Context) error {
	if err := r.startAll(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.wg.Wait()
	return nil
}

func (r *Refresher) startAll(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx != nil {
		return errors.New("this refresher was run before")
	}
	r.ctx = ctx
	for _, l := range r.loops {
		r.start(l)
	}
	return nil
}

// start runs a loop if Run does; the caller holds mu.
func (r *Refresher) start(l *loop) {
	switch {
	case r.stopped:
		l.end()
	case r.ctx != nil:
		ctx, cancel := context.WithCancel(r.ctx)
		l.cancel = cancel
		r.wg.Go(func() {
			defer cancel()
			l.run(ctx, r)
		})
	}
}
