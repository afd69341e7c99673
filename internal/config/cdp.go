package config

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// places are the CRL distribution points of a certificate.
type places struct {
	urls    []string // in their order
	skipped []string // why a point is left out
}

var oidCRLDistributionPoints = asn1.ObjectIdentifier{2, 5, 29, 31}

// Context-specific tags of DistributionPoint, DistributionPointName and GeneralName (RFC 5280 §4.2.1.6, §4.2.1.13).
var (
	tagPoint     = cryptobyteasn1.Tag(0).Constructed().ContextSpecific()
	tagFullName  = cryptobyteasn1.Tag(0).Constructed().ContextSpecific()
	tagReasons   = cryptobyteasn1.Tag(1).ContextSpecific()
	tagCRLIssuer = cryptobyteasn1.Tag(2).Constructed().ContextSpecific()
	tagURI       = cryptobyteasn1.Tag(6).ContextSpecific()
)

// distributionPoints reads where a certificate says its CRL is (RFC 5280 §4.2.1.13). Points for some reasons only and those whose
// CRL another issuer signs are left out: they are not alternatives to the others. crypto/x509 does not tell them apart.
func distributionPoints(c *x509.Certificate) (found places, err error) {
	for _, x := range c.Extensions {
		if !x.Id.Equal(oidCRLDistributionPoints) {
			continue
		}
		list := cryptobyte.String(x.Value)
		var points cryptobyte.String
		if !list.ReadASN1(&points, cryptobyteasn1.SEQUENCE) || !list.Empty() {
			return found, errMalformedPoints
		}
		for !points.Empty() {
			var point cryptobyte.String
			if !points.ReadASN1(&point, cryptobyteasn1.SEQUENCE) || !found.add(point) {
				return found, errMalformedPoints
			}
		}
	}
	return found, nil
}

var errMalformedPoints = errors.New("the extension is malformed (RFC 5280 §4.2.1.13)")

// add takes one DistributionPoint; false: it is malformed.
func (p *places) add(point cryptobyte.String) bool {
	var name, reasons, issuer, names cryptobyte.String
	var hasName, hasReasons, hasIssuer bool
	if !point.ReadOptionalASN1(&name, &hasName, tagPoint) || !point.ReadOptionalASN1(&reasons, &hasReasons, tagReasons) ||
		!point.ReadOptionalASN1(&issuer, &hasIssuer, tagCRLIssuer) || !point.Empty() {
		return false
	}
	switch {
	case hasReasons:
		p.skipped = append(p.skipped, "a distribution point covers some reasons only and is passed over")
		return true
	case hasIssuer:
		p.skipped = append(p.skipped, "a distribution point has a CRL of another issuer and is passed over")
		return true
	case !hasName || !name.PeekASN1Tag(tagFullName):
		return true // relative to the issuer's name: no URL
	}
	if !name.ReadASN1(&names, tagFullName) || !name.Empty() {
		return false
	}
	for !names.Empty() {
		var general cryptobyte.String
		var tag cryptobyteasn1.Tag
		if !names.ReadAnyASN1(&general, &tag) {
			return false
		}
		if tag == tagURI {
			p.urls = append(p.urls, string(general))
		}
	}
	return true
}
