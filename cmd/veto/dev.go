package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/internal/config"
)

func newDev() *cobra.Command {
	var dir string
	var quiet bool
	cmd := &cobra.Command{
		Use: "dev", Short: "Run everything at once with a throw-away CA, and print a tour",
		Long: "Makes a CA, issues a few certificates (one revoked, one on hold), publishes its CRL on loopback, fetches it, and\n" +
			"answers OCSP and JSON. Prints commands to copy. Nothing needs to be prepared; interrupt it to end it.",
		Example: "  veto dev\n  veto dev --data ./playground",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			keep := dir != ""
			if !keep {
				var err error
				if dir, err = os.MkdirTemp("", "veto-dev-"); err != nil {
					return withCode(exitData, err)
				}
				defer os.RemoveAll(dir)
			}
			abs, err := filepath.Abs(dir)
			if err != nil {
				return withCode(exitData, err)
			}
			return dev(cmd.Context(), abs, quiet, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&dir, "data", "", "`DIR`ectory to keep the CA and the data in; default a temporary one")
	cmd.Flags().BoolVar(&quiet, "quiet", false, "log warnings and errors only")
	return cmd
}

// dev makes or opens a playground and serves it until the context ends.
func dev(ctx context.Context, dir string, quiet bool, stdout, stderr io.Writer) error {
	p, err := openPlayground(dir)
	if err != nil {
		return withCode(exitData, fmt.Errorf("making the playground: %w", err))
	}
	c, err := config.Load(p.file("veto.yaml"), os.LookupEnv)
	if err != nil {
		return withCode(exitConfig, err)
	}
	if quiet {
		c.Log.Level = slog.LevelWarn
	}
	var level slog.LevelVar
	log, _ := newLogger(stderr, c.Log, &level)
	s, err := newService(c, log)
	if err != nil {
		return err
	}
	lis, err := listen(c)
	if err != nil {
		return errors.Join(err, s.close())
	}
	ca, err := net.Listen("tcp", p.ports.CA)
	if err != nil {
		return errors.Join(withCode(exitConfig, fmt.Errorf("listener of the playground's CA: %w", err)),
			lis.public.Close(), lis.api.Close(), s.close())
	}
	publish := func(ctx context.Context) error { return p.publish(ctx, ca) }
	tour := func(ctx context.Context) error { return p.printTour(ctx, s, stdout) }
	return s.serveOn(ctx, lis, publish, tour)
}

// publish serves the CA's CRL, signed anew every half hour, until the context ends.
func (p *playground) publish(ctx context.Context, l net.Listener) error {
	srv := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/dev.crl" {
			http.NotFound(w, r)
			return
		}
		der, err := p.currentCRL(time.Now())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/pkix-crl")
		w.Write(der)
	})}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	<-ctx.Done()
	err := srv.Close()
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
