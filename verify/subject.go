package verify

import (
	"crypto/x509"
	"encoding/asn1"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// subject is a certificate to be judged, as the scopes of CRLs see it.
type subject struct {
	cert      *x509.Certificate
	serial    revocation.Serial
	issuerKey string
	points    []point
	elsewhere bool // its CRLs, all of them, are signed by somebody else, or it cannot be told
}

// point is a distribution point: the names of its CRL, who signs it, and for which reasons it is.
type point struct {
	names   []string // keys of the names of distributionPoint or, without that, of cRLIssuer
	issuers []string // NameKeys of cRLIssuer
	foreign bool     // has a cRLIssuer
	reasons revocation.ReasonMask
}

// subjectOf reads what is needed of a certificate. With an error the subject is still good for finding revocations.
func subjectOf(c *x509.Certificate) (*subject, error) {
	s := &subject{cert: c, issuerKey: crlder.NameKey(c.RawIssuer)}
	var err error
	if s.serial, err = revocation.SerialFromBig(c.SerialNumber); err != nil {
		return s, err
	}
	value := extensionOf(c, oidDistributionPoints)
	if value == nil {
		return s, nil
	}
	s.elsewhere = true
	points, err := crlder.ParseDistributionPoints(value)
	if err != nil {
		return s, err
	}
	for i := range points {
		s.points = append(s.points, pointOf(&points[i], c))
		s.elsewhere = s.elsewhere && points[i].HasCRLIssuer
	}
	return s, nil
}

// pointOf expands the names of a distribution point. A nameRelativeToCRLIssuer is relative to the cRLIssuer, and to the
// certificate's issuer without one (RFC 5280 §4.2.1.13).
func pointOf(p *crlder.Point, c *x509.Certificate) point {
	q := point{foreign: p.HasCRLIssuer, reasons: p.Reasons.OrAll()}
	base := c.RawIssuer
	for _, name := range p.CRLIssuers {
		q.issuers = append(q.issuers, crlder.NameKey(name))
		base = p.CRLIssuers[0]
	}
	q.names = nameKeys(p.FullNames, p.RelativeName, base)
	if !p.Named() {
		for _, key := range q.issuers {
			q.names = append(q.names, directoryKey(key))
		}
	}
	return q
}

// implied is the point of a certificate that names none: the CRL is of its issuer and has the issuer's name (RFC 5280 §6.3.3,
// last paragraph).
func (s *subject) implied() *point {
	return &point{names: []string{directoryKey(s.issuerKey)}, reasons: revocation.AllReasons}
}

// nameKeys are the keys by which the names of a DistributionPointName match: octet by octet, and directory names by RFC 5280
// §7.1. A relative name is expanded by the base.
func nameKeys(full [][]byte, relative, base []byte) []string {
	var keys []string
	for _, name := range full {
		if directory, ok := crlder.DirectoryName(name); ok {
			keys = append(keys, directoryKey(crlder.NameKey(directory)))
		} else {
			keys = append(keys, string(name))
		}
	}
	if relative != nil {
		keys = append(keys, directoryKey(crlder.NameKeyRelative(base, relative)))
	}
	return keys
}

// directoryKey sets directory names apart from others, whose keys begin with a context tag.
func directoryKey(name string) string { return "\x00" + name }

// extensionOf returns the value of an extension, nil when the certificate does not have it.
func extensionOf(c *x509.Certificate, oid asn1.ObjectIdentifier) []byte {
	for _, x := range c.Extensions {
		if x.Id.Equal(oid) {
			return x.Value
		}
	}
	return nil
}
