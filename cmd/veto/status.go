package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/api"
)

func newStatus() *cobra.Command {
	var c client
	var issuer string
	var certs []string
	cmd := &cobra.Command{
		Use:   "status [SERIAL…]",
		Short: "Ask a running veto for the status of serials, or of its issuers",
		Long: "With serials or certificates: their status. Without: every issuer, its CRLs and how fetching goes.\n" +
			"Ends with 1 when one is revoked, 2 when one is unknown, 0 when all are good.",
		Example: "  veto status --issuer corp-devices 0a1b2c dec:660268\n  veto status --cert device.pem --issuer corp-devices\n  veto status",
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := subjects(args, certs)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				return printIssuers(cmd, &c, issuer)
			}
			if issuer == "" {
				return usage("--issuer says whose serials these are; veto status without arguments lists the issuers")
			}
			results, err := c.statuses(cmd, issuer, all)
			if err != nil {
				return err
			}
			return reportStatuses(cmd.OutOrStdout(), all, results, c.asJSON)
		},
	}
	c.register(cmd)
	cmd.Flags().StringVar(&issuer, "issuer", "", "`NAME` or IssuerID of the issuer")
	cmd.Flags().StringArrayVar(&certs, "cert", nil, "certificate `FILE` instead of a serial, repeatable")
	return cmd
}

// statuses asks for several serials in one request.
func (c *client) statuses(cmd *cobra.Command, issuer string, all []subject) ([]api.StatusResult, error) {
	var q api.StatusQueries
	for _, s := range all {
		if s.cert != nil { // says more than its serial: what kind it is, and which CRLs it is on
			q.Queries = append(q.Queries, api.StatusQuery{Certificate: string(certificatePEM(s.cert))})
		} else {
			q.Queries = append(q.Queries, api.StatusQuery{Issuer: issuer, Serial: s.serial.String()})
		}
	}
	var answer api.StatusResults
	if err := c.call(cmd.Context(), http.MethodPost, q, &answer, "v1", "status"); err != nil {
		return nil, err
	}
	if len(answer.Results) != len(all) {
		return nil, withCode(exitUnknown, fmt.Errorf("%s answered %d of %d questions", c.server, len(answer.Results), len(all)))
	}
	return answer.Results, nil
}

// reportStatuses prints a line for each and ends with the worst: revoked before unknown before good.
func reportStatuses(w io.Writer, all []subject, results []api.StatusResult, asJSON bool) error {
	code := exitYes
	for i, r := range results {
		switch {
		case r.Error == nil && r.Status == "revoked":
			code = exitNo
		case r.Error != nil || r.Status != "good":
			if code == exitYes {
				code = exitUnknown
			}
		}
		if !asJSON {
			fmt.Fprintf(w, "%s: %s\n", all[i].label, sentence(r))
		}
	}
	if asJSON {
		if err := printJSON(w, api.StatusResults{Results: results}); err != nil {
			return err
		}
	}
	return exitWith(code)
}

// sentence says a status in words.
func sentence(r api.StatusResult) string {
	if r.Error != nil {
		return "unknown: " + r.Error.Detail
	}
	text := fmt.Sprintf("%s, because %s", r.Status, r.Because)
	if r.Status == "revoked" {
		text += fmt.Sprintf(", %s, since %s", r.Reason, stamp(r.RevokedAt))
	}
	if r.Evidence != nil && r.Evidence.CRLNumber != "" {
		text += ", CRL number " + r.Evidence.CRLNumber
	}
	if !r.NextUpdate.IsZero() {
		text += ", nextUpdate " + stamp(r.NextUpdate)
	}
	return text
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// printIssuers lists the issuers of a running veto, or one of them.
func printIssuers(cmd *cobra.Command, c *client, issuer string) error {
	var answer api.IssuerReports
	var err error
	if issuer == "" {
		err = c.call(cmd.Context(), http.MethodGet, nil, &answer, "v1", "issuers")
	} else {
		answer.Issuers = make([]api.IssuerReport, 1)
		err = c.call(cmd.Context(), http.MethodGet, nil, &answer.Issuers[0], "v1", "issuers", issuer)
	}
	if err != nil {
		return err
	}
	if c.asJSON {
		return printJSON(cmd.OutOrStdout(), answer)
	}
	w := cmd.OutOrStdout()
	for _, i := range answer.Issuers {
		fmt.Fprintf(w, "%s  %s\n", i.Name, i.IssuerID)
		for _, id := range i.IssuerIDs {
			fmt.Fprintf(w, "  key %s\n", id)
		}
		if i.Administered {
			fmt.Fprintln(w, "  administered here: no CRL source")
		}
		for _, s := range i.Sources {
			printSource(w, &s)
		}
		if i.Inventory != nil {
			fmt.Fprintf(w, "  inventory: %s\n", inventorySentence(i.Inventory))
		} else if i.InventoryRequired {
			fmt.Fprintln(w, "  inventory: required and not put yet, so that nothing counts as issued")
		}
		if i.Upstream != nil {
			printUpstream(w, i.Upstream)
		}
		if i.OCSP != nil {
			fmt.Fprintf(w, "  ocsp signer: %s%s\n", i.OCSP.Signer, withComma(i.OCSP.Problem))
		}
	}
	return nil
}

func printSource(w io.Writer, s *api.SourceReport) {
	fmt.Fprintf(w, "  %s\n    %s, %d entries, number %s, thisUpdate %s, nextUpdate %s\n", s.URL, s.Freshness, s.Entries,
		orNone(s.CRLNumber), orNever(s.ThisUpdate), orNever(s.NextUpdate))
	if s.DeltaOf != "" {
		fmt.Fprintf(w, "    delta CRL of %s, %s, changes since number %s\n", s.DeltaOf, cmp.Or(s.Delta, "not held"), orNone(s.BaseNumber))
	}
	if s.Scope != nil {
		fmt.Fprintf(w, "    lists %s\n", scopeSentence(s.Scope))
	}
	if s.Retained > 0 {
		fmt.Fprintf(w, "    retained: %d entries that the CRL does not list any more stay revoked%s\n", s.Retained,
			map[bool]string{true: "; ask the CA, then veto accept"}[s.Alarm])
	}
	if s.Waiting != "" {
		fmt.Fprintf(w, "    not fetched: %s\n", s.Waiting)
	}
	if p := s.Fetching; p != nil {
		fmt.Fprintf(w, "    %s\n", progressSentence(p.Doing, p.Octets, p.Of, p.Entries))
	}
	fmt.Fprintf(w, "    last fetch %s, next fetch %s\n", orNever(s.LastFetch), orNever(s.NextFetch))
	if s.LastError != "" {
		fmt.Fprintf(w, "    last error (%d in a row): %s\n", s.Failures, s.LastError)
	}
}

// scopeSentence says what a CRL speaks of.
func scopeSentence(s *api.ScopeObject) string {
	var parts []string
	if s.Indirect {
		parts = append(parts, "certificates of several issuers")
	}
	if s.OnlyKind != "" {
		parts = append(parts, s.OnlyKind+" certificates only")
	}
	if s.OnlyReasons != nil {
		parts = append(parts, "these reasons only: "+strings.Join(s.OnlyReasons, " "))
	}
	if s.DistributionPoints != nil {
		parts = append(parts, "those of the distribution point "+strings.Join(s.DistributionPoints, " "))
	}
	return strings.Join(parts, ", ")
}

func orNever(t time.Time) string {
	if t.IsZero() {
		return "none"
	}
	return stamp(t)
}

func withComma(s string) string {
	if s == "" {
		return ""
	}
	return ", " + s
}

// printUpstream says how asking the CA's own responder goes.
func printUpstream(w io.Writer, u *api.UpstreamReport) {
	fmt.Fprintf(w, "  upstream %s\n    last answer %s, %d revoked", strings.Join(u.URLs, " "), orNever(u.LastAnswer), u.Revoked)
	if u.Relayed {
		fmt.Fprint(w, ", answers are relayed")
	}
	fmt.Fprintln(w)
	if u.LastError != "" {
		fmt.Fprintf(w, "    last error (%d in a row) %s: %s\n", u.Failures, orNever(u.LastFailure), u.LastError)
	}
	if !u.NotAskedTill.IsZero() {
		fmt.Fprintf(w, "    not asked until %s\n", stamp(u.NotAskedTill))
	}
}
