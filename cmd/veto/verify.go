package main

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

func newVerify() *cobra.Command {
	var q verifyQuestion
	var at, scope string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify LEAF", Short: "Judge a certificate offline: its path to a root, and its revocation by CRLs",
		Long: "Builds the paths from LEAF to a root and judges each certificate below the root by the CRLs given (RFC 5280 §6.3).\n" +
			"Files are PEM or DER and may hold several objects; LEAF may be followed by its intermediates. The untrusted certificates\n" +
			"are used for the path and as signers of CRLs.\n\n" +
			"Ends with 0 valid · 1 invalid: revoked, no path, a bad signature · 2 undetermined: the CRLs do not say.",
		Example: "  veto verify --roots root.pem --untrusted intermediates.pem --crl root.crl --crl ca.crl leaf.pem\n" +
			"  veto verify --roots root.pem --crl ca.crl --deltas --crl ca+.crl --time 2026-03-01T00:00:00Z --json leaf.pem",
		Args: exactly(1, "one certificate file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.leaf = args[0]
			if err := q.settings(at, scope); err != nil {
				return err
			}
			report, err := q.answer(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), report)
			} else {
				report.print(cmd.OutOrStdout())
			}
			if err != nil {
				return err
			}
			return exitWith(verdictCodes[report.Verdict])
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.roots, "roots", "", "`FILE` with the trusted root certificates (required)")
	f.StringArrayVar(&q.untrusted, "untrusted", nil, "`FILE` with intermediate certificates and signers of CRLs; may repeat")
	f.StringArrayVar(&q.crls, "crl", nil, "`FILE` with CRLs; may repeat")
	f.StringVar(&at, "time", "", "judge at this moment, `RFC3339`; default now")
	f.StringVar(&scope, "revocation", "chain", "which certificates must not be revoked: `chain`, leaf or none")
	f.BoolVar(&q.options.Deltas, "deltas", false, "apply delta CRLs; without it they are left aside")
	f.DurationVar(&q.options.MaxAge, "max-crl-age", 0, "refuse CRLs older than this `DURATION`; default: as old as their nextUpdate allows, "+
		"168h for a CRL without one")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

const (
	verdictValid        = "valid"
	verdictInvalid      = "invalid"
	verdictUndetermined = "undetermined"
)

// verdictCodes are the exit codes of the verdicts.
var verdictCodes = map[string]int{verdictValid: exitYes, verdictInvalid: exitNo, verdictUndetermined: exitUnknown}

// verifyQuestion is what veto verify is asked.
type verifyQuestion struct {
	leaf, roots     string
	untrusted, crls []string
	at              time.Time
	skip            bool // no revocation
	options         verify.RevocationOptions
}

func (q *verifyQuestion) settings(at, scope string) (err error) {
	q.at = time.Now()
	if at != "" {
		if q.at, err = time.Parse(time.RFC3339, at); err != nil {
			return usage("--time: %q is not a time like 2026-03-01T12:00:00Z", at)
		}
		q.options.ClockSkew = -1 // a moment that was chosen has no clock to be wrong
	}
	switch scope {
	case "chain":
	case "leaf":
		q.options.LeafOnly = true
	case "none":
		q.skip = true
	default:
		return usage("--revocation: %q is none of chain, leaf and none", scope)
	}
	switch {
	case q.roots == "":
		return usage("--roots FILE is required: nothing is trusted by itself")
	case q.options.MaxAge < 0:
		return usage("--max-crl-age: %s is negative", q.options.MaxAge)
	}
	return nil
}

// judge finds the paths of the leaf and returns the report of the best: a valid one, else one that is not known to be invalid. A
// leaf that is revoked by one path is revoked.
func (q *verifyQuestion) judge(set *certificateSet, crls []crlFile) *verifyReport {
	report := &verifyReport{Verdict: verdictInvalid, Time: q.at.UTC()}
	if set.leafError != nil {
		report.Why = fmt.Sprintf("the certificate cannot be read: %v", set.leafError)
		return report
	}
	paths, err := verify.Paths(set.leaf, set.untrusted, set.roots, q.at)
	if err != nil {
		report.Why = pathProblem(err)
		report.Path = []certReport{describeCertificate(set.leaf)}
		return report
	}
	q.options.Untrusted = set.untrusted
	for i, path := range paths {
		one := q.judgePath(path, crls)
		if i == 0 || verdictRank[one.Verdict] > verdictRank[report.Verdict] {
			report = one
		}
		if one.Path[0].Status == revocation.Revoked.String() {
			return one
		}
	}
	return report
}

var verdictRank = map[string]int{verdictUndetermined: 1, verdictValid: 2}

func (q *verifyQuestion) judgePath(path []*x509.Certificate, crls []crlFile) *verifyReport {
	report := &verifyReport{Verdict: verdictValid, Time: q.at.UTC()}
	var results []verify.CertRevocation
	if !q.skip {
		results = verify.Revocation(path, views(crls), q.at, q.options)
	}
	for i, c := range path {
		one := describeCertificate(c)
		switch {
		case i < len(results):
			one.judged(&results[i], crls)
		case i == len(path)-1:
			one.Status, one.Why = "trusted", "it is one of the roots"
		default:
			one.Status, one.Why = "not checked", "--revocation leaves it out"
		}
		report.Path = append(report.Path, one)
	}
	for i := range results {
		switch r := &results[i]; {
		case r.Status == revocation.Revoked, r.Invalid != nil:
			report.Verdict, report.Why = verdictInvalid, fmt.Sprintf("%s: %s", report.Path[i].Subject, report.Path[i].Why)
			return report
		case r.Status == revocation.Unknown && report.Verdict == verdictValid:
			report.Verdict, report.Why = verdictUndetermined, fmt.Sprintf("%s: %s", report.Path[i].Subject, report.Path[i].Why)
		}
	}
	return report
}
