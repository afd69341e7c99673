package main

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/api"
)

func newRefresh() *cobra.Command {
	var c client
	cmd := &cobra.Command{
		Use: "refresh ISSUER", Short: "Fetch an issuer's CRLs now",
		Long:    "Fetches now and says what changed. When a fetch fails, the CRL held before stays in force and the command ends with 2.",
		Example: "  veto refresh --server http://127.0.0.1:8081 corp-devices", Args: exactly(1, "one issuer"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var report api.RefreshReport
			err := c.call(cmd.Context(), http.MethodPost, struct{}{}, &report, "v1", "issuers", args[0], "refresh", "?wait=true")
			if err != nil {
				return err
			}
			if c.asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			for _, r := range report.Results {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", r.URL, refreshSentence(r))
			}
			return nil
		},
	}
	c.register(cmd)
	return cmd
}

func refreshSentence(r api.RefreshResult) string {
	switch r.Outcome {
	case "changed":
		text := fmt.Sprintf("CRL number %s with %d entries in force: %d added, %d removed, %d changed; nextUpdate %s",
			orNone(r.CRLNumber), r.Entries, r.Added, r.Removed, r.Changed, orNever(r.NextUpdate))
		if r.Retained > 0 {
			text += fmt.Sprintf("; %d that it does not list any more stay revoked until veto accept", r.Retained)
		}
		return text
	case "failed":
		return r.Error
	}
	return fmt.Sprintf("nothing newer than CRL number %s, nextUpdate %s", orNone(r.CRLNumber), orNever(r.NextUpdate))
}

func newHealth() *cobra.Command {
	var c client
	var ready bool
	cmd := &cobra.Command{
		Use: "health", Short: "Ask whether a running veto lives (the container's health check)",
		Example: "  veto health --server http://127.0.0.1:8081\n  veto health --ready", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !ready {
				var alive api.HealthReport
				err := c.call(cmd.Context(), http.MethodGet, nil, &alive, "healthz")
				if err == nil && !alive.Alive {
					err = errors.New("veto says it is not alive")
				}
				return err
			}
			var report api.ReadyReport
			if err := c.call(cmd.Context(), http.MethodGet, nil, &report, "readyz"); err != nil {
				return err
			}
			for _, i := range report.Issuers {
				if i.Problem != "" {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", i.Issuer, i.Problem)
				}
				for _, w := range i.Warnings {
					fmt.Fprintf(cmd.OutOrStdout(), "%s: warning: %s\n", i.Issuer, w)
				}
			}
			if !report.Ready {
				return exitWith(exitUnknown)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "ready")
			return nil
		},
	}
	c.register(cmd)
	cmd.Flags().BoolVar(&ready, "ready", false, "ask whether every issuer can be answered for")
	return cmd
}
