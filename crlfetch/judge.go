package crlfetch

import (
	"slices"
	"strings"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// judge says whether a decoded CRL may be one of the source's, and describes it. That it is newer than another is no part of this. A
// signer that is not the CA must not be revoked; the CA's own certificates are in the configuration because they are trusted.
func (a *attempt) judge(crl *crlder.CRL) (*revocation.CRLInfo, error) {
	who := a.src.who()
	signer, err := verify.CRL(crl, who, a.now, a.verify)
	if err != nil {
		return nil, err
	}
	if a.revoked != nil && !slices.ContainsFunc(who.Certificates, signer.Equal) && a.revoked(signer) {
		return nil, revocation.Refuse("signer", "RFC 5280 §6.3.3(f)", "the certificate of the CRL signer %q is revoked; configure its successor",
			signer.Subject)
	}
	info := verify.CRLInfo(crl, a.src.Issuer.ID, a.src.Scope(), a.src.URL)
	if err := a.src.takes(info); err != nil {
		return nil, err
	}
	return info, nil
}

// takes says whether CRLs like this one are what the source is for: of its form, and at the distribution point that is pinned.
func (s Source) takes(info *revocation.CRLInfo) error {
	switch {
	case info.IsDelta() && !s.Delta:
		return revocation.Refuse("delta", "RFC 5280 §5.2.4", "this is a delta CRL, the changes since CRL number %s, and the source is for complete CRLs; "+
			"configure it as their delta", info.BaseNumber)
	case !info.IsDelta() && s.Delta:
		return revocation.Refuse("delta", "RFC 5280 §5.2.4", "this is a complete CRL, and the source is for delta CRLs; configure it as a source of its own")
	case s.DistributionPoint != "" && !slices.Contains(info.DistributionPoints, s.DistributionPoint):
		names := "none"
		if len(info.DistributionPoints) > 0 {
			names = strings.Join(info.DistributionPoints, ", ")
		}
		return revocation.Refuse("distribution_point", "RFC 5280 §5.2.5", "the CRL is not for the distribution point %s, which the configuration asks for; "+
			"it names %s", s.DistributionPoint, shorten(names))
	}
	return nil
}
