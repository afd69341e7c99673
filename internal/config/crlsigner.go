package config

import (
	"crypto/x509"
	"slices"
	"time"
)

// crlSigner reads who signs a CRL besides the CA (RFC 5280 §6.3.3 (f)). It need not be a CA.
func (r *reader) crlSigner(v *value, c *CRL) {
	c.SignerFiles = r.certificates(v, func(pos Position, file string, signer *x509.Certificate) {
		if slices.ContainsFunc(c.Signers, signer.Equal) {
			r.fault(pos, "%s holds a certificate that is named before; remove one", file)
			return
		}
		c.Signers, c.signerPos = append(c.Signers, signer), append(c.signerPos, pos)
	})
}

// crlSigners warns about signers whose CRLs will be refused, and about those that are trusted by the configuration alone.
func (r *reader) crlSigners(i *Issuer) {
	alone := false // a CRL that only the CA signs
	for n := range i.CRLs {
		c := &i.CRLs[n]
		alone = alone || len(c.Signers) == 0
		for s, signer := range c.Signers {
			r.crlSignerOf(i, c.signerPos[s], signer)
		}
	}
	if alone && i.Certificate != nil && !slices.ContainsFunc(i.Certificates, maySignCRLs) {
		r.warn(i.Pos, "the certificate of issuer %q may not sign CRLs (no cRLSign in its key usage): its CRLs will be refused "+
			"(RFC 5280 §6.3.3(f))", i.Name)
	}
}

func (r *reader) crlSignerOf(i *Issuer, pos Position, signer *x509.Certificate) {
	if !maySignCRLs(signer) {
		r.warn(pos, "%s may not sign CRLs (no cRLSign in its key usage): its CRLs will be refused (RFC 5280 §6.3.3(f))", signer.Subject)
	}
	if r.now.After(signer.NotAfter) {
		r.warn(pos, "the certificate of %s expired on %s: its CRLs will be refused", signer.Subject, signer.NotAfter.UTC().Format(time.RFC3339))
	}
	if r.now.Before(signer.NotBefore) {
		r.warn(pos, "the certificate of %s is not valid before %s", signer.Subject, signer.NotBefore.UTC().Format(time.RFC3339))
	}
	if i.Certificate != nil && !i.issued(signer) && !slices.ContainsFunc(i.Certificates, signer.Equal) {
		r.warn(pos, "%s was not issued by %s: it may say which certificates of that CA are revoked because this file says so, and for no other reason",
			signer.Subject, i.Certificate.Subject)
	}
}

func maySignCRLs(c *x509.Certificate) bool {
	return c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageCRLSign != 0
}
