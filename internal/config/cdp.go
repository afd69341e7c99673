package config

import (
	"crypto/x509"
	"encoding/asn1"

	"github.com/vetopki/veto/internal/crlder"
)

// places are the CRL distribution points of a certificate.
type places struct {
	urls    []string // in their order
	skipped []string // why a point is left out
}

var oidCRLDistributionPoints = asn1.ObjectIdentifier{2, 5, 29, 31}

// distributionPoints reads where a certificate says its CRL is (RFC 5280 §4.2.1.13). Points for some reasons only and those whose
// CRL another issuer signs are left out: they are not alternatives to the others. crypto/x509 does not tell them apart.
func distributionPoints(c *x509.Certificate) (found places, err error) {
	for _, x := range c.Extensions {
		if !x.Id.Equal(oidCRLDistributionPoints) {
			continue
		}
		points, err := crlder.ParseDistributionPoints(x.Value)
		if err != nil {
			return places{}, err
		}
		for i := range points {
			found.add(&points[i])
		}
	}
	return found, nil
}

func (p *places) add(point *crlder.Point) {
	switch {
	case point.Reasons != 0:
		p.skipped = append(p.skipped, "a distribution point covers some reasons only and is passed over")
	case point.HasCRLIssuer:
		p.skipped = append(p.skipped, "a distribution point has a CRL of another issuer and is passed over")
	default: // one relative to the issuer's name has no URI
		p.urls = append(p.urls, point.URIs()...)
	}
}
