package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/api"
)

func newInventory() *cobra.Command {
	cmd := &cobra.Command{
		Use: "inventory", Short: "The serials a CA issued, at a running veto",
		Long: "A serial that is not in its issuer's inventory, and not revoked, is unknown because not_issued: never good.\n" +
			"Lists have a serial on each line, in hex or as dec: and a decimal number; lines that begin with # are comments.",
		Example: "  veto inventory put --issuer corp-devices serials.txt\n  cut -f4 index.txt | veto inventory put --issuer corp-devices -\n" +
			"  veto inventory add --issuer corp-devices 0a1b2c\n  veto inventory show --issuer corp-devices",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newInventoryPut(), newInventoryAdd(), newInventoryShow(), newInventoryRemove())
	return cmd
}

// inventoryChange is what the commands that change an inventory have in common.
type inventoryChange struct {
	client
	issuer  string
	comment string
	empty   bool
}

func (c *inventoryChange) register(cmd *cobra.Command) {
	c.client.register(cmd)
	f := cmd.Flags()
	f.StringVar(&c.issuer, "issuer", "", "`NAME` or IssuerID of the issuer")
	f.StringVar(&c.comment, "comment", "", "for the record")
}

// do makes the change and reports it.
func (c *inventoryChange) do(cmd *cobra.Command, method, mediaType string, list io.Reader) error {
	path, query := []string{"v1", "issuers", c.issuer, "inventory"}, url.Values{}
	if c.comment != "" {
		query.Set("comment", c.comment)
	}
	if c.empty {
		query.Set("empty", "true")
	}
	if len(query) > 0 {
		path = append(path, "?"+query.Encode())
	}
	var done api.InventoryChangeReport
	if err := c.send(cmd.Context(), method, mediaType, list, &done, path...); err != nil {
		return err
	}
	if c.asJSON {
		return printJSON(cmd.OutOrStdout(), done)
	}
	w := cmd.OutOrStdout()
	if done.Outcome == "removed" {
		fmt.Fprintf(w, "%s: removed; every serial counts as issued, unless the configuration requires an inventory\n", done.Inventory.Issuer)
		return nil
	}
	fmt.Fprintf(w, "%s: %s; %d serials, %d added, %d removed\n", done.Inventory.Issuer, done.Outcome, done.Inventory.Serials, done.Added, done.Removed)
	return nil
}

func newInventoryPut() *cobra.Command {
	var c inventoryChange
	cmd := &cobra.Command{
		Use: "put FILE", Short: "Say which serials the CA issued: a file, or - for standard input",
		Long: "The list replaces the one before, and may be of any size. When the command ends with 0, a serial that is not in it, and not\n" +
			"revoked, is unknown because not_issued.",
		Example: "  veto inventory put --issuer corp-devices serials.txt\n  cut -f4 index.txt | veto inventory put --issuer corp-devices -",
		Args:    exactly(1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.issuer == "" {
				return usage("--issuer says whose serials these are; veto status lists the issuers")
			}
			list, err := openList(cmd, args[0])
			if err != nil {
				return err
			}
			defer list.Close()
			return c.do(cmd, http.MethodPut, "text/plain", list)
		},
	}
	c.register(cmd)
	patient(cmd)
	cmd.Flags().BoolVar(&c.empty, "empty", false, "put a list without serials too: then nothing counts as issued")
	return cmd
}

func newInventoryAdd() *cobra.Command {
	var c inventoryChange
	var file string
	var certs []string
	cmd := &cobra.Command{
		Use: "add [SERIAL…]", Short: "Add serials that the CA issued",
		Long:    "Adds to the list that was put. Serials it has already change nothing.",
		Example: "  veto inventory add --issuer corp-devices 0a1b2c dec:660268\n  veto inventory add --issuer corp-devices --cert device.pem\n  veto inventory add --issuer corp-devices --file new.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := subjects(args, certs)
			switch {
			case err != nil:
				return err
			case c.issuer == "":
				return usage("--issuer says whose serials these are; veto status lists the issuers")
			case (len(all) == 0) == (file == ""):
				return usage("name serials, or certificates with --cert FILE, or a list with --file FILE")
			}
			if file != "" {
				list, err := openList(cmd, file)
				if err != nil {
					return err
				}
				defer list.Close()
				return c.do(cmd, http.MethodPost, "text/plain", list)
			}
			var list strings.Builder
			for _, s := range all {
				fmt.Fprintln(&list, s.serial)
			}
			return c.do(cmd, http.MethodPost, "text/plain", strings.NewReader(list.String()))
		},
	}
	c.register(cmd)
	patient(cmd)
	cmd.Flags().StringVar(&file, "file", "", "a list of serials: a `FILE`, or - for standard input")
	cmd.Flags().StringArrayVar(&certs, "cert", nil, "certificate `FILE` instead of a serial, repeatable")
	return cmd
}

func newInventoryRemove() *cobra.Command {
	var c inventoryChange
	cmd := &cobra.Command{
		Use: "remove", Short: "Turn an issuer's inventory off",
		Long:    "From then on every serial counts as issued, unless the configuration requires an inventory.",
		Example: "  veto inventory remove --issuer corp-devices",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.issuer == "" {
				return usage("--issuer says whose inventory; veto status lists the issuers")
			}
			return c.do(cmd, http.MethodDelete, "", nil)
		},
	}
	c.register(cmd)
	return cmd
}

func newInventoryShow() *cobra.Command {
	var c client
	var issuer string
	cmd := &cobra.Command{
		Use: "show", Short: "How many serials an issuer's inventory has, when it was put and by whom",
		Long:    "Ends with 1 when the issuer has no inventory.",
		Example: "  veto inventory show --issuer corp-devices",
		Args:    exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if issuer == "" {
				return usage("--issuer says whose inventory; veto status lists the issuers")
			}
			var shown api.InventoryReport
			if err := c.call(cmd.Context(), http.MethodGet, nil, &shown, "v1", "issuers", issuer, "inventory"); err != nil {
				return err
			}
			if c.asJSON {
				return printJSON(cmd.OutOrStdout(), shown)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", shown.Issuer, inventorySentence(&shown.InventoryObject))
			return nil
		},
	}
	c.register(cmd)
	cmd.Flags().StringVar(&issuer, "issuer", "", "`NAME` or IssuerID of the issuer")
	return cmd
}

// inventorySentence says in words what an inventory is.
func inventorySentence(i *api.InventoryObject) string {
	text := fmt.Sprintf("%d serials, put %s by %s, SHA-256 of the list %s", i.Serials, stamp(i.PutAt), i.PutBy, i.SHA256)
	if i.Added > 0 {
		text += fmt.Sprintf("; %d of them added since, last %s by %s", i.Added, stamp(i.AddedAt), i.AddedBy)
	}
	if i.Damaged {
		text += "; damaged on disk: put it again"
	}
	return text
}

// openList opens a list of serials, - for standard input.
func openList(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usage("%v", err)
	}
	return f, nil
}

// patient makes the time to wait for an answer an hour: a list may be long.
func patient(cmd *cobra.Command) {
	f := cmd.Flags().Lookup("timeout")
	f.DefValue = time.Hour.String()
	f.Value.Set(f.DefValue) //nolint:errcheck // it is a duration
}
