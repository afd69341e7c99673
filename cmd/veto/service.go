package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/crlfetch"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
	"github.com/vetopki/veto/upstream"
)

// service is veto without its listeners: the parts, wired together. configure may be called again while it runs.
type service struct {
	log       *slog.Logger
	store     *store.Store
	judge     *judge
	directory *directory
	operator  *operator
	responder *responder.Responder
	refresher *crlfetch.Refresher
	upstream  *upstream.Client
	api       *api.API
	public    *public
	mirrored  *mirrored
	watch     *signerWatch
	presigner *presigner

	configuring sync.Mutex // held while a configuration is put in force; guards the two below
	signers     signers
	inForce     *config.Config
}

// newService opens the data directory and wires the parts for a configuration.
func newService(c *config.Config, log *slog.Logger) (*service, error) {
	st, err := store.Open(c.DataDir, store.Options{Log: log, IngestMemory: c.IngestMemory})
	if err != nil {
		return nil, withCode(exitData, fmt.Errorf("opening the data directory: %w", err))
	}
	s := &service{log: log, store: st, judge: newJudge(st), directory: newDirectory(st)}
	upstreamMetrics := upstream.NewMetrics()
	s.upstream = upstream.New(upstream.Options{Store: st, Log: log, Metrics: upstreamMetrics, Revoked: s.judge.revokedElsewhere,
		OnChange: func(issuer revocation.IssuerID, serial revocation.Serial) { s.responder.Purge(issuer, serial) },
		Now:      func() time.Time { return judgedAt(st) }})
	s.judge.upstream, s.directory.upstream = s.upstream, s.upstream
	s.responder = responder.New(responder.Options{Source: s.judge, Logger: log, CacheBytes: uint64(c.OCSP.CacheBytes), Relay: relay{s.upstream},
		MaxAge: c.OCSP.MaxAge, MaxSigning: c.OCSP.MaxSigning, MaxWaiting: c.OCSP.MaxWaiting,
		Now: func() time.Time { return judgedAt(st) }})
	s.mirrored = newMirrored(s.judge, s.directory)
	s.watch = newSignerWatch(s.directory, log, s.retrySigners)
	s.presigner = newPresigner(s.judge, s.directory, s.responder, c.OCSP.PresignRate)
	s.operator = &operator{store: st, directory: s.directory, responder: s.responder, purged: s.presigner.dropped}
	fetchMetrics, apiMetrics := crlfetch.NewMetrics(), api.NewMetrics()
	s.refresher = crlfetch.New(crlfetch.Options{Store: st, Builder: builder{st}, Log: log, Metrics: fetchMetrics,
		OnChange: s.operator.crlChanged, Revoked: s.isRevoked})
	s.operator.refresher, s.directory.fetches = s.refresher, s.refresher.Sources
	s.public = &public{directory: s.directory, responder: s.responder}
	s.api, err = api.New(api.Options{Source: s.judge, Directory: s.directory, Refresher: s.operator, Pusher: s.operator,
		Admin: s.operator, Acceptor: s.operator, Feed: feed{st, s.directory}, Mirrored: s.mirrored, Inventories: s.operator, Ready: s.directory.Ready, Log: log,
		Version: version, Metrics: apiMetrics, Now: func() time.Time { return judgedAt(st) }, Explainer: &explainer{s.directory, s.judge, s.responder},
		Gatherer: registry(st, s.responder.Metrics().Collectors(), fetchMetrics.Collectors(), apiMetrics.Collectors(),
			upstreamMetrics.Collectors(),
			[]prometheus.Collector{newRetainedMetrics(s.directory), newSignerMetrics(s.directory), newClockMetric(st)})})
	if err == nil {
		err = s.configure(c)
	}
	if err != nil {
		s.signers.keep(nil)
		return nil, withClose(err, st)
	}
	return s, nil
}

func withClose(err error, st *store.Store) error {
	if closeErr := st.Close(); closeErr != nil {
		return fmt.Errorf("%w; closing the data directory: %w", err, closeErr)
	}
	return err
}

// registry gathers the metrics of all parts and of the process.
func registry(st *store.Store, parts ...[]prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "veto_store_degraded",
		Help: "1 while changes cannot be made durable or a stored CRL is damaged."}, func() float64 {
		if st.Degraded() != nil {
			return 1
		}
		return 0
	}))
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, p := range parts {
		r.MustRegister(p...)
	}
	return r
}

// configure puts a configuration in force: issuers, sources, signers and tokens. Faults found here leave the one before in
// force.
func (s *service) configure(c *config.Config) error {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	return s.putInForce(c)
}

// putInForce needs s.configuring.
func (s *service) putInForce(c *config.Config) error {
	defer func() { s.signers.keep(s.inForce) }()
	known, err := s.knownIssuers(c, time.Now())
	if err != nil {
		return err
	}
	scopes := make(map[revocation.IssuerID][]store.Scope, len(known))
	var sources []crlfetch.Source
	var answered []responder.Issuer
	var asked []upstream.Issuer
	for i := range known {
		k := &known[i]
		var consulted []store.Scope
		for _, src := range k.sources {
			consulted, sources = append(consulted, src.scope()), append(sources, src.series()...)
		}
		for _, key := range k.keys { // a CertID has the hash of one key (RFC 6960 §4.1.1)
			answers, err := s.answers(k, key)
			if err != nil {
				return err
			}
			answers.Relay = k.relays()
			if u, ok := upstreamOf(key, &k.config, c.Egress); ok {
				asked = append(asked, u)
			}
			scopes[key.ID], answered = consulted, append(answered, answers)
		}
	}
	if err := s.setTokens(c); err != nil {
		return err
	}
	s.logSigners(known)
	s.store.SetScopes(scopes)
	s.upstream.SetIssuers(asked)
	s.judge.configure(c.Issuers)
	s.directory.configure(known)
	s.mirrored.configured()
	s.setTrust(c)
	s.api.SetSnapshotKey(c.API.SnapshotKey)
	if err := s.setProfiles(c); err != nil { // the configuration was checked: there is none
		return err
	}
	s.responder.SetIssuers(answered)
	for _, is := range answered {
		s.responder.PurgeIssuer(is.ID) // answers rest on the settings too: sources, grace
	}
	s.presigner.configure(known)
	s.refresher.SetSources(sources)
	s.inForce = c
	s.watch.look()
	return nil
}

// knownIssuers makes sources and signers of a configuration's issuers; all faults of signers are reported at once.
func (s *service) knownIssuers(c *config.Config, now time.Time) ([]knownIssuer, error) {
	known := make([]knownIssuer, 0, len(c.Issuers))
	var faults config.Faults
	for _, ic := range c.Issuers {
		k := knownIssuer{config: ic, keys: keysOf(ic)}
		k.Issuer = k.keys[0]
		for _, crl := range ic.CRLs {
			src := sourceOf(k.Issuer, ic, crl, c.Egress)
			if err := src.check(); err != nil {
				faults = append(faults, crl.Pos.Fault("%v", err))
			}
			k.sources = append(k.sources, src)
		}
		faults = append(faults, s.setSigners(&k, now)...)
		known = append(known, k)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return known, nil
}

// keysOf are the keys of a configured issuer, each as the issuer that a certificate or a CertID names.
func keysOf(ic config.Issuer) []revocation.Issuer {
	keys := make([]revocation.Issuer, len(ic.Certificates))
	for i, c := range ic.Certificates {
		keys[i] = revocation.Issuer{Name: ic.Name, ID: revocation.IssuerIDOf(c), Certificate: c}
	}
	return keys
}

// run fetches CRLs on schedule, and asks OCSP responders when that is wanted, until the context ends.
func (s *service) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.refresher.Run(ctx) })
	group.Go(func() error { return s.upstream.Run(ctx) })
	return group.Wait()
}

// verifyEvery is how often all stored CRLs are read in full: a disk may decay.
const verifyEvery = 24 * time.Hour

// watchFiles checks the stored CRLs in full, at once and then daily. A damaged one is set aside by the store, only what the one
// before lists counts, and a fetch starts.
func (s *service) watchFiles(ctx context.Context) error {
	tick := time.NewTicker(verifyEvery)
	defer tick.Stop()
	for {
		if err := s.store.VerifyGenerations(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("stored CRLs are damaged and set aside; only revocations of the ones before serve until a fetch succeeds", "error", err.Error())
			s.refetchAll(ctx)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// refetchAll drops all signed answers and fetches the CRLs of every issuer that has any. Failures are logged by the refresh.
func (s *service) refetchAll(ctx context.Context) {
	t := s.directory.table.Load()
	for i := range t.issuers {
		k := &t.issuers[i]
		for _, key := range k.keys {
			s.responder.PurgeIssuer(key.ID)
		}
		if len(k.sources) > 0 {
			s.refresher.Refresh(ctx, k.ID) //nolint:errcheck // see above
		}
	}
}

// close ends what a request may have started and closes the store. No listener may be open any more.
func (s *service) close() error {
	s.api.Close()
	s.signers.keep(nil)
	if err := s.store.Close(); err != nil {
		return fmt.Errorf("closing the data directory: %w", err)
	}
	return nil
}
