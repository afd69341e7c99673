package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/internal/lane"
)

// shutdownGrace is how long answers under way may take after the order to stop.
const shutdownGrace = 10 * time.Second

func newServe() *cobra.Command {
	var file string
	var flags config.Flags
	var reset bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve OCSP and the JSON API",
		Long: "Fetches the CRLs of the configured issuers, verifies and stores them, and answers OCSP on the public listener and\n" +
			"JSON on the API listener. The configuration is read again on SIGHUP and when one of its files changes.",
		Example: "  veto serve --config veto.yaml\n" +
			"  veto serve --data /var/lib/veto --issuer name=corp,cert=ca.pem,crl=http://pki.corp/ca.crl,signer=ocsp.pem,key=ocsp.key \\\n" +
			"      --public :8080 --api 127.0.0.1:8081 --admin-token-file admin.token",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			load := func() (*config.Config, error) { return config.FromFlags(flags) }
			if file != "" {
				if flags.Data != "" || flags.Public != "" || flags.API != "" || flags.AdminTokenFile != "" || len(flags.Issuers) > 0 {
					return usage("--config stands alone: put what the other flags say into the file")
				}
				load = func() (*config.Config, error) { return config.Load(file, os.LookupEnv) }
			} else if len(flags.Issuers) == 0 {
				return usage("say what to serve: --config FILE, or --issuer name=NAME,cert=FILE[,crl=URL]; see veto serve --help")
			}
			return serve(cmd.Context(), load, reset, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVar(&file, "config", "", "configuration `FILE` (YAML)")
	f.StringVar(&flags.Data, "data", "", "data `DIR`ectory (default /var/lib/veto)")
	f.StringVar(&flags.Public, "public", "", "`ADDR`ess of the OCSP listener (default :8080)")
	f.StringVar(&flags.API, "api", "", "`ADDR`ess of the JSON API (default 127.0.0.1:8081)")
	f.StringVar(&flags.AdminTokenFile, "admin-token-file", "", "`FILE` with the administrators' token")
	f.StringArrayVar(&flags.Issuers, "issuer", nil, "`"+config.IssuerSyntax+"`, repeatable")
	f.BoolVar(&reset, "reset-clock", false, "believe the machine's clock, though veto remembers a later time: for once, when the clock had been ahead")
	return cmd
}

// serve runs the service until the context ends. Results (the addresses) go to stdout, the log to stderr.
func serve(ctx context.Context, load func() (*config.Config, error), reset bool, stdout, stderr io.Writer) error {
	c, err := load()
	if err != nil {
		return withCode(exitConfig, err)
	}
	var level slog.LevelVar
	log, term := newLogger(stderr, c.Log, &level)
	for _, w := range c.Warnings {
		log.Warn("configuration", "warning", w.String())
	}
	s, err := newService(c, log)
	if err != nil {
		return err
	}
	if reset {
		err = resetClock(s.store)
	}
	var lis *listeners
	if err == nil {
		lis, err = listen(c)
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	// Log lines first: who reads the addresses from stdout may connect at once.
	log.Info("listening", "public", lis.public.Addr().String(), "api", lis.api.Addr().String(), "data_dir", c.DataDir)
	if lis.envoy != nil {
		log.Info("listening for Envoy", "address", lis.envoy.Addr().String())
		fmt.Fprintf(stdout, "envoy %s\n", lis.envoy.Addr())
	}
	fmt.Fprintf(stdout, "public http://%s\napi %s://%s\n", lis.public.Addr(), lis.apiScheme, lis.api.Addr())
	r := &reloader{load: load, service: s, current: c, level: &level, listeners: lis, log: log}
	if term == nil {
		return s.serveOn(ctx, lis, r.run)
	}
	progress := func(ctx context.Context) error { return term.watch(ctx, s.refresher.Sources) }
	return s.serveOn(ctx, lis, r.run, progress)
}

// serveOn runs listeners, fetching and the reload loop in one group, and closes everything in order when the context ends.
func (s *service) serveOn(ctx context.Context, lis *listeners, extra ...func(context.Context) error) error {
	calmCollector()
	spareThreads()
	group, ctx := errgroup.WithContext(ctx)
	public := &lane.Server{Handler: s.public, HTTP: newServer(s.public, s.log, 30*time.Second), MaxConns: maxPublicConns()}
	api := s.apiServer(lis)
	group.Go(func() error { return servingError(public.Serve(lis.public), lis.public) })
	group.Go(func() error { return servingError(api.Serve(lis.api), lis.api) })
	group.Go(func() error { return s.serveEnvoy(ctx, lis) })
	group.Go(func() error { return ignoreCanceled(s.run(ctx)) })
	group.Go(func() error { return ignoreCanceled(s.watchFiles(ctx)) })
	group.Go(func() error { return ignoreCanceled(s.watch.run(ctx)) })
	group.Go(func() error { return ignoreCanceled(s.presigner.run(ctx)) })
	group.Go(func() error { return ignoreCanceled((&clockWatch{store: s.store, log: s.log}).run(ctx)) })
	for _, f := range extra {
		group.Go(func() error { return ignoreCanceled(f(ctx)) })
	}
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		defer cancel()
		s.log.Info("stopping", "grace", shutdownGrace.String())
		return errors.Join(public.Shutdown(grace), api.Shutdown(grace))
	})
	err := group.Wait()
	return errors.Join(err, s.close())
}

// server is what an http.Server and a lane.Server are.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// apiServer serves the API: in plain HTTP, gateways and status questions in the lane before net/http. With TLS the connection belongs to
// the question, and net/http has it.
func (s *service) apiServer(lis *listeners) server {
	h := newServer(s.api.Handler(), s.log, 5*time.Minute)
	h.MaxHeaderBytes = maxAPIHeader
	h.RegisterOnShutdown(s.api.Drain)
	if lis.tls != nil {
		return h
	}
	return &lane.Server{Handler: s.api, HTTP: h, Fields: true, MaxRequest: 8 << 10, MaxConns: maxPublicConns()}
}

func servingError(err error, l net.Listener) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving on %s: %w", l.Addr(), err)
}

func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// calmCollector lets the heap grow to five times what lives before it is collected: what lives is small (the cache of
// signed answers is bounded, CRLs are outside the heap), and collecting it at twice its size took 8 % of a cached OCSP answer.
// The environment's GOGC goes before.
func calmCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}

// spareThreads gives the runtime two threads more than a small machine has processors. An ingest keeps three goroutines busy, and
// while each thread has one, a request waits until it is found ready, which the runtime looks after every 10 ms: at 5,000 lookups a
// second the median was 1 ms instead of 0.13 ms while a CRL was read. With threads to spare the kernel lets the one that
// wakes up go first. The environment's GOMAXPROCS goes before, and so does a quota, which more threads would only exhaust sooner.
func spareThreads() {
	if n := runtime.NumCPU(); n <= 4 && runtime.GOMAXPROCS(0) == n && os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(n + 2)
	}
}

// listeners are the open sockets.
type listeners struct {
	public, api net.Listener
	envoy       net.Listener // nil: Envoy is not answered
	apiScheme   string
	tls         *liveTLS // of the API, nil without TLS
}

func listen(c *config.Config) (*listeners, error) {
	lis := &listeners{apiScheme: "http"}
	var err error
	if lis.public, err = net.Listen("tcp", c.Public.Listen); err != nil {
		return nil, withCode(exitConfig, fmt.Errorf("public listener: %w; choose another address", err))
	}
	if lis.api, err = net.Listen("tcp", c.API.Listen); err != nil {
		return nil, withCode(exitConfig, errors.Join(fmt.Errorf("api listener: %w; choose another address", err), lis.public.Close()))
	}
	if lis.envoy, err = listenEnvoy(c.API.EnvoyListen); err != nil {
		return nil, withCode(exitConfig, errors.Join(err, lis.public.Close(), lis.api.Close()))
	}
	if c.API.TLS != nil {
		lis.apiScheme, lis.tls = "https", new(liveTLS)
		lis.tls.set(c.API.TLS)
		lis.api = tls.NewListener(lis.api, lis.tls.config("http/1.1"))
	}
	return lis, nil
}

// newServer has limits against clients that are slow or send too much. The body has no longer than the header: a second
// deadline for each request costs 2 % of a cached OCSP answer, and the routes that take long bodies set their own.
func newServer(h http.Handler, log *slog.Logger, write time.Duration) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: write,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// maxAPIHeader has room for a chain of certificates that a gateway passes on, and for the headers of its client.
const maxAPIHeader = certheader.MaxCertificateHeader + certheader.MaxChainHeader + 48<<10

// onHangup returns a channel that receives at each SIGHUP, and how to stop it.
func onHangup() (<-chan os.Signal, func()) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGHUP)
	return ch, func() { signal.Stop(ch) }
}
