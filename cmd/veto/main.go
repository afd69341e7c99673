// Command veto is a revocation status responder and cache: it fetches and verifies CRLs and answers, as OCSP and as JSON,
// whether a certificate may still be trusted.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code; see exit.go for the codes.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if said, ok := errors.AsType[*silentExit](err); ok {
		return said.code
	}
	if err != nil {
		fmt.Fprintln(stderr, "veto:", err)
	}
	return exitCode(err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "veto",
		Short: "Revocation status responder and cache",
		Long: "veto fetches CRLs, verifies them and answers \"may this certificate still be trusted?\" as OCSP and as JSON.\n\n" +
			"Exit codes: 0 yes, good, valid, done · 1 no, revoked, invalid · 2 cannot tell (unknown, stale, unreachable) ·\n" +
			"64 wrong usage · 70 internal fault · 73 cannot create or lock the data directory · 78 wrong configuration.",
		Example:       "  veto dev\n  veto serve --config veto.yaml\n  veto crl inspect devices.crl",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%v; see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(newDev(), newServe(), newCheck(), newVerify(), newRevoke(), newHold(), newRelease(), newStatus(), newRefresh(), newAccept(), newChanges(), newSync(),
		newInventory(), newCRL(), newOCSP(), newConfig(), newHealth(), newVersion())
	return root
}
