package main

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/api"
)

func newAccept() *cobra.Command {
	var c client
	var issuer string
	var body api.AcceptBody
	cmd := &cobra.Command{
		Use: "accept", Short: "Accept that a CRL dropped many entries at once, or keep them revoked",
		Long: "When a CRL drops more of its entries at once than the issuer's max_shrink, veto keeps them revoked, because retained, until an\n" +
			"administrator decides. Ask the CA first: its CRL may be damaged. Accepting drops them, and their revocations end; with --keep\n" +
			"they stay revoked, until the CRL lists them again, and the alarm ends. Ends with 1 when nothing is retained.",
		Example: "  veto accept --issuer corp-devices --comment \"the CA removed what expired\"\n  veto accept --issuer corp-devices --keep",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if issuer == "" {
				return usage("--issuer says whose CRL it is; veto status lists the issuers")
			}
			var report api.AcceptReport
			if err := c.call(cmd.Context(), http.MethodPost, body, &report, "v1", "issuers", issuer, "accept"); err != nil {
				return err
			}
			if c.asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			for _, r := range report.Results {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d entries %s\n", r.URL, r.Serials, map[string]string{
					"dropped": "are not revoked any more by it", "kept": "stay revoked"}[r.Outcome])
			}
			return nil
		},
	}
	c.register(cmd)
	f := cmd.Flags()
	f.StringVar(&issuer, "issuer", "", "`NAME` or IssuerID of the issuer")
	f.StringVar(&body.URL, "url", "", "`URL` of the CRL; default all of the issuer with something retained")
	f.BoolVar(&body.Keep, "keep", false, "keep them revoked")
	f.StringVar(&body.Comment, "comment", "", "for the record")
	return cmd
}
