package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/vetopki/veto/verify"
)

// peerCheck is one of the five checks.
type peerCheck struct {
	Name    string         `json:"name"`
	Outcome verify.Outcome `json:"outcome"` // pass, fail or skipped
	Detail  string         `json:"detail"`
	Section string         `json:"section,omitempty"`
	Faults  []peerFault    `json:"faults,omitempty"`
}

// peerFault is one thing that is wrong.
type peerFault struct {
	Rule    string `json:"rule"`
	Section string `json:"section,omitempty"`
	Detail  string `json:"detail"`
	Subject string `json:"subject,omitempty"` // of the certificate concerned
	Serial  string `json:"serial,omitempty"`
	Later   bool   `json:"later,omitempty"` // it may be gone later
}

// sentence is the detail with its section.
func (c *peerCheck) sentence() string {
	if len(c.Faults) > 1 {
		var all []string
		for _, f := range c.Faults {
			all = append(all, withSection(f.Detail, f.Section))
		}
		return strings.Join(all, "; ")
	}
	return withSection(c.Detail, c.Section)
}

func withSection(text, section string) string {
	if section == "" {
		return text
	}
	return fmt.Sprintf("%s [%s]", text, section)
}

// reportPeer says for people and programs what verify.Peer found.
func reportPeer(r *verify.PeerReport, at time.Time, crls []crlFile) *verifyReport {
	report := &verifyReport{Verdict: r.Verdict, Time: at.UTC(), exit: exitNo}
	switch {
	case r.Verdict == verify.Valid:
		report.exit = exitYes
	case r.Undetermined():
		report.exit = exitUnknown
	}
	for i := range r.Checks {
		report.Checks = append(report.Checks, describeCheck(&r.Checks[i]))
	}
	for i, c := range r.Path {
		one := describeCertificate(c)
		switch anchor := r.Anchored && i == len(r.Path)-1; {
		case i < len(r.Revocations):
			one.judged(&r.Revocations[i], crls)
		case anchor:
			one.Status, one.Why = "trusted", "it is one of the roots"
		case !r.Anchored:
			one.Status = "no path"
		default:
			one.Status, one.Why = "not checked", "--revocation leaves it out"
		}
		report.Path = append(report.Path, one)
	}
	report.Why = report.reason(r)
	return report
}

// reason is what is wrong, in one line. Of revocation alone, the certificate's own line says it best.
func (report *verifyReport) reason(r *verify.PeerReport) string {
	var reasons []string
	for i := range r.Checks {
		for _, f := range r.Checks[i].Faults {
			if i != verify.CheckRevocation {
				reasons = append(reasons, f.Err.Detail)
			}
		}
	}
	if reasons != nil || len(r.Checks[verify.CheckRevocation].Faults) == 0 {
		return strings.Join(reasons, "; ")
	}
	fault := r.Checks[verify.CheckRevocation].Faults[0]
	for i, c := range r.Path {
		if c == fault.Certificate && fault.Err.Rule != "must-staple" {
			return fmt.Sprintf("%s: %s", report.Path[i].Subject, report.Path[i].Why)
		}
	}
	return fault.Err.Detail
}

func describeCheck(c *verify.Check) peerCheck {
	r := peerCheck{Name: c.Name, Outcome: c.Outcome, Detail: c.Detail, Section: c.Section}
	for _, f := range c.Faults {
		one := peerFault{Rule: f.Err.Rule, Section: f.Err.Section, Detail: f.Err.Detail, Later: f.Later}
		if f.Certificate != nil {
			d := describeCertificate(f.Certificate)
			one.Subject, one.Serial = d.Subject, d.Serial
		}
		r.Faults = append(r.Faults, one)
	}
	return r
}
