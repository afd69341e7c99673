package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

func newCRL() *cobra.Command {
	cmd := &cobra.Command{
		Use: "crl", Short: "Look into CRL files", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newInspect(), newDiff())
	return cmd
}

func newInspect() *cobra.Command {
	var issuerFile, signerFile, lookup string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "inspect FILE", Short: "Show a CRL of any size: issuer, number, dates, scope, entries, signature",
		Long: "Streams the file, DER or PEM. With --issuer the signature is verified with that certificate and every rule that\n" +
			"veto serve applies is applied; the command ends with 1 when the CRL would be refused. With --lookup it ends with 1 when\n" +
			"the serial is listed. A file that is no CRL ends with 1.",
		Example: "  veto crl inspect devices.crl --issuer ca.pem\n  veto crl inspect devices.crl --lookup 0a1b2c --json",
		Args:    exactly(1, "one CRL file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var issuer verify.CRLIssuer
			var serial revocation.Serial
			var err error
			if issuerFile != "" {
				if issuer.Certificates, err = readCertificates(issuerFile); err != nil {
					return err
				}
			}
			if signerFile != "" {
				if issuer.Signers, err = readCertificates(signerFile); err != nil {
					return err
				}
			}
			if lookup != "" {
				if serial, err = revocation.ParseSerial(lookup); err != nil {
					return err
				}
			}
			report, err := inspect(args[0], issuer, serial)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), report)
			} else {
				report.print(cmd.OutOrStdout())
			}
			if err == nil && (report.Refused != "" || report.Entry != nil) {
				err = exitWith(exitNo)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&issuerFile, "issuer", "", "`FILE` with the issuer's certificate: verify the signature")
	f.StringVar(&signerFile, "crl-signer", "", "`FILE` with the certificate of who signs it, when that is not the issuer")
	f.StringVar(&lookup, "lookup", "", "`SERIAL` to look for")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// crlReport is what inspect shows.
type crlReport struct {
	File       string         `json:"file"`
	Issuer     string         `json:"issuer"`
	Version    int            `json:"version"`
	Number     string         `json:"crl_number,omitempty"`
	BaseNumber string         `json:"base_crl_number,omitempty"`
	ThisUpdate time.Time      `json:"this_update"`
	NextUpdate time.Time      `json:"next_update,omitzero"`
	Expired    bool           `json:"expired"`
	Algorithm  string         `json:"signature_algorithm"`
	Signature  string         `json:"signature"` // verified, not checked, or refused
	Refused    string         `json:"refused,omitempty"`
	Scope      []string       `json:"scope"`
	KeyID      string         `json:"authority_key_id,omitempty"`
	Freshest   []string       `json:"freshest_crl,omitempty"`
	Extensions []string       `json:"extensions,omitempty"`
	Entries    int            `json:"entries"`
	Reasons    map[string]int `json:"reasons,omitempty"`
	Oddities   []string       `json:"oddities,omitempty"`
	PEM        bool           `json:"pem"`
	Size       int64          `json:"size"`
	SHA256     string         `json:"sha256"`
	Lookup     string         `json:"lookup,omitempty"`
	Entry      *entryReport   `json:"entry,omitempty"`
}

type entryReport struct {
	RevokedAt      time.Time `json:"revoked_at"`
	Reason         string    `json:"reason"`
	InvalidityDate time.Time `json:"invalidity_date,omitzero"`
}

// inspect decodes a CRL file, verifies it when an issuer is given and looks a serial up when one is given.
func inspect(file string, issuer verify.CRLIssuer, serial revocation.Serial) (*crlReport, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, usage("%v", err)
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	var found *entryReport
	var each func(*revocation.Record) error
	if serial != "" {
		each = func(r *revocation.Record) error {
			if string(r.Serial) == string(serial) {
				found = entryOf(r)
			}
			return nil
		}
	}
	var options crlder.Options
	if each != nil && issuer.Certificates != nil { // an indirect CRL may have the serial for another CA too
		own := verify.NewOwnEntries(issuer, each)
		each = own.Add
		options.Begin = func(crl *crlder.CRL) error {
			_ = own.Begin(crl) // a CRL of a stranger is shown as refused
			return nil
		}
	}
	crl, err := crlder.Decode(f, options, each)
	if err != nil {
		return nil, withCode(exitNo, fmt.Errorf("%s: %w", file, err))
	}
	report := describe(file, crl)
	if serial != "" {
		report.Lookup, report.Entry = serial.String(), found
	}
	if issuer.Certificates != nil {
		report.Signature = "verified"
		if _, err := verify.CRL(crl, issuer, time.Now(), verify.CRLOptions{}); err != nil {
			report.Signature, report.Refused = "refused", err.Error()
		}
	}
	return report, nil
}

func entryOf(r *revocation.Record) *entryReport {
	e := &entryReport{RevokedAt: time.Unix(r.RevokedAt, 0).UTC(), Reason: r.Reason.String()}
	if r.HasInvalidity {
		e.InvalidityDate = time.Unix(r.InvalidityDate, 0).UTC()
	}
	return e
}

func describe(file string, crl *crlder.CRL) *crlReport {
	r := &crlReport{File: file, Version: crl.Version, Number: crl.Number.String(), BaseNumber: crl.BaseNumber.String(),
		ThisUpdate: crl.ThisUpdate, NextUpdate: crl.NextUpdate, Expired: !crl.NextUpdate.IsZero() && !time.Now().Before(crl.NextUpdate),
		Algorithm: crl.SignatureAlgorithmName(), Signature: "not checked; give --issuer FILE", Scope: scopeOf(crl),
		KeyID: hexOf(crl.AuthorityKeyID), Freshest: crl.FreshestCRL, Entries: crl.Entries, Oddities: crl.Oddities(),
		PEM: crl.PEM, Size: crl.Size, SHA256: hexOf(crl.SHA256[:])}
	if name, err := crl.Issuer(); err == nil {
		r.Issuer = name.String()
	} else {
		r.Issuer = err.Error()
	}
	for _, ext := range crl.Extensions {
		text := ext.OID.String()
		if ext.Critical {
			text += " critical"
		}
		r.Extensions = append(r.Extensions, text)
	}
	for reason, n := range crl.Reasons {
		if n > 0 {
			if r.Reasons == nil {
				r.Reasons = map[string]int{}
			}
			r.Reasons[revocation.Reason(reason).String()] = n
		}
	}
	return r
}

// scopeOf says in words which certificates the CRL lists (RFC 5280 §5.2.4, §5.2.5).
func scopeOf(crl *crlder.CRL) []string {
	var scope []string
	if crl.IsDelta() {
		scope = append(scope, "delta on CRL number "+crl.BaseNumber.String())
	}
	if crl.IsIndirect() {
		scope = append(scope, "indirect: certificates of other issuers too")
	}
	if idp := crl.IDP; idp != nil {
		for _, uri := range idp.URIs {
			scope = append(scope, "distribution point "+uri)
		}
		for _, only := range []struct {
			set  bool
			text string
		}{{idp.OnlyUser, "only end-entity certificates"}, {idp.OnlyCA, "only CA certificates"}, {idp.OnlyAttribute, "only attribute certificates"}} {
			if only.set {
				scope = append(scope, only.text)
			}
		}
		if idp.OnlyReasons != 0 {
			scope = append(scope, "only the reasons "+strings.Join(idp.OnlyReasons.Names(), ", "))
		}
	}
	if scope == nil {
		scope = []string{"complete: all certificates of the issuer"}
	}
	return scope
}

func (r *crlReport) print(w io.Writer) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-12s %s\n", name, value)
		}
	}
	line("issuer", r.Issuer)
	line("version", fmt.Sprintf("v%d", r.Version))
	line("number", orNone(r.Number))
	line("thisUpdate", stamp(r.ThisUpdate))
	next := orNever(r.NextUpdate)
	if r.Expired {
		next += " (past)"
	}
	line("nextUpdate", next)
	for _, s := range r.Scope {
		line("scope", s)
	}
	line("key id", r.KeyID)
	for _, u := range r.Freshest {
		line("freshest", u)
	}
	line("extensions", strings.Join(r.Extensions, ", "))
	line("entries", fmt.Sprint(r.Entries))
	for reason := range revocation.AACompromise + 1 {
		if n := r.Reasons[reason.String()]; n > 0 {
			line("", fmt.Sprintf("%8d %s", n, reason))
		}
	}
	for _, o := range r.Oddities {
		line("odd", o)
	}
	line("size", fmt.Sprintf("%d octets%s", r.Size, map[bool]string{true: ", PEM"}[r.PEM]))
	line("sha256", r.SHA256)
	line("algorithm", r.Algorithm)
	line("signature", r.Signature)
	line("refused", r.Refused)
	if r.Lookup != "" {
		line("lookup", r.Lookup+": "+r.Entry.sentence())
	}
}

func (e *entryReport) sentence() string {
	if e == nil {
		return "not listed"
	}
	text := fmt.Sprintf("revoked since %s, %s", stamp(e.RevokedAt), e.Reason)
	if !e.InvalidityDate.IsZero() {
		text += ", invalid since " + stamp(e.InvalidityDate)
	}
	return text
}
