package client

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"github.com/vetopki/veto/revocation"
)

// Checker answers whether certificates may still be trusted. It is safe for concurrent use.
type Checker interface {
	// Check answers for a certificate that this issuer signed; that it did is the caller's word, as after a TLS handshake. An error
	// says why nothing was learned, and the Answer that comes with it is unknown. It returns soon after ctx ends.
	Check(ctx context.Context, cert, issuer *x509.Certificate) (Answer, error)
}

// Answer is what is known of a certificate. The zero value is unknown.
type Answer struct {
	Status     revocation.Status
	Because    revocation.Because // "" when the one who answered does not say
	Reason     revocation.Reason  // when Revoked
	RevokedAt  time.Time          // when Revoked
	ThisUpdate time.Time          // of the evidence; zero when it rests on an administrator's word
	NextUpdate time.Time          // likewise
	Fresh      bool               // the evidence is within its own time
	Until      time.Time          // the answer may be kept until then; zero: not at all
	Generation uint64             // of the veto server that answered; zero for other sources
	From       string             // who answered: a URL
}

// Definite says whether another source would add nothing: good, revoked, or unknown because the CA never issued it.
func (a Answer) Definite() bool {
	return a.Status != revocation.Unknown || a.Because == revocation.BecauseNotIssued
}

// Tiers asks checkers in order until one gives a definite answer. When none does, it is the first answer that says why it is
// unknown; when none says anything, all errors together.
func Tiers(checkers ...Checker) Checker { return tiers(checkers) }

type tiers []Checker

func (t tiers) Check(ctx context.Context, cert, issuer *x509.Certificate) (Answer, error) {
	var indefinite Answer
	var answered bool
	var errs []error
	for _, c := range t {
		a, err := c.Check(ctx, cert, issuer)
		switch {
		case err != nil:
			errs = append(errs, err)
		case a.Definite():
			return a, nil
		case !answered:
			indefinite, answered = a, true
		}
		if ctx.Err() != nil {
			break
		}
	}
	if answered {
		return indefinite, nil
	}
	if len(errs) == 0 {
		return Answer{}, errors.New("there is nobody to ask: no checker is configured")
	}
	return Answer{}, errors.Join(errs...)
}
