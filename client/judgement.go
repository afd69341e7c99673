package client

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// Judgement is what a Guard decided of a peer, and why.
type Judgement struct {
	Decision revocation.Decision
	Finding  revocation.Finding
	Chain    []*x509.Certificate // the one that was judged; nil when there is none
	Depth    int                 // the place in it of the certificate that the decision is about
	Answer   Answer              // of that certificate
	Err      error               // why nothing was learned of it, or what is wrong with it; nil when the answer says all
	Report   *verify.PeerReport  // of the five checks, when the guard has Checks and this is a handshake
}

// Certificate is what the decision is about, nil when the peer has none.
func (j Judgement) Certificate() *x509.Certificate {
	if j.Depth >= len(j.Chain) {
		return nil
	}
	return j.Chain[j.Depth]
}

// String says which certificate it is about, what is known of it, and why.
func (j Judgement) String() string {
	c := j.Certificate()
	if c == nil {
		return j.finding()
	}
	return nameOf(c) + " " + j.finding()
}

// finding is the predicate of the sentence.
func (j *Judgement) finding() string {
	a := &j.Answer
	switch j.Finding {
	case revocation.FoundGood:
		return "is good" + from(a)
	case revocation.FoundRevoked:
		return fmt.Sprintf("is revoked since %s, %s%s", a.RevokedAt.UTC().Format(time.RFC3339), a.Reason, from(a))
	case revocation.FoundNothing:
		return "the peer has no certificate"
	case revocation.FoundUnknown:
		return fmt.Sprintf("is not known: %s%s", describe(a), from(a))
	case revocation.FoundIndeterminate:
		if j.Err != nil {
			return fmt.Sprintf("may be revoked: its status could not be found out: %v", j.Err)
		}
		return fmt.Sprintf("may be revoked: its status is not known, %s%s", describe(a), from(a))
	}
	if j.Certificate() == nil {
		return fmt.Sprintf("the peer is not valid: %v", j.Err)
	}
	return fmt.Sprintf("is not valid: %v", j.Err)
}

func from(a *Answer) string {
	if a.From == "" {
		return ""
	}
	return ", says " + a.From
}

// describe says why an answer is unknown.
func describe(a *Answer) string {
	switch a.Because {
	case revocation.BecauseUnknownIssuer:
		return "its issuer is not known"
	case revocation.BecauseNotIssued:
		return "its CA did not issue it"
	case revocation.BecauseUpstream:
		return "the OCSP responder does not know it"
	case "":
		return "without a reason given"
	}
	return "because " + string(a.Because)
}

// nameOf names a certificate for people.
func nameOf(c *x509.Certificate) string {
	serial := "without a readable serial number"
	if s, err := revocation.SerialFromBig(c.SerialNumber); err == nil {
		serial = "serial " + s.String()
	}
	return fmt.Sprintf("the certificate %q (%s, issued by %q)", c.Subject, serial, c.Issuer)
}

// Denied is the error of a peer that a Guard does not let in.
type Denied struct{ Judgement }

// Error says which certificate it is, what its status is, and why.
func (d *Denied) Error() string {
	if d.Decision == revocation.DecisionError {
		return "not decided: " + d.String()
	}
	return "denied: " + d.String()
}

// Unwrap is why nothing was learned, or what is wrong.
func (d *Denied) Unwrap() error { return d.Err }
