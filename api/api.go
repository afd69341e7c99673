package api

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/vetopki/veto/internal/lane"
	"github.com/vetopki/veto/revocation"
)

// DefaultTTL is for how long an answer may be kept when Options.TTL is zero.
const DefaultTTL = 30 * time.Second

// Options are what an API is made of. The ports, Source to Feed, and Ready are required.
type Options struct {
	Source    Source
	Directory Directory
	Refresher Refresher
	Pusher    Pusher
	Admin     Admin
	Acceptor  Acceptor
	Feed      Feed

	// Mirrored is for mirrors; nil: there are no routes for them.
	Mirrored Mirrored

	Inventories Inventories // nil: there are no routes for inventories

	// Ready reports, from memory, for each issuer whether it can be answered for at a moment.
	Ready func(now time.Time) []IssuerReadiness

	AdminTokens Tokens // nil: the admin routes answer 403
	ReadTokens  Tokens // nil: reading needs no token

	Now       func() time.Time    // by which is judged; default time.Now
	TTL       time.Duration       // for how long an answer may be kept; default DefaultTTL
	Gatherer  prometheus.Gatherer // what GET /metrics shows; nil: there is no such route
	Metrics   *Metrics            // default: counters nobody sees
	Explainer Explainer           // for POST /v1/explain/ocsp; nil: there is no such route
	Log       *slog.Logger        // default: slog.Default()
	Version   string              // of the program, for the OpenAPI document
}

// API answers HTTP requests. Make one with New, and Close it after the server that uses its Handler was shut down.
type API struct {
	source    Source
	directory Directory
	refresher Refresher
	pusher    Pusher
	admin     Admin
	acceptor  Acceptor
	feed      Feed
	mirrored  Mirrored
	ready     func(time.Time) []IssuerReadiness
	tokens    atomic.Pointer[tokenSet]
	trust     atomic.Pointer[[]TrustSet]
	gateways  atomic.Pointer[gateways]
	ttl       time.Duration
	gatherer  prometheus.Gatherer
	metrics   *Metrics
	log       *slog.Logger
	explainer Explainer
	guard     *guard
	buffers   sync.Pool // *[]byte, for status objects
	now       func() time.Time
	date      lane.Date

	snapshotKey atomic.Pointer[ed25519.PrivateKey]
	snapshots   chan struct{} // holds one for each that is being written
	inventories Inventories   // nil: no routes

	background background
	draining   chan struct{} // closed by Drain
	drain      sync.Once
	openapi    *huma.OpenAPI
	handler    http.Handler
}

// New checks the options and builds the routes.
func New(o Options) (*API, error) {
	if slices.Contains([]any{o.Source, o.Directory, o.Refresher, o.Pusher, o.Admin, o.Acceptor, o.Feed}, nil) || o.Ready == nil {
		return nil, errors.New("making the API: the ports Source to Feed, and Ready, are required")
	}
	a := &API{
		source: o.Source, directory: o.Directory, refresher: o.Refresher, pusher: o.Pusher, admin: o.Admin, acceptor: o.Acceptor,
		feed: o.Feed, mirrored: o.Mirrored, snapshots: make(chan struct{}, maxSnapshots), ready: o.Ready,
		draining: make(chan struct{}), ttl: o.TTL, gatherer: o.Gatherer, metrics: o.Metrics, log: o.Log, explainer: o.Explainer,
		guard: newGuard(), buffers: sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }},
	}
	a.inventories = o.Inventories
	a.SetTokens(o.AdminTokens, o.ReadTokens)
	a.SetTrust(nil)
	a.SetSnapshotKey(nil)
	a.gateways.Store(&gateways{})
	if a.now = o.Now; a.now == nil {
		a.now = time.Now
	}
	if a.ttl <= 0 {
		a.ttl = DefaultTTL
	}
	if a.metrics == nil {
		a.metrics = NewMetrics()
	}
	if a.log == nil {
		a.log = slog.Default()
	}
	a.background.ctx, a.background.cancel = context.WithCancel(context.Background())
	a.background.running = map[revocation.IssuerID]bool{}
	handler, err := a.routes(o.Version)
	if err != nil {
		return nil, err
	}
	a.handler = handler
	return a, nil
}

// SetSnapshotKey replaces the key that snapshots are signed with; nil: they are not signed. It may be called while requests are served.
func (a *API) SetSnapshotKey(key ed25519.PrivateKey) { a.snapshotKey.Store(&key) }

// tokenSet is the tokens in force.
type tokenSet struct{ admin, read Tokens }

// SetTokens replaces the tokens, at once: nil means as in Options. It may be called while requests are served.
func (a *API) SetTokens(admin, read Tokens) { a.tokens.Store(&tokenSet{admin, read}) }

// Handler serves the API.
func (a *API) Handler() http.Handler { return a.handler }

// Drain answers requests that wait for something to change, at once: now and from now on. A server calls it when it begins to shut
// down, see http.Server.RegisterOnShutdown.
func (a *API) Drain() { a.drain.Do(func() { close(a.draining) }) }

// Close ends refreshes that run in the background and waits for them. Requests that come later start none.
func (a *API) Close() {
	a.Drain()
	a.background.close()
}
