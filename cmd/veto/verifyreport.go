package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// verifyReport is what veto verify shows.
type verifyReport struct {
	Verdict verify.Verdict `json:"verdict"` // valid, invalid or invalid_now
	Why     string         `json:"why,omitempty"`
	Time    time.Time      `json:"time"`
	Checks  []peerCheck    `json:"checks"` // validity, trust, integrity, identity, revocation
	Path    []certReport   `json:"path"`   // from the leaf to the root, or as far as there is one

	exit int
}

type certReport struct {
	Subject        string          `json:"subject"`
	Issuer         string          `json:"issuer"`
	Serial         string          `json:"serial"`
	Status         string          `json:"status,omitempty"` // good, revoked, unknown, exempt, invalid, trusted, not checked
	Why            string          `json:"why,omitempty"`
	Reason         string          `json:"reason,omitempty"`
	RevokedAt      time.Time       `json:"revoked_at,omitzero"`
	InvalidityDate time.Time       `json:"invalidity_date,omitzero"`
	CRLs           []usedReport    `json:"crls,omitempty"`
	Refused        []refusedReport `json:"refused,omitempty"`
}

// usedReport is a CRL that a status rests on.
type usedReport struct {
	File       string      `json:"file"`
	Number     string      `json:"crl_number,omitempty"`
	ThisUpdate time.Time   `json:"this_update"`
	NextUpdate time.Time   `json:"next_update,omitzero"`
	SHA256     string      `json:"sha256"`
	Signer     string      `json:"signer,omitempty"`
	Reasons    []string    `json:"only_reasons,omitempty"`
	Stale      bool        `json:"stale,omitempty"`
	Delta      *usedReport `json:"delta,omitempty"`
}

type refusedReport struct {
	File    string `json:"file"`
	Rule    string `json:"rule"`
	Section string `json:"section,omitempty"`
	Detail  string `json:"detail"`
}

func describeCertificate(c *x509.Certificate) certReport {
	r := certReport{Subject: c.Subject.String(), Issuer: c.Issuer.String()}
	if r.Subject == "" {
		r.Subject = "(no subject)"
	}
	if serial, err := revocation.SerialFromBig(c.SerialNumber); err == nil {
		r.Serial = serial.String()
	}
	return r
}

// judged books what the CRLs say of the certificate.
func (c *certReport) judged(r *verify.CertRevocation, crls []crlFile) {
	c.Status = r.Status.String()
	for i := range r.Used {
		c.CRLs = append(c.CRLs, describeUsed(&r.Used[i]))
	}
	for _, refused := range r.Refused {
		c.Refused = append(c.Refused, describeRefused(refused.CRL.Name, refused.Err))
	}
	for _, file := range crls {
		if file.err != nil {
			c.Refused = append(c.Refused, describeRefused(file.name, file.err))
		}
	}
	switch {
	case r.Invalid != nil:
		c.Status, c.Why = "invalid", r.Invalid.Error()
	case r.Exempt != "":
		c.Status, c.Why = "exempt", r.Exempt
	case r.Status == revocation.Revoked:
		c.Reason, c.RevokedAt, c.InvalidityDate = r.Entry.Reason.String(), r.Entry.RevokedAt, r.Entry.InvalidityDate
		c.Why = fmt.Sprintf("revoked since %s, %s, by %s", stamp(r.Entry.RevokedAt), c.Reason, c.sources(r))
	case r.Status == revocation.Good && len(c.CRLs) == 0:
		c.Why = "good by " + c.sources(r)
	case r.Status == revocation.Good:
		c.Why = "not listed by " + c.sources(r)
	default:
		c.Why = r.Detail
	}
}

// sources names what was used in one phrase.
func (c *certReport) sources(r *verify.CertRevocation) string {
	var list []string
	if len(c.CRLs) == 0 && r.Staple != nil {
		return "the stapled OCSP response of " + stamp(r.Staple.ThisUpdate)
	}
	for i := range c.CRLs {
		list = append(list, c.CRLs[i].sentence())
	}
	return strings.Join(list, " and ")
}

func describeUsed(u *verify.UsedCRL) usedReport {
	r := describeView(u.CRL)
	r.Signer, r.Stale = u.Signer.Subject.String(), u.Stale != nil
	if u.Reasons != revocation.AllReasons {
		r.Reasons = u.Reasons.Names()
	}
	if u.Delta != nil {
		delta := describeView(u.Delta)
		r.Delta = &delta
	}
	return r
}

func describeView(v *verify.CRLView) usedReport {
	return usedReport{File: v.Name, Number: v.Number.String(), ThisUpdate: v.ThisUpdate, NextUpdate: v.NextUpdate, SHA256: hexOf(v.SHA256[:])}
}

func (u *usedReport) sentence() string {
	text := u.File
	if u.Number != "" {
		text = fmt.Sprintf("CRL number %s of %s", u.Number, u.File)
	}
	if u.Stale {
		text += " (past its time)"
	}
	if u.Delta != nil {
		text += " with the delta, " + u.Delta.sentence()
	}
	return text
}

func describeRefused(file string, err error) refusedReport {
	r := refusedReport{File: file, Rule: revocation.RuleOf(err, "other"), Detail: err.Error()}
	if refusal, ok := errors.AsType[*revocation.Refusal](err); ok {
		r.Section, r.Detail = refusal.Section, refusal.Detail
	}
	return r
}

// print writes a line for each check, then one for each certificate and, where nothing could be determined, one for each CRL that
// was refused.
func (r *verifyReport) print(w io.Writer) {
	for i := range r.Checks {
		c := &r.Checks[i]
		fmt.Fprintf(w, "%-10s  %-7s  %s\n", c.Name, c.Outcome, c.sentence())
	}
	for i := range r.Path {
		r.Path[i].print(w)
	}
	switch {
	case r.exit == exitUnknown:
		fmt.Fprintf(w, "undetermined: %s\n", r.Why)
	case r.Verdict == verify.Valid:
		fmt.Fprintln(w, r.Verdict)
	default:
		fmt.Fprintf(w, "invalid: %s\n", r.Why)
	}
}

func (c *certReport) print(w io.Writer) {
	fmt.Fprintf(w, "%-12s %s, serial %s", c.Status, c.Subject, c.Serial)
	if c.Why != "" {
		fmt.Fprintf(w, ": %s", c.Why)
	}
	fmt.Fprintln(w)
	if c.Status != revocation.Unknown.String() {
		return
	}
	for _, used := range c.CRLs {
		fmt.Fprintf(w, "    used     %s: covers %s\n", used.sentence(), strings.Join(used.Reasons, ", "))
	}
	for _, refused := range c.Refused {
		fmt.Fprintf(w, "    refused  %s: %s\n", refused.File, refused.sentence())
	}
}

func (r *refusedReport) sentence() string {
	return (&revocation.Refusal{Rule: r.Rule, Section: r.Section, Detail: r.Detail}).Error()
}
