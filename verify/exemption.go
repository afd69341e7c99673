package verify

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"

	"github.com/vetopki/veto/revocation"
)

var (
	oidNoRevAvail  = asn1.ObjectIdentifier{2, 5, 29, 56}
	oidFreshestCRL = asn1.ObjectIdentifier{2, 5, 29, 46}
)

// Exemption says why no revocation is asked for a certificate, "" when it is. The error means that the certificate contradicts
// itself and is invalid.
func Exemption(c *x509.Certificate) (string, error) {
	if extensionOf(c, oidNoRevAvail) != nil {
		return "its CA says that there is no revocation for it (noRevAvail, RFC 9608 §4)", noRevAvailContradiction(c)
	}
	if slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) && HasNoCheck(c) {
		return "it is an OCSP signer that its CA exempts (id-pkix-ocsp-nocheck, RFC 6960 §4.2.2.2.1)", nil
	}
	return "", nil
}

// noRevAvailContradiction finds what a certificate with noRevAvail must not have (RFC 9608 §3).
func noRevAvailContradiction(c *x509.Certificate) error {
	with := ""
	switch {
	case c.BasicConstraintsValid && c.IsCA:
		with = "is a CA certificate"
	case extensionOf(c, oidDistributionPoints) != nil:
		with = "has cRLDistributionPoints"
	case extensionOf(c, oidFreshestCRL) != nil:
		with = "has freshestCRL"
	case len(c.OCSPServer) > 0:
		with = "names an OCSP responder"
	default:
		return nil
	}
	return revocation.Refuse("noRevAvail", "RFC 9608 §3", "the certificate says that there is no revocation for it (noRevAvail) and %s", with)
}
