package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/api"
)

// change is what revoke, hold and release have in common.
type change struct {
	client
	issuer  string
	certs   []string
	date    string
	comment string
}

func (c *change) register(cmd *cobra.Command) {
	c.client.register(cmd)
	f := cmd.Flags()
	f.StringVar(&c.issuer, "issuer", "", "`NAME` or IssuerID of the issuer")
	f.StringArrayVar(&c.certs, "cert", nil, "certificate `FILE` instead of a serial, repeatable")
	f.StringVar(&c.comment, "comment", "", "for the record")
}

func (c *change) subjects(args []string) ([]subject, error) {
	if c.issuer == "" {
		return nil, usage("--issuer says whose serials these are; veto status lists the issuers")
	}
	all, err := subjects(args, c.certs)
	if err == nil && len(all) == 0 {
		err = usage("name at least one serial, or a certificate with --cert FILE")
	}
	return all, err
}

func newRevoke() *cobra.Command {
	var reason string
	cmd := revokeCommand("revoke [SERIAL…]", "Revoke certificates at a running veto", &reason,
		"  veto revoke --issuer corp-devices --reason keyCompromise 0a1b2c\n  VETO_TOKEN=… veto revoke --issuer corp-devices --cert device.pem")
	cmd.Flags().StringVar(&reason, "reason", "unspecified", "RFC 5280 `NAME` of the reason: keyCompromise, superseded, …")
	return cmd
}

func newHold() *cobra.Command {
	reason := "certificateHold"
	return revokeCommand("hold [SERIAL…]", "Put certificates on hold; veto release lifts it", &reason,
		"  veto hold --issuer corp-devices --comment \"lost, maybe\" 0a1b2c")
}

func revokeCommand(use, short string, reason *string, example string) *cobra.Command {
	var c change
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example,
		Long: short + ". It takes effect at once: when the command ends with 0, no answer of that veto says good any more.\n" +
			"Saying the same again is fine; contradicting what stands ends with 1.",
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := c.subjects(args)
			if err != nil {
				return err
			}
			body := api.RevokeBody{Reason: *reason, Comment: c.comment}
			if c.date != "" {
				if body.RevokedAt, err = time.Parse(time.RFC3339, c.date); err != nil {
					return usage("--date: write it as 2026-11-01T10:00:00Z: %v", err)
				}
			}
			return c.each(cmd, all, func(s subject) (api.ChangeReport, error) {
				var done api.ChangeReport
				one := body
				if one.Serial = s.serial.String(); s.cert != nil {
					one.Serial, one.Certificate = "", string(certificatePEM(s.cert))
				}
				err := c.call(cmd.Context(), http.MethodPost, one, &done, "v1", "issuers", c.issuer, "revocations")
				return done, err
			})
		},
	}
	c.register(cmd)
	cmd.Flags().StringVar(&c.date, "date", "", "since when, `RFC3339`; default now")
	return cmd
}

func newRelease() *cobra.Command {
	var c change
	cmd := &cobra.Command{
		Use: "release [SERIAL…]", Short: "Lift an administrator's hold",
		Long:    "Lifts a hold made with veto hold. A permanent revocation, and what a CRL lists, cannot be released.",
		Example: "  veto release --issuer corp-devices 0a1b2c",
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := c.subjects(args)
			if err != nil {
				return err
			}
			return c.each(cmd, all, func(s subject) (api.ChangeReport, error) {
				var done api.ChangeReport
				path := []string{"v1", "issuers", c.issuer, "revocations", s.serial.String()}
				if c.comment != "" {
					path = append(path, "?comment="+url.QueryEscape(c.comment))
				}
				err := c.call(cmd.Context(), http.MethodDelete, nil, &done, path...)
				return done, err
			})
		},
	}
	c.register(cmd)
	return cmd
}

// each makes one change after the other and reports it; the first refusal ends the command, what was done before stays.
func (c *change) each(cmd *cobra.Command, all []subject, do func(subject) (api.ChangeReport, error)) error {
	var done []api.ChangeReport
	for i, s := range all {
		report, err := do(s)
		if err != nil {
			if i > 0 {
				err = fmt.Errorf("%s, after %d of %d were done: %w", s.label, i, len(all), err)
			} else {
				err = fmt.Errorf("%s: %w", s.label, err)
			}
			return err
		}
		done = append(done, report)
		if !c.asJSON {
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %s; now %s\n", s.label, report.Outcome, sentence(api.StatusResult{StatusObject: report.Status}))
		}
	}
	if c.asJSON {
		return printJSON(cmd.OutOrStdout(), done)
	}
	return nil
}
