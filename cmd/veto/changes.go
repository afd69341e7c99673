package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/api"
)

func newChanges() *cobra.Command {
	var c client
	var since uint64
	var wait time.Duration
	cmd := &cobra.Command{
		Use: "changes", Short: "Show what changed at a running veto since a generation",
		Long: "One line for each change: CRLs that came into force, revocations by administrators. With --wait it waits for the next one when\n" +
			"there is none. Ends with 1 when changes since then are no longer kept: read the lists of revocations anew.",
		Example: "  veto changes --since 88120\n  veto changes --since 88123 --wait 30s --json", Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{"since": {strconv.FormatUint(since, 10)}, "wait": {wait.String()}}
			c.timeout += wait
			var page api.ChangePage
			if err := c.call(cmd.Context(), http.MethodGet, nil, &page, "v1", "changes", "?"+query.Encode()); err != nil {
				return err
			}
			if c.asJSON {
				if err := printJSON(cmd.OutOrStdout(), page); err != nil {
					return err
				}
			} else {
				printChanges(cmd.OutOrStdout(), &page)
			}
			if page.Resync {
				return exitWith(exitNo)
			}
			return nil
		},
	}
	c.register(cmd)
	cmd.Flags().Uint64Var(&since, "since", 0, "`GENERATION` up to which changes are known")
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to wait for a change, at most 60s")
	return cmd
}

func printChanges(w io.Writer, page *api.ChangePage) {
	if page.Resync {
		fmt.Fprintf(w, "changes are missing: read the lists of revocations anew, then go on with --since %d\n", page.Next)
		return
	}
	for _, c := range page.Changes {
		fmt.Fprintf(w, "%d %s %s: %s\n", c.Generation, c.Kind, orNone(c.Issuer), changeSentence(c))
	}
	fmt.Fprintf(w, "go on with --since %d\n", page.Next)
}

func changeSentence(c api.ChangeObject) string {
	text := c.Action
	switch c.Kind {
	case "crl":
		text = fmt.Sprintf("CRL number %s from %s: %d added, %d removed, %d changed", orNone(c.CRLNumber), orNone(c.URL), c.Added, c.Removed, c.Changed)
		if c.Retained > 0 {
			text += fmt.Sprintf(", %d retained", c.Retained)
		}
	case "accepted":
		text = fmt.Sprintf("%d entries that the CRL from %s dropped are not revoked any more", c.Removed, orNone(c.URL))
	case "retired":
		text = "a CRL that is no longer configured is not consulted any more"
	case "quarantined":
		text = "a damaged CRL was set aside"
	case "inventory":
		text = fmt.Sprintf("the inventory was %s: %d serials added, %d removed", c.Action, c.Added, c.Removed)
		if c.Action == "added" {
			text = fmt.Sprintf("%d serials were added to the inventory", c.Added)
		}
	case "upstream":
		text = "the CA's own responder said revoked"
		if c.Action == "lifted" {
			text = "the CA's own responder said good of what it had revoked"
		}
	}
	if c.Everything {
		return text + "; any serial may be concerned"
	}
	const shown = 8
	if len(c.Serials) > shown {
		return fmt.Sprintf("%s; %s and %d more", text, strings.Join(c.Serials[:shown], " "), len(c.Serials)-shown)
	}
	return text + "; " + strings.Join(c.Serials, " ")
}
