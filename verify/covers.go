package verify

import (
	"crypto/x509"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// KindOf is what a certificate is to the scopes of CRLs (RFC 5280 §6.3.3 (b)(2)). One before version 3 does not say what it is
// (§5.2.5): AnyKind.
func KindOf(c *x509.Certificate) revocation.Kind {
	switch {
	case c.Version < 3:
		return revocation.AnyKind
	case c.BasicConstraintsValid && c.IsCA:
		return revocation.CACertificate
	}
	return revocation.EndEntity
}

// Covers says for which reasons the silence of a CRL means that a certificate is not revoked: §6.3.3 (b) and (d) for each of the
// certificate's distribution points, and for the one that its issuer's name implies. The refusal says why for none. What the CRL
// lists counts in any case. The certificate's signature is no part of this, nor is an [Exemption].
func Covers(info *revocation.CRLInfo, cert *x509.Certificate) (revocation.Coverage, *revocation.Refusal) {
	sc, err := scopeOfInfo(info)
	if err != nil {
		return revocation.Coverage{}, asRefusal(err)
	}
	s, err := subjectOf(cert)
	if err != nil {
		return revocation.Coverage{}, asRefusal(err)
	}
	reasons, refusal := sc.coversAny(s)
	if reasons != 0 {
		refusal = nil
	}
	return revocation.Coverage{EndEntity: reasons, CA: reasons}.Of(KindOf(cert)), refusal
}

// coversAny adds up the reasons of all distribution points. The refusal is the first one's.
func (sc *scope) coversAny(s *subject) (reasons revocation.ReasonMask, first *revocation.Refusal) {
	note := func(some revocation.ReasonMask, err *revocation.Refusal) {
		reasons |= some
		if first == nil {
			first = err
		}
	}
	for i := range s.points {
		note(sc.covers(s, &s.points[i]))
	}
	if !s.elsewhere {
		note(sc.covers(s, s.implied()))
	}
	return reasons, first
}

// scopeOfInfo reads the scope of a CRL that was verified before.
func scopeOfInfo(info *revocation.CRLInfo) (scope, error) {
	if info.IDP == nil {
		return scopeOf(info.CRLIssuer, nil), nil
	}
	idp, err := crlder.ParseIssuingDistributionPoint(info.IDP)
	return scopeOf(info.CRLIssuer, idp), err
}
