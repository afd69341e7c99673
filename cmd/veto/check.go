package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

func newCheck() *cobra.Command {
	var c client
	var issuerFile, ocspURL string
	cmd := &cobra.Command{
		Use: "check --issuer FILE CERT…", Short: "Ask for the status of certificates, by JSON or by OCSP",
		Long: "Asks a running veto, or any OCSP responder with --ocsp, whose answer is verified fully.\n" +
			"Ends with 0 when all are good, 1 when one is revoked, 2 when one is unknown or nobody can be asked.",
		Example: "  veto check --server http://127.0.0.1:8081 --issuer ca.pem device.pem\n  veto check --ocsp http://ocsp.corp/ --issuer ca.pem device.pem",
		Args:    atLeastOne("certificate file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if issuerFile == "" {
				return usage("--issuer names the file with the issuer's certificate")
			}
			issuer, err := readCertificate(issuerFile)
			if err != nil {
				return err
			}
			all, err := subjects(nil, args)
			if err != nil {
				return err
			}
			for _, s := range all {
				if !isIssuedBy(s.cert, issuer) {
					return withCode(exitNo, fmt.Errorf("%s is not signed by %s: its issuer is %s", s.label, issuer.Subject, s.cert.Issuer))
				}
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

// statusesByOCSP asks an OCSP responder, one request a certificate: few responders answer several.
func (c *client) statusesByOCSP(ctx context.Context, url string, issuer *x509.Certificate, all []subject) ([]api.StatusResult, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	results := make([]api.StatusResult, len(all))
	for i, s := range all {
		answer, err := askOCSP(ctx, url, issuer, s.serial)
		if err != nil {
			if _, coded := errors.AsType[*coded](err); coded {
				return nil, err
			}
			results[i].Error = &api.Problem{Title: "no verified answer", Detail: err.Error()}
			continue
		}
		results[i].StatusObject = api.StatusObject{Issuer: issuer.Subject.String(), IssuerID: revocation.IssuerIDOf(issuer).String(),
			Serial: s.serial.String(), Status: answer.Status.String(), Because: "upstream", ThisUpdate: answer.ThisUpdate,
			NextUpdate: answer.NextUpdate, Fresh: true, Evidence: &api.EvidenceObject{Source: "upstream", URL: url}}
		if answer.Status == revocation.Revoked {
			results[i].Reason, results[i].RevokedAt = answer.Entry.Reason.String(), answer.Entry.RevokedAt
		}
	}
	return results, nil
}

// askOCSP sends one request with a fresh nonce and verifies the response (RFC 6960 §3.2, RFC 9654).
func askOCSP(ctx context.Context, url string, issuer *x509.Certificate, serial revocation.Serial) (*verify.OCSPAnswer, error) {
	id, err := ocspder.CertIDFor(crypto.SHA1, issuer, serial) // understood by every responder
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, 32) // RFC 9654 §2.1
	rand.Read(nonce)
	body, err := ocspder.EncodeRequest([]ocspder.CertID{id}, nonce)
	if err != nil {
		return nil, err
	}
	der, err := postOCSP(ctx, url, body)
	if err != nil {
		return nil, err
	}
	resp, err := ocspder.ParseResponse(der)
	if err != nil {
		return nil, err
	}
	return verify.OCSP(resp, issuer, serial, time.Now(), verify.OCSPOptions{Nonce: nonce})
}

func postOCSP(ctx context.Context, url string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, usage("--ocsp: %v", err)
	}
	req.Header.Set("Content-Type", "application/ocsp-request")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, withCode(exitUnknown, fmt.Errorf("asking the OCSP responder: %w", err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, withCode(exitUnknown, fmt.Errorf("the OCSP responder answered HTTP %s", resp.Status))
	}
	der, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, withCode(exitUnknown, fmt.Errorf("reading the OCSP response: %w", err))
	}
	return der, nil
}
