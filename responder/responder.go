package responder

import (
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"github.com/vetopki/veto/internal/lane"
	"github.com/vetopki/veto/revocation"
)

// Source knows the status of certificates. It is asked for configured issuers only, must answer from memory or a local
// store, and must tell a change no later than the call of Purge for it.
type Source interface {
	Status(revocation.IssuerID, revocation.Serial, time.Time) revocation.CertStatus
}

// Options shape a Responder. Source must be set; every other zero value means its default.
type Options struct {
	Source      Source
	Logger      *slog.Logger  // default: discards
	CacheBytes  uint64        // memory for signed answers; default 64 MiB
	MaxAge      time.Duration // longest an HTTP cache may keep an answer, hence not see a revocation; default 1 minute
	MaxSigning  int           // signatures in the making at once; default 32, or twice the processors
	MaxWaiting  int           // requests that may wait for their turn to sign; default 1,024
	SignTimeout time.Duration // longest wait for a turn to sign; default 1 s
	Relay       Relay         // responses of CAs' own responders; nil: none

	// Now is the time by which answers are kept, judged, dated and signed; default time.Now. Callers that know their clock to be wrong
	// give what is right.
	Now func() time.Time
}

// Responder is an http.Handler that answers OCSP requests.
type Responder struct {
	source  Source
	relay   Relay
	log     *slog.Logger
	bodies  sync.Pool // of *buffer
	fixed   fixedHeaders
	date    lane.Date
	gate    *gate
	cache   *cache
	flights singleflight.Group
	metrics *Metrics
	now     func() time.Time

	table     atomic.Pointer[table] // the issuers in force
	setIssuer sync.Mutex            // held while SetIssuers replaces the table

	panicLog, signLog, requestorLog rate.Sometimes // a fault that repeats is logged every few seconds, and counted every time
}

// New makes a Responder without issuers: see SetIssuers.
func New(o Options) *Responder {
	o = o.withDefaults()
	r := &Responder{
		source: o.Source, relay: o.Relay, log: o.Logger, fixed: newFixedHeaders(o.MaxAge),
		gate: newGate(o.MaxSigning, o.MaxWaiting, o.SignTimeout), cache: newCache(o.CacheBytes), metrics: newMetrics(), now: o.Now,
		panicLog: rate.Sometimes{Interval: logInterval}, signLog: rate.Sometimes{Interval: logInterval},
		requestorLog: rate.Sometimes{Interval: logInterval},
	}
	r.metrics.observe(r)
	r.table.Store(newTable(nil, nil))
	return r
}

// SetIssuers replaces the issuers. Requests see all of the new ones or all of the old; answers kept for an issuer that
// was changed or removed are dropped.
func (r *Responder) SetIssuers(list []Issuer) {
	r.setIssuer.Lock()
	defer r.setIssuer.Unlock()
	old := r.table.Load()
	next := newTable(list, old)
	r.table.Store(next)
	for id, was := range old.byID {
		if now := next.byID[id]; now == nil || !now.same(&was.Issuer) {
			was.epochs.bumpAll() // after the table is in force: see epochs.read
		}
	}
	r.metrics.setSigners(next)
}

// Purge makes every answer about these serials of an issuer that was kept, or is being made from what was known until now,
// useless. When it returns, no request that begins later sees one.
func (r *Responder) Purge(issuer revocation.IssuerID, serials ...revocation.Serial) {
	t := r.table.Load()
	e := t.byID[issuer]
	if e == nil {
		return
	}
	for _, serial := range serials {
		e.epochs.bump(serial)
		for _, signed := range t.signed[delegate{issuer, serial}] { // a delegate's own certificate: nothing it signed counts now
			signed.epochs.bumpAll()
		}
	}
}

// PurgeIssuer is Purge for all serials of an issuer.
func (r *Responder) PurgeIssuer(issuer revocation.IssuerID) {
	t := r.table.Load()
	e := t.byID[issuer]
	if e == nil {
		return
	}
	e.epochs.bumpAll()
	for d, signed := range t.signed {
		if d.issuer == issuer {
			for _, by := range signed {
				by.epochs.bumpAll()
			}
		}
	}
}

const logInterval = 10 * time.Second

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.CacheBytes = orDefault(o.CacheBytes, 64<<20)
	o.MaxAge = orDefault(o.MaxAge, time.Minute)
	o.MaxSigning = orDefault(o.MaxSigning, max(32, 2*runtime.GOMAXPROCS(0)))
	o.MaxWaiting = orDefault(o.MaxWaiting, 1024)
	o.SignTimeout = orDefault(o.SignTimeout, time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}
