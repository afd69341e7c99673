package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
)

func newCheck() *cobra.Command {
	var c client
	var issuerFile, ocspURL string
	cmd := &cobra.Command{
		Use: "check --issuer FILE CERT…", Short: "Ask for the status of certificates, by JSON or by OCSP",
		Long: "Asks a running veto, or any OCSP responder with --ocsp, whose answer is verified fully; veto ocsp query does that too, and\n" +
			"says more.\n" +
			"Ends with 0 when all are good, 1 when one is revoked, 2 when one is unknown or nobody can be asked.",
		Example: "  veto check --server http://127.0.0.1:8081 --issuer ca.pem device.pem\n  veto check --ocsp http://ocsp.corp/ --issuer ca.pem device.pem",
		Args:    atLeastOne("certificate file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			issuer, all, err := issuedSubjects(issuerFile, args)
			if err != nil {
				return err
			}
			var results []api.StatusResult
			if ocspURL != "" {
				results, err = c.statusesByOCSP(cmd.Context(), ocspURL, issuer, all)
			} else {
				results, err = c.statuses(cmd, revocation.IssuerIDOf(issuer).String(), all)
			}
			if err != nil {
				return err
			}
			return reportStatuses(cmd.OutOrStdout(), all, results, c.asJSON)
		},
	}
	c.register(cmd)
	cmd.Flags().StringVar(&issuerFile, "issuer", "", "`FILE` with the issuer's certificate")
	cmd.Flags().StringVar(&ocspURL, "ocsp", "", "ask the OCSP responder at this `URL` instead")
	return cmd
}

// statusesByOCSP asks an OCSP responder by POST with a nonce, one request a certificate.
func (c *client) statusesByOCSP(ctx context.Context, url string, issuer *x509.Certificate, all []subject) ([]api.StatusResult, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	asker := &ocspClient{hash: crypto.SHA1, nonce: true, method: http.MethodPost} // understood by every responder
	results := make([]api.StatusResult, len(all))
	for i, s := range all {
		x, err := asker.ask(ctx, url, issuer, s.serial)
		if err != nil {
			return nil, err
		}
		if x.answer == nil {
			results[i].Error = &api.Problem{Title: "no verified answer", Detail: x.refused.Error()}
			continue
		}
		answer := x.answer
		results[i].StatusObject = api.StatusObject{Issuer: issuer.Subject.String(), IssuerID: revocation.IssuerIDOf(issuer).String(),
			Serial: s.serial.String(), Status: answer.Status.String(), Because: "upstream", ThisUpdate: answer.ThisUpdate,
			NextUpdate: answer.NextUpdate, Fresh: true, Evidence: &api.EvidenceObject{Source: "upstream", URL: url}}
		if answer.Status == revocation.Revoked {
			results[i].Reason, results[i].RevokedAt = answer.Entry.Reason.String(), answer.Entry.RevokedAt
		}
	}
	return results, nil
}
