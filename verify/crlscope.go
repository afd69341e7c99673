package verify

import (
	"crypto/x509"
	"slices"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// scope is what a CRL says of itself about whose certificates it lists, and which.
type scope struct {
	issuer    []byte // DER of the CRL issuer's Name
	issuerKey string
	idp       *crlder.DistributionPoint // nil when it has none
	names     []string                  // keys of the names of its issuing distribution point
}

func scopeOf(issuer []byte, idp *crlder.DistributionPoint) scope {
	sc := scope{issuer: issuer, issuerKey: crlder.NameKey(issuer), idp: idp}
	if idp != nil {
		sc.names = nameKeys(idp.FullNames, idp.RelativeName, issuer)
	}
	return sc
}

func (sc *scope) indirect() bool { return sc.idp != nil && sc.idp.Indirect }

// covers says for which reasons a CRL speaks of a certificate through one of its distribution points (RFC 5280 §6.3.3 (b), (d)).
func (sc *scope) covers(s *subject, p *point) (revocation.ReasonMask, *revocation.Refusal) {
	if err := sc.coversIssuer(s, p); err != nil {
		return 0, err
	}
	if sc.idp == nil {
		return p.reasons, nil
	}
	if err := sc.coversName(p); err != nil {
		return 0, err
	}
	if err := coversKind(sc.idp, s.cert); err != nil {
		return 0, err
	}
	reasons := p.reasons & sc.idp.OnlyReasons.OrAll()
	if reasons == 0 {
		return 0, revocation.Refuse("scope", "RFC 5280 §6.3.3(d)", "the CRL and the certificate's distribution point have no reason in common")
	}
	return reasons, nil
}

// coversIssuer is §6.3.3 (b)(1).
func (sc *scope) coversIssuer(s *subject, p *point) *revocation.Refusal {
	switch {
	case p.foreign && !slices.Contains(p.issuers, sc.issuerKey):
		return revocation.Refuse("issuer", "RFC 5280 §6.3.3(b)(1)", "the CRL is issued by %q, not by the cRLIssuer of the certificate's "+
			"distribution point", nameText(sc.issuer))
	case p.foreign && !sc.indirect():
		return revocation.Refuse("indirect", "RFC 5280 §6.3.3(b)(1)", "the certificate's distribution point has a cRLIssuer, but the CRL does "+
			"not say indirectCRL")
	case !p.foreign && sc.issuerKey != s.issuerKey:
		return revocation.Refuse("issuer", "RFC 5280 §6.3.3(b)(1)", "the CRL is issued by %q, the certificate by %q", nameText(sc.issuer), s.cert.Issuer)
	}
	return nil
}

// coversName is §6.3.3 (b)(2)(i).
func (sc *scope) coversName(p *point) *revocation.Refusal {
	if len(sc.names) == 0 || meet(sc.names, p.names) {
		return nil
	}
	return revocation.Refuse("scope", "RFC 5280 §6.3.3(b)(2)(i)", "the CRL is for another distribution point than the certificate names")
}

// meet says whether two lists have a name in common.
func meet(a, b []string) bool {
	return slices.ContainsFunc(a, func(name string) bool { return slices.Contains(b, name) })
}

// coversKind is §6.3.3 (b)(2)(ii) to (iv). Certificates before version 3 do not say what they are, and are in no such scope
// (§5.2.5).
func coversKind(idp *crlder.DistributionPoint, c *x509.Certificate) *revocation.Refusal {
	isCA := c.BasicConstraintsValid && c.IsCA
	switch {
	case idp.OnlyAttribute:
		return revocation.Refuse("scope", "RFC 5280 §6.3.3(b)(2)(iv)", "the CRL covers attribute certificates only")
	case (idp.OnlyUser || idp.OnlyCA) && c.Version < 3:
		return revocation.Refuse("scope", "RFC 5280 §5.2.5", "the CRL covers one kind of certificate only, and a version %d certificate is of "+
			"neither kind", c.Version)
	case idp.OnlyUser && isCA:
		return revocation.Refuse("scope", "RFC 5280 §6.3.3(b)(2)(ii)", "the CRL covers end-entity certificates only, and this is a CA's")
	case idp.OnlyCA && !isCA:
		return revocation.Refuse("scope", "RFC 5280 §6.3.3(b)(2)(iii)", "the CRL covers CA certificates only, and this is an end entity's")
	}
	return nil
}
