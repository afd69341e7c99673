package verify

import (
	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// CRLInfo describes a CRL that CRL accepted, as the source url of the scope.
func CRLInfo(crl *crlder.CRL, issuer revocation.IssuerID, scope revocation.ScopeID, url string) *revocation.CRLInfo {
	info := &revocation.CRLInfo{
		Issuer: issuer, Scope: scope, URL: url, Number: crl.Number, BaseNumber: crl.BaseNumber, ThisUpdate: crl.ThisUpdate, NextUpdate: crl.NextUpdate,
		SHA256: crl.SHA256, Size: crl.Size, Entries: crl.Entries, CRLIssuer: crl.RawIssuer, AuthorityKeyID: crl.AuthorityKeyID,
		FreshestCRL: crl.FreshestCRL,
	}
	if p := crl.IDP; p != nil {
		info.IDP, info.DistributionPoints, info.OnlyKind, info.OnlyReasons = p.Raw, p.URIs, kindOf(p), p.OnlyReasons
	}
	return info
}

func kindOf(p *crlder.DistributionPoint) revocation.Kind {
	switch {
	case p.OnlyUser:
		return revocation.EndEntity
	case p.OnlyCA:
		return revocation.CACertificate
	case p.OnlyAttribute:
		return revocation.AttributeCertificate
	}
	return revocation.AnyKind
}
