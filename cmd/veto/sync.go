package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/internal/follow"
	"github.com/vetopki/veto/internal/snapshot"
)

func newSync() *cobra.Command {
	cmd := &cobra.Command{
		Use: "sync", Short: "Keep what a gateway reads up to date with a running veto",
		Long: "Follows the change feed of a running veto until it is stopped, and brings every change to a gateway that cannot ask by itself.",
		Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSyncFile(), newSyncHAProxy())
	return cmd
}

// syncing is what the sync commands have in common.
type syncing struct {
	client  client
	issuers []string
	log     io.Writer

	generation uint64 // up to which the gateway has everything, of this epoch
	epoch      string
	loaded     bool
}

// Generation implements follow.Copy.
func (s *syncing) Generation() (uint64, string, bool) { return s.generation, s.epoch, s.loaded }

// holds remembers that the gateway has what a snapshot with this head has.
func (s *syncing) holds(h snapshot.Header) {
	s.generation, s.epoch, s.loaded = h.Generation, h.Epoch, true
}

// Lost implements follow.Copy.
func (s *syncing) Lost(err error) { s.say("%v; trying again", err) }

func (s *syncing) register(cmd *cobra.Command, issuers string) {
	f := cmd.Flags()
	f.StringVar(&s.client.server, "server", "http://127.0.0.1:8081", "`URL` of the JSON API")
	f.StringVar(&s.client.tokenFile, "token-file", "", "`FILE` with the token, when reading needs one; default the variable VETO_TOKEN")
	f.StringArrayVar(&s.issuers, "issuer", nil, issuers)
}

// run follows the feed until the command is stopped, which is how it ends well.
func (s *syncing) run(cmd *cobra.Command, bare bool, c follow.Copy) error {
	o := follow.Options{URL: s.client.server, Bare: bare, Client: &http.Client{CheckRedirect: noRedirect}}
	if err := o.Check(); err != nil {
		return usage("--server: %v", err)
	}
	req, err := http.NewRequest(http.MethodGet, s.client.server, nil)
	if err != nil {
		return usage("--server: %v", err)
	}
	if err := s.client.authorize(req); err != nil {
		return err
	}
	o.Token = strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	err = follow.Run(cmd.Context(), o, c)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// say writes a line for people.
func (s *syncing) say(format string, args ...any) {
	w := s.log
	if w == nil {
		w = os.Stderr
	}
	fmt.Fprintf(w, "veto sync: "+format+"\n", args...)
}
