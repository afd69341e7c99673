package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/revocation"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Short: "Work with configuration files", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigCheck())
	return cmd
}

type checkReport struct {
	Valid    bool           `json:"valid"`
	Faults   []config.Fault `json:"faults,omitempty"`
	Warnings []config.Fault `json:"warnings,omitempty"`
}

func newConfigCheck() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "check FILE", Short: "Report all faults of a configuration, each with line and column",
		Example: "  veto config check veto.yaml", Args: exactly(1, "one configuration file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := checkConfig(args[0])
			if err != nil {
				return withCode(exitConfig, err)
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), report)
			} else {
				printCheck(cmd.OutOrStdout(), report)
			}
			if err == nil && !report.Valid {
				err = exitWith(exitConfig)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// checkConfig reads a configuration as serve would, its certificates, keys and signers included.
func checkConfig(file string) (*checkReport, error) {
	c, err := config.Load(file, os.LookupEnv)
	faults, _ := errors.AsType[config.Faults](err)
	if err != nil && faults == nil {
		return nil, err
	}
	warnings := config.Faults(c.Warnings)
	var made signers
	defer made.keep(nil)
	for _, ic := range c.Issuers {
		for _, crl := range ic.CRLs {
			src := sourceOf(revocation.Issuer{}, ic, crl, c.Egress)
			if err := src.check(); err != nil && crl.URL != "" {
				faults = append(faults, crl.Pos.Fault("%v", err))
			}
		}
		if ic.Certificate == nil || ic.Signer == nil {
			continue
		}
		for _, cs := range ic.Signers {
			_, unwise, err := made.make(cs, designating(cs, keysOf(ic)), time.Now())
			if err != nil {
				faults = append(faults, cs.Pos.Fault("%v", err))
			}
			for _, w := range unwise {
				warnings = append(warnings, cs.Pos.Fault("%s", w))
			}
		}
		for _, w := range undesignated(ic.Signers, keysOf(ic)) {
			warnings = append(warnings, ic.Signer.Pos.Fault("%s", w))
		}
	}
	return &checkReport{Valid: len(faults) == 0, Faults: faults.Sorted(), Warnings: warnings.Sorted()}, nil
}

func printCheck(w io.Writer, r *checkReport) {
	for _, f := range r.Faults {
		fmt.Fprintln(w, f)
	}
	for _, f := range r.Warnings {
		fmt.Fprintf(w, "%s (warning)\n", f)
	}
	if r.Valid {
		fmt.Fprintln(w, "the configuration is valid")
	}
}
