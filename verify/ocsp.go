package verify

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// OCSPOptions tune OCSP. The zero value is the default everywhere.
type OCSPOptions struct {
	Nonce     []byte        // what the request carried; nil when it had none, and then a nonce of the response is ignored
	ClockSkew time.Duration // how far the two clocks may differ; zero means five minutes, negative none
	MaxAge    time.Duration // longest time since thisUpdate of a response without nextUpdate; zero refuses those (RFC 9919 §5)

	// AcceptSHA1 accepts responses and delegates signed with SHA-1. A response holds octets its asker chose (the nonce), which
	// is what forging by collision needs, so they are refused without it.
	AcceptSHA1 bool

	// Trusted are signers that the caller trusts by configuration, whoever issued them (RFC 6960 §4.2.2.2, the first case).
	Trusted []*x509.Certificate
}

// OCSPAnswer is what a believed response says of the certificate asked for.
type OCSPAnswer struct {
	Status     revocation.Status
	Entry      revocation.Entry // when Revoked
	ThisUpdate time.Time
	NextUpdate time.Time // zero only with OCSPOptions.MaxAge
	ProducedAt time.Time

	// NonceEchoed: the response was made for this request. Without, it is as new as its times say (RFC 9919 §5).
	NonceEchoed bool
	// Delegate is the certificate of the signer, nil when the CA signed itself. Unless NoCheck, whoever needs certainty
	// checks the delegate's own revocation (RFC 6960 §4.2.2.2.1).
	Delegate *x509.Certificate
	NoCheck  bool
	// Trusted: the signer is one of OCSPOptions.Trusted; the issuer has not vouched for it.
	Trusted bool
}

// OCSP says whether a response may be believed about the certificate with a serial of an issuer at a moment (RFC 6960 §3.2,
// RFC 9919 §5), and what it says. The signer must be the issuer, or a certificate that the issuer's key signed directly for
// OCSPSigning; nothing else that the response brings along is trusted. When it says several things of the certificate, the
// worst counts: revoked, then unknown, then good.
//
// The rules of its refusals: status, match, nonce, critical, signer, algorithm, key, signature, future, dates, expired.
func OCSP(resp *ocspder.Response, issuer *x509.Certificate, serial revocation.Serial, now time.Time, o OCSPOptions) (*OCSPAnswer, error) {
	if resp.Status != ocspder.Successful {
		return nil, revocation.Refuse("status", "RFC 6960 §2.3", "the responder gave no answer but the error %s", resp.Status)
	}
	singles := ocspMatching(resp, issuer, serial)
	if len(singles) == 0 {
		return nil, revocation.Refuse("match", "RFC 6960 §3.2", "the response says nothing of serial %s of %q", serial, issuer.Subject)
	}
	echoed, err := ocspNonce(resp, o.Nonce)
	if err != nil {
		return nil, err
	}
	if err := ocspCritical(resp, singles); err != nil {
		return nil, err
	}
	trusted := ocspTrusted(resp, now, &o)
	delegate := trusted
	if trusted == nil {
		if delegate, err = ocspSigner(resp, issuer, now, o.AcceptSHA1); err != nil {
			return nil, err
		}
	}
	if err := ocspDates(resp, singles, now, o); err != nil {
		return nil, err
	}
	s := ocspWorst(singles)
	answer := &OCSPAnswer{Status: s.Status, ThisUpdate: s.ThisUpdate, NextUpdate: s.NextUpdate, ProducedAt: resp.ProducedAt,
		NonceEchoed: echoed, Delegate: delegate, NoCheck: delegate != nil && HasNoCheck(delegate), Trusted: trusted != nil}
	if s.Status == revocation.Revoked {
		answer.Entry = revocation.Entry{RevokedAt: s.RevokedAt, Reason: s.Reason}
	}
	return answer, nil
}

// ocspMatching lists what the response says of the certificate. Another issuer's certificate may have the same serial.
func ocspMatching(resp *ocspder.Response, issuer *x509.Certificate, serial revocation.Serial) (list []*ocspder.SingleResponse) {
	for i := range resp.Singles {
		if s := &resp.Singles[i]; s.CertID.Names(issuer, serial) {
			list = append(list, s)
		}
	}
	return list
}

// ocspNonce compares the nonces. A responder may leave it out; one that differs is an answer to someone else (RFC 9919 §5).
func ocspNonce(resp *ocspder.Response, sent []byte) (echoed bool, err error) {
	if sent == nil {
		return false, nil
	}
	i := slices.IndexFunc(resp.Extensions, func(e ocspder.Extension) bool { return e.IsNonce() })
	if i < 0 {
		return false, nil
	}
	if bytes.Equal(resp.Nonce(), sent) {
		return true, nil
	}
	return false, revocation.Refuse("nonce", "RFC 9654 §2.1", "the response carries another nonce than the request: it is the answer to another one")
}

// ocspCritical refuses what must not be ignored and is not understood.
func ocspCritical(resp *ocspder.Response, singles []*ocspder.SingleResponse) error {
	for _, e := range resp.Extensions {
		if e.Critical && !e.IsNonce() && !e.IsExtendedRevoke() {
			return revocation.Refuse("critical", "RFC 6960 §4.4", "the response has a critical extension that is not known here")
		}
	}
	for _, s := range singles {
		if slices.ContainsFunc(s.Extensions, func(e ocspder.Extension) bool { return e.Critical }) {
			return revocation.Refuse("critical", "RFC 6960 §4.4", "what the response says of the certificate has a critical extension that is not known here")
		}
	}
	return nil
}

// ocspDates sees that the response was made, holds and ends around now (RFC 6960 §4.2.2.1). Everything it says of the
// certificate must hold, also what is not the worst.
func ocspDates(resp *ocspder.Response, singles []*ocspder.SingleResponse, now time.Time, o OCSPOptions) error {
	skew := max(o.ClockSkew, 0)
	if o.ClockSkew == 0 {
		skew = defaultClockSkew
	}
	if resp.ProducedAt.After(now.Add(skew)) {
		return revocation.Refuse("future", "RFC 6960 §2.4", "the response was made at %s, ahead of the clock at %s; check the clock",
			resp.ProducedAt.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	for _, s := range singles {
		end := s.NextUpdate
		switch {
		case s.ThisUpdate.After(now.Add(skew)):
			return revocation.Refuse("future", "RFC 6960 §4.2.2.1", "the response holds from %s, ahead of the clock at %s; check the clock",
				s.ThisUpdate.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		case end.IsZero() && o.MaxAge == 0:
			return revocation.Refuse("dates", "RFC 9919 §5", "the response has no nextUpdate: nothing says how long it holds")
		case end.IsZero():
			end = s.ThisUpdate.Add(o.MaxAge)
		case end.Before(s.ThisUpdate):
			return revocation.Refuse("dates", "RFC 6960 §4.2.2.1", "nextUpdate %s is before thisUpdate %s",
				end.Format(time.RFC3339), s.ThisUpdate.Format(time.RFC3339))
		}
		if !now.Before(end.Add(skew)) {
			return revocation.Refuse("expired", "RFC 9919 §5", "the response held until %s; ask again", end.Format(time.RFC3339))
		}
	}
	return nil
}

func ocspWorst(singles []*ocspder.SingleResponse) *ocspder.SingleResponse {
	severity := func(s *ocspder.SingleResponse) int {
		return map[revocation.Status]int{revocation.Revoked: 2, revocation.Unknown: 1}[s.Status]
	}
	return slices.MaxFunc(singles, func(a, b *ocspder.SingleResponse) int { return severity(a) - severity(b) })
}

var oidOCSPNoCheck = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}

// HasNoCheck says whether a certificate has id-pkix-ocsp-nocheck: nobody need check its own status (RFC 6960 §4.2.2.2.1).
func HasNoCheck(c *x509.Certificate) bool {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidOCSPNoCheck) {
			return true
		}
	}
	return false
}
