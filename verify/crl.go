package verify

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
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

// CRL says whether a decoded CRL may be used for an issuer at a moment (RFC 5280 §6.3.3). nil means that every entry may be
// believed. It does not mean that the CRL is fresh: one past its nextUpdate is accepted, because what it lists stays revoked;
// whether its silence means good is judged when it is read.
//
// The rules of its refusals: issuer, key, usage, algorithm, signature, critical, delta, indirect, scope, future, dates.
func CRL(crl *crlder.CRL, issuer *x509.Certificate, now time.Time, o CRLOptions) error {
	if err := crlIssuer(crl, issuer); err != nil {
		return err
	}
	if err := crlSignature(crl, issuer, o.RefuseSHA1); err != nil {
		return err
	}
	if err := crlCritical(crl); err != nil {
		return err
	}
	if err := crlScope(crl); err != nil {
		return err
	}
	return crlDates(crl, now, o.ClockSkew)
}

// crlIssuer sees that the CRL is of this issuer and that the issuer may sign CRLs (RFC 5280 §6.3.3 (b), (f)).
func crlIssuer(crl *crlder.CRL, issuer *x509.Certificate) error {
	if !sameName(crl.RawIssuer, issuer.RawSubject) {
		return revocation.Refuse("issuer", "RFC 5280 §6.3.3(b)", "the CRL is issued by %q, not by %q", nameOf(crl), issuer.Subject)
	}
	if len(crl.AuthorityKeyID) > 0 && len(issuer.SubjectKeyId) > 0 && !bytes.Equal(crl.AuthorityKeyID, issuer.SubjectKeyId) {
		return revocation.Refuse("key", "RFC 5280 §5.2.1", "the CRL is signed with the key %x, the issuer's certificate has the key %x: "+
			"the same name with another key", crl.AuthorityKeyID, issuer.SubjectKeyId)
	}
	if hasKeyUsage(issuer) && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return revocation.Refuse("usage", "RFC 5280 §6.3.3(f)", "the key usage of the issuer's certificate does not include cRLSign")
	}
	return nil
}

// sameName compares two names octet for octet. RFC 5280 §7.1 also lets case, white space and string types differ; a CA that
// writes its name in two ways is told so by the refusal.
func sameName(a, b []byte) bool { return bytes.Equal(a, b) }

func nameOf(crl *crlder.CRL) string {
	name, err := crl.Issuer()
	if err != nil {
		return fmt.Sprintf("%x", crl.RawIssuer)
	}
	return name.String()
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

// crlCritical refuses what the decoder does not know and the CA calls critical: the whole CRL then says nothing of any
// certificate (RFC 5280 §5.2, §5.3).
func crlCritical(crl *crlder.CRL) error {
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

// crlScope refuses a CRL that does not speak of all certificates of its issuer for all reasons. An issuing distribution point
// that only names a place is no such limit: that the CRLs listed for an issuer together cover it is said by its configuration.
func crlScope(crl *crlder.CRL) error {
	if crl.IsDelta() {
		return revocation.Refuse("delta", "RFC 5280 §5.2.4", "this is a delta CRL, the changes since CRL number %s; delta CRLs are not "+
			"supported yet: configure the complete CRL", crl.BaseNumber)
	}
	if crl.IsIndirect() {
		return revocation.Refuse("indirect", "RFC 5280 §5.2.5", "this is an indirect CRL, which lists certificates of other issuers; "+
			"indirect CRLs are not supported yet")
	}
	p := crl.IDP
	if p == nil {
		return nil
	}
	for _, kind := range [...]struct {
		only bool
		name string
	}{{p.OnlyUser, "end-entity certificates"}, {p.OnlyCA, "CA certificates"}, {p.OnlyAttribute, "attribute certificates"}} {
		if kind.only {
			return revocation.Refuse("scope", "RFC 5280 §5.2.5", "the CRL covers %s only; CRLs partitioned by kind of certificate are not "+
				"supported yet", kind.name)
		}
	}
	if p.OnlyReasons != 0 {
		return revocation.Refuse("scope", "RFC 5280 §5.2.5", "the CRL covers some reasons only (%s); CRLs partitioned by reason are not "+
			"supported yet", strings.Join(p.OnlyReasons.Names(), ", "))
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
