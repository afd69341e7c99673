package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/internal/follow"
	"github.com/vetopki/veto/internal/snapshot"
)

// fileSync keeps a PEM file with the CRLs of some issuers; it implements follow.Copy.
type fileSync struct {
	syncing
	public, out, reload string

	pending bool // the file was written, and its reader not reloaded yet
	ctx     context.Context
}

func newSyncFile() *cobra.Command {
	var s fileSync
	cmd := &cobra.Command{
		Use: "file", Short: "Keep a PEM file with CRLs, and reload who reads it",
		Long: "Writes the CRLs in force of the issuers into one PEM file, in one step, when one of them changed, and runs a command. It never\n" +
			"writes a CRL that has expired, nor a file in which one is missing: the file then stays as it is, and a message says so.\n" +
			"For ssl_crl of nginx, crl-file of HAProxy, ssl_crl_file of PostgreSQL, CRLfile of stunnel. A CRL is what its CA signed: what\n" +
			"administrators revoke here is not in it.",
		Example: "  veto sync file --issuer corp-devices --out /etc/nginx/crls.pem --reload 'nginx -s reload'",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.out == "" || len(s.issuers) == 0 {
				return usage("say which CRLs go where: --issuer NAME --out FILE")
			}
			s.log, s.ctx = cmd.ErrOrStderr(), cmd.Context()
			return s.run(cmd, true, &s)
		},
	}
	s.register(cmd, "`NAME` of an issuer, repeatable")
	f := cmd.Flags()
	f.StringVar(&s.public, "public", "http://127.0.0.1:8080", "`URL` of the public listener, which serves the CRLs")
	f.StringVar(&s.out, "out", "", "`FILE` to keep")
	f.StringVar(&s.reload, "reload", "", "shell `COMMAND` to run after the file was written")
	return cmd
}

// Load implements follow.Copy.
func (s *fileSync) Load(_ context.Context, body io.Reader) error {
	r, err := snapshot.NewReader(body, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := s.write(); err != nil {
		return err
	}
	s.holds(r.Header)
	return nil
}

// Change implements follow.Copy. A change that could not be written is tried again with everything.
func (s *fileSync) Change(c *follow.Change) bool {
	switch {
	case c.Issuer != "" && !slices.Contains(s.issuers, c.Issuer):
	case c.Kind == "admin":
		s.say("an administrator changed the status of %s of %s; no CRL says so: who reads %s learns of it when the CA publishes one that does",
			strings.Join(c.Serials, ", "), c.Issuer, s.out)
	default:
		if err := s.write(); err != nil {
			s.say("%v", err)
			return false
		}
	}
	s.generation = c.Generation
	return true
}

// State implements follow.Copy.
func (s *fileSync) State(st *follow.State) bool {
	s.epoch = st.Epoch
	return true
}

// Heard implements follow.Copy.
func (s *fileSync) Heard() bool { return true }

// write brings the file up to date.
func (s *fileSync) write() error {
	var all bytes.Buffer
	for _, issuer := range s.issuers {
		text, err := s.crl(issuer)
		if err != nil {
			return fmt.Errorf("the CRL of %s: %w; %s stays as it is", issuer, err, s.out)
		}
		all.Write(text)
	}
	if before, err := os.ReadFile(s.out); err != nil || !bytes.Equal(before, all.Bytes()) {
		if err := replaceFile(s.out, all.Bytes(), true); err != nil {
			return err
		}
		s.say("wrote %s: %d CRLs, %d octets", s.out, len(s.issuers), all.Len())
		s.pending = s.reload != ""
	}
	if !s.pending {
		return nil
	}
	if out, err := exec.CommandContext(s.ctx, "/bin/sh", "-c", s.reload).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", s.reload, err, bytes.TrimSpace(out))
	}
	s.pending = false
	return nil
}

// maxSyncCRL bounds one CRL in PEM, in octets.
const maxSyncCRL = 2 << 30

// crl asks for the CRLs in force of an issuer. The server refuses when one has expired.
func (s *fileSync) crl(issuer string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(s.ctx, 5*time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.public, "/")+"/crl/"+url.PathEscape(issuer)+".pem", nil)
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{CheckRedirect: noRedirect}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxSyncCRL))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %s: %.200s", resp.Status, bytes.TrimSpace(text))
	}
	if ends, err := http.ParseTime(resp.Header.Get("Expires")); err == nil && !time.Now().Before(ends) {
		return nil, fmt.Errorf("it expired at %s", stamp(ends))
	}
	if !onlyCRLs(text) {
		return nil, errors.New("the answer is no CRL in PEM; is --public the public listener?")
	}
	return text, nil
}

// onlyCRLs says whether text is one CRL in PEM or several, and nothing else.
func onlyCRLs(text []byte) bool {
	for first := true; first || len(bytes.TrimSpace(text)) > 0; first = false {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil || block.Type != "X509 CRL" {
			return false
		}
	}
	return true
}
