package verify

import (
	"crypto/x509"
	"encoding/asn1"
	"strings"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// CRLOptions tune CRL. The zero value is the default everywhere.
type CRLOptions struct {
	ClockSkew time.Duration // how far ahead of now a thisUpdate may be; zero means five minutes, negative none

	// RefuseSHA1 refuses CRLs signed with SHA-1. They are accepted without it: real authorities still sign CRLs so, and forging
	// one takes a chosen-prefix collision within what the CA signs, while refusing one loses every revocation it lists.
	RefuseSHA1 bool
}

const defaultClockSkew = 5 * time.Minute

// CRL says whether a decoded CRL may be used for a CA's certificates at a moment (RFC 5280 §6.3.3), and who signed it. Without an
// error every entry may be believed. It does not mean that the CRL is fresh: one past its nextUpdate is accepted, because what it
// lists stays revoked; whether its silence means good is judged when it is read. Nor does it mean that the CRL lists everything:
// of which certificates it speaks is in its [CRLInfo], and whose its entries are is for [OwnEntries] to say.
//
// The rules of its refusals: issuer, key, usage, signer, algorithm, signature, critical, indirect, delta, future, dates.
func CRL(crl *crlder.CRL, who CRLIssuer, now time.Time, o CRLOptions) (signer *x509.Certificate, err error) {
	if err := who.mayBeListed(crl); err != nil {
		return nil, err
	}
	signer, refusal := who.signerOf(crl, now, o)
	if refusal == nil {
		refusal = crlForm(crl)
	}
	if refusal != nil {
		return nil, refusal
	}
	if crl.IsDelta() && crl.Number == "" {
		return nil, revocation.Refuse("delta", "RFC 5280 §5.2.3", "this is a delta CRL, the changes since CRL number %s, and has no number itself: "+
			"nobody can say on what it goes", crl.BaseNumber)
	}
	if err := crlDates(crl, now, o.ClockSkew); err != nil {
		return nil, err
	}
	return signer, nil
}

var oidKeyUsage = asn1.ObjectIdentifier{2, 5, 29, 15}

// hasKeyUsage tells a certificate without the extension, which restricts nothing, from one whose bits are all zero.
func hasKeyUsage(c *x509.Certificate) bool {
	for _, x := range c.Extensions {
		if x.Id.Equal(oidKeyUsage) {
			return true
		}
	}
	return false
}

// crlForm refuses what makes a CRL unusable for any certificate, whoever signed it.
func crlForm(crl *crlder.CRL) *revocation.Refusal {
	if err := crlCritical(crl); err != nil {
		return err
	}
	switch {
	case crl.IndirectEntries > 0 && (crl.IDP == nil || !crl.IDP.Indirect):
		return revocation.Refuse("indirect", "RFC 5280 §5.2.5", "entries name another certificate issuer, but the CRL does not say indirectCRL")
	case crl.UnnamedIssuers > 0:
		return revocation.Refuse("indirect", "RFC 5280 §5.3.3", "%d entries have a certificateIssuer that is not one directoryName", crl.UnnamedIssuers)
	}
	return nil
}

// crlCritical refuses what the decoder does not know and the CA calls critical: the whole CRL then says nothing of any
// certificate (RFC 5280 §5.2, §5.3).
func crlCritical(crl *crlder.CRL) *revocation.Refusal {
	if len(crl.UnknownCritical) > 0 {
		return revocation.Refuse("critical", "RFC 5280 §5.2", "the CRL has critical extensions that are not known here: %s",
			strings.Join(crl.UnknownCritical, ", "))
	}
	if len(crl.UnknownCriticalEntry) > 0 {
		return revocation.Refuse("critical", "RFC 5280 §5.3", "entries of the CRL have critical extensions that are not known here: %s",
			strings.Join(crl.UnknownCriticalEntry, ", "))
	}
	return nil
}

// crlDates sees that the CRL is already valid and that its dates agree (RFC 5280 §5.1.2.4, §5.1.2.5).
func crlDates(crl *crlder.CRL, now time.Time, skew time.Duration) error {
	switch {
	case skew == 0:
		skew = defaultClockSkew
	case skew < 0:
		skew = 0
	}
	if crl.ThisUpdate.After(now.Add(skew)) {
		return revocation.Refuse("future", "RFC 5280 §5.1.2.4", "the CRL is from %s, ahead of the clock at %s; check the clock",
			crl.ThisUpdate.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	if !crl.NextUpdate.IsZero() && crl.NextUpdate.Before(crl.ThisUpdate) {
		return revocation.Refuse("dates", "RFC 5280 §5.1.2.5", "nextUpdate %s is before thisUpdate %s",
			crl.NextUpdate.Format(time.RFC3339), crl.ThisUpdate.Format(time.RFC3339))
	}
	return nil
}
