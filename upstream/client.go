package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/vetopki/veto/internal/egress"
	"github.com/vetopki/veto/revocation"
)

// Store keeps revocations for good.
type Store interface {
	// Upstream is the revocation kept of a serial, nil when there is none. It must not block, and what it returns is not changed.
	Upstream(revocation.IssuerID, revocation.Serial) *revocation.UpstreamFinding
	// SaveUpstream makes a revocation durable; when it returns, Upstream tells it.
	SaveUpstream(revocation.IssuerID, revocation.Serial, revocation.UpstreamFinding) (generation uint64, err error)
	// ForgetUpstream drops a revocation; when it returns, Upstream does not tell it any more.
	ForgetUpstream(revocation.IssuerID, revocation.Serial) (generation uint64, err error)
}

// Options are what a Client works with. Store is required; zero values of the rest are good.
type Options struct {
	Store Store

	// OnChange is called after what is known of a serial changed, and before anything else happens with it.
	OnChange func(revocation.IssuerID, revocation.Serial)
	// Revoked says whether a certificate of an issuer is revoked by what is known here besides its responder: the certificate of who
	// signs for that.
	Revoked func(revocation.IssuerID, revocation.Serial) bool

	Log         *slog.Logger   // nil: none
	Metrics     *Metrics       // nil: none
	Roots       *x509.CertPool // whom https is believed; nil: the system's
	MaxBytes    uint64         // memory for answers; default 64 MiB
	MaxFollowed int            // serials whose answers are renewed ahead; default 100,000
	MaxWaiting  int            // questions that wait or are under way; default 1,024
	PerIssuer   int            // questions to one issuer's responder at once; default 8
	PerSecond   float64        // questions to one issuer's responder that are no renewals; default 100
	Jitter      func() float64 // random numbers in [0, 1); nil: math/rand

	// Now is the time by which answers are judged and renewed; default time.Now. Callers that know their clock to be wrong give what is
	// right: a clock that was set back would believe answers again that have ended.
	Now func() time.Time
}

// Client asks, and remembers what was answered.
type Client struct {
	store    Store
	onChange func(revocation.IssuerID, revocation.Serial)
	revoked  func(revocation.IssuerID, revocation.Serial) bool
	log      *slog.Logger
	metrics  *Metrics
	now      func() time.Time
	options  Options
	answers  *answers
	dial     egress.Dialer
	issuers  atomic.Pointer[map[revocation.IssuerID]*asked]

	mu       sync.Mutex
	pending  map[key]bool // questions that wait or are under way
	renewals renewals
	wake     chan struct{}   // one token: the earliest renewal changed
	ctx      context.Context // of Run; nil before it
	stopped  bool            // Run ends: nothing is asked any more
	wg       sync.WaitGroup  // questions
}

// New makes a Client without issuers. It starts nothing.
func New(o Options) *Client {
	o.MaxBytes = orDefault(o.MaxBytes, 64<<20)
	o.MaxFollowed = orDefault(o.MaxFollowed, 100_000)
	o.MaxWaiting = orDefault(o.MaxWaiting, 1024)
	o.PerIssuer = orDefault(o.PerIssuer, 8)
	o.PerSecond = orDefault(o.PerSecond, 100)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	c := &Client{store: o.Store, onChange: o.OnChange, revoked: o.Revoked, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		metrics: cmp.Or(o.Metrics, NewMetrics()), now: o.Now, options: o, answers: newAnswers(o.MaxBytes), dial: egress.DialWith(nil),
		pending: map[key]bool{}, wake: make(chan struct{}, 1)}
	if c.onChange == nil {
		c.onChange = func(revocation.IssuerID, revocation.Serial) {}
	}
	c.issuers.Store(&map[revocation.IssuerID]*asked{})
	c.metrics.observe(c)
	return c
}

// SetIssuers says whose responders to ask from now on. An issuer that did not change goes on undisturbed; of one that is gone no
// answer is given any more.
func (c *Client) SetIssuers(list []Issuer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, next := *c.issuers.Load(), make(map[revocation.IssuerID]*asked, len(list))
	for _, i := range list {
		i = i.withDefaults()
		if old := before[i.ID]; old != nil && old.equal(&i) {
			next[i.ID] = old
			continue
		}
		next[i.ID] = c.newAsked(i)
	}
	c.issuers.Store(&next)
	for id, old := range before {
		if next[id] != old {
			old.transport.CloseIdleConnections()
			c.metrics.forget(old.Name)
		}
	}
}

func (c *Client) newAsked(i Issuer) *asked {
	dial := c.dial
	return &asked{Issuer: i, turns: make(chan struct{}, c.options.PerIssuer),
		rate: rate.NewLimiter(rate.Limit(c.options.PerSecond), max(int(c.options.PerSecond), 1)),
		transport: &http.Transport{
			Proxy: nil, // not from the environment: what we ask, and whom, is in the configuration
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return dial(ctx, network, address, i.Egress)
			},
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.options.Roots}, MaxResponseHeaderBytes: 64 << 10,
			DisableCompression: true, MaxIdleConnsPerHost: c.options.PerIssuer, MaxConnsPerHost: c.options.PerIssuer, IdleConnTimeout: 30 * time.Second,
		}}
}

// Run asks until ctx ends, and returns nil when no question is under way any more. It can be called once.
func (c *Client) Run(ctx context.Context) error {
	c.mu.Lock()
	if c.ctx != nil {
		c.mu.Unlock()
		return errors.New("this client was run before")
	}
	c.ctx = ctx
	c.mu.Unlock()
	c.renew(ctx)
	c.mu.Lock()
	c.stopped = true
	c.mu.Unlock()
	c.wg.Wait()
	for _, a := range *c.issuers.Load() {
		a.transport.CloseIdleConnections()
	}
	return nil
}

// Finding is what the issuer's responder last said of a serial, nil when nothing was learnt; it does not block. When wanted, and when
// nothing is known or what is known is due to be renewed, the question is asked in the background.
func (c *Client) Finding(issuer revocation.IssuerID, serial revocation.Serial, now time.Time, wanted bool) *revocation.UpstreamFinding {
	a := (*c.issuers.Load())[issuer]
	if a == nil {
		return nil
	}
	k := key{issuer, serial}
	h := c.answers.get(k)
	if wanted {
		if h == nil || !now.Before(h.renewAt) {
			c.want(a, k, now, false)
		} else if !h.wanted.Load() && h.wanted.CompareAndSwap(false, true) {
			c.plan(k, h.renewAt)
		}
	}
	if h == nil {
		return nil
	}
	return h.finding
}

// Signed is the last answer of the issuer's responder about a serial as it was signed, when it says so of exactly this CertID, DER;
// nil otherwise. The octets must not be changed.
func (c *Client) Signed(issuer revocation.IssuerID, serial revocation.Serial, certID []byte) (der []byte, f *revocation.UpstreamFinding) {
	if a := (*c.issuers.Load())[issuer]; a == nil || !a.Relay {
		return nil, nil
	}
	h := c.answers.get(key{issuer, serial})
	if h == nil || h.signed == nil || string(h.certID) != string(certID) {
		return nil, nil
	}
	return h.signed, h.finding
}

// Report is how asking goes for one issuer.
type Report struct {
	Issuer      revocation.Issuer
	URLs        []string
	Relay       bool
	LastAnswer  time.Time // when an answer was last verified
	LastFailure time.Time
	LastError   string
	Failures    int       // in a row
	NotUntil    time.Time // nothing is asked before; zero when questions are
}

// Report tells how asking goes for an issuer; false when its responder is not asked.
func (c *Client) Report(issuer revocation.IssuerID, now time.Time) (Report, bool) {
	a := (*c.issuers.Load())[issuer]
	if a == nil {
		return Report{}, false
	}
	s := a.snapshot()
	r := Report{Issuer: a.Issuer.Issuer, URLs: slices.Clone(a.URLs), Relay: a.Relay, LastAnswer: s.lastAnswer,
		LastFailure: s.lastFailure, LastError: s.lastError, Failures: s.failures}
	if now.Before(s.notUntil) {
		r.NotUntil = s.notUntil
	}
	return r, true
}
