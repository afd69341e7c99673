package main

import "github.com/spf13/cobra"

func newOCSP() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ocsp", Short: "Ask OCSP responders, read OCSP messages, and prepare a signer", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newOCSPQuery(), newOCSPExplain(), newOCSPRequestCert())
	return cmd
}
