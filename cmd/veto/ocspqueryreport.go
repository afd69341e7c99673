package main

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vetopki/veto/revocation"
)

// queryReports is what veto ocsp query prints as JSON.
type queryReports struct {
	Results []queryReport `json:"results"`
}

// queryReport is what came of asking for one certificate.
type queryReport struct {
	Certificate string        `json:"certificate"` // as given on the command line
	Serial      string        `json:"serial"`
	URL         string        `json:"url"`
	Method      string        `json:"method"`
	Hash        string        `json:"hash"` // of the CertID
	Status      string        `json:"status"`
	Believed    bool          `json:"believed"`
	Why         string        `json:"why"` // it is believed or not
	Rule        string        `json:"rule,omitempty"`
	Section     string        `json:"section,omitempty"`
	Reason      string        `json:"reason,omitempty"`
	RevokedAt   time.Time     `json:"revoked_at,omitzero"`
	ThisUpdate  time.Time     `json:"this_update,omitzero"`
	NextUpdate  time.Time     `json:"next_update,omitzero"`
	ProducedAt  time.Time     `json:"produced_at,omitzero"`
	Nonce       string        `json:"nonce"` // echoed, "not echoed" or "not sent"
	Signer      *signerReport `json:"signer,omitempty"`
}

// signerReport is who signed a believed answer.
type signerReport struct {
	Subject  string    `json:"subject"`
	Serial   string    `json:"serial"`
	NotAfter time.Time `json:"not_after"`
	Role     string    `json:"role"` // issuer, delegate or trusted
	NoCheck  bool      `json:"no_check"`
}

func reportExchange(s subject, hash crypto.Hash, x *ocspExchange) queryReport {
	r := queryReport{Certificate: s.label, Serial: s.serial.String(), URL: x.url, Method: x.method, Hash: hash.String(),
		Status: revocation.Unknown.String(), Nonce: "not sent"}
	if x.nonceSent {
		r.Nonce = "not echoed"
	}
	if x.answer == nil {
		r.Why = x.refused.Error()
		if refusal, ok := errors.AsType[*revocation.Refusal](x.refused); ok {
			r.Why, r.Rule, r.Section = refusal.Detail, refusal.Rule, refusal.Section
		}
		return r
	}
	a := x.answer
	r.Believed, r.Status, r.ThisUpdate, r.NextUpdate, r.ProducedAt = true, a.Status.String(), a.ThisUpdate, a.NextUpdate, a.ProducedAt
	if a.Status == revocation.Revoked {
		r.Reason, r.RevokedAt = a.Entry.Reason.String(), a.Entry.RevokedAt
	}
	if a.NonceEchoed {
		r.Nonce = "echoed"
	}
	r.Signer = &signerReport{Role: "issuer"}
	if d := a.Delegate; d != nil {
		r.Signer = &signerReport{Subject: d.Subject.String(), Serial: d.SerialNumber.Text(16), NotAfter: d.NotAfter.UTC(), Role: "delegate", NoCheck: a.NoCheck}
	}
	if a.Trusted {
		r.Signer.Role = "trusted"
	}
	r.Why = r.Signer.sentence()
	return r
}

// sentence says why an answer of this signer is believed.
func (s *signerReport) sentence() string {
	switch s.Role {
	case "issuer":
		return "signed by the issuer itself"
	case "trusted":
		return fmt.Sprintf("signed by %q, who is trusted by --signer", s.Subject)
	}
	text := fmt.Sprintf("signed by %q, whom the issuer made a signer of OCSP until %s", s.Subject, stamp(s.NotAfter))
	if !s.NoCheck {
		text += "; it has no id-pkix-ocsp-nocheck, so its own status is worth a question too"
	}
	return text
}

// print writes the reports and ends with the worst: revoked before unknown before good.
func (q *queryReports) print(w io.Writer, asJSON bool) error {
	code := exitYes
	for i := range q.Results {
		switch q.Results[i].Status {
		case revocation.Revoked.String():
			code = exitNo
		case revocation.Unknown.String():
			if code == exitYes {
				code = exitUnknown
			}
		}
		if !asJSON {
			q.Results[i].print(w)
		}
	}
	if asJSON {
		if err := printJSON(w, q); err != nil {
			return err
		}
	}
	return exitWith(code)
}

func (r *queryReport) print(w io.Writer) {
	status := r.Status
	if r.Reason != "" {
		status += fmt.Sprintf(" since %s, %s", stamp(r.RevokedAt), r.Reason)
	}
	fmt.Fprintf(w, "%s: %s\n", r.Certificate, status)
	fmt.Fprintf(w, "  serial    %s, asked at %s by %s, issuer named by %s\n", r.Serial, r.URL, r.Method, r.Hash)
	if !r.Believed {
		fmt.Fprintf(w, "  not believed: %s\n", (&revocation.Refusal{Rule: r.Rule, Section: r.Section, Detail: r.Why}).Error())
		return
	}
	next := "no nextUpdate"
	if !r.NextUpdate.IsZero() {
		next = "nextUpdate " + stamp(r.NextUpdate)
	}
	fmt.Fprintf(w, "  times     thisUpdate %s, %s, produced %s\n", stamp(r.ThisUpdate), next, stamp(r.ProducedAt))
	fmt.Fprintf(w, "  believed  %s\n", r.Why)
	fmt.Fprintf(w, "  nonce     %s\n", r.Nonce)
}
