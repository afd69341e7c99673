package config

import (
	"crypto/x509"
	"net/url"
	"slices"
	"strings"

	"github.com/vetopki/veto/internal/crlder"
)

// crlCertificate reads a certificate whose CRL distribution points say where the CRL is (RFC 5280 §4.2.1.13). Whether the issuer
// issued it is seen later, when the issuer is known.
func (r *reader) crlCertificate(v *value, c *CRL) {
	if !r.path(v, &c.FromCertificate) {
		return
	}
	c.issued = r.certificate(v.pos, c.FromCertificate, "leave only the one that the issuer issued")
	if c.issued == nil {
		return
	}
	found, err := distributionPoints(c.issued)
	if err != nil {
		r.fault(v.pos, "%s has CRL distribution points that cannot be read: %v", c.FromCertificate, err)
		return
	}
	for _, problem := range found.skipped {
		r.warn(v.pos, "%s: %s", c.FromCertificate, problem)
	}
	var urls []string
	for _, raw := range found.urls {
		if problem := discoveredProblem(raw); problem != "" {
			r.warn(v.pos, "%s names the CRL %s, which is passed over: %s", c.FromCertificate, quoted(raw), problem)
		} else if !slices.Contains(urls, raw) {
			urls = append(urls, raw)
		}
	}
	if len(urls) == 0 {
		r.fault(v.pos, "%s has no CRL distribution point that can be fetched; give the CRL's url", c.FromCertificate)
		return
	}
	c.URL, c.Mirrors = urls[0], urls[1:]
}

// discoveredProblem says why a URL of a certificate is not fetched. Files of this machine are none of a certificate's business.
func discoveredProblem(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err != nil || strings.ContainsFunc(raw, func(c rune) bool { return c < ' ' || c > '~' }):
		return "it is no valid URL"
	case !slices.Contains([]string{"http", "https", "ldap", "ldaps"}, u.Scheme):
		return "it is neither http, https, ldap nor ldaps"
	}
	return urlProblem(u)
}

// issuedBy refuses a certificate of from_certificate that the issuer did not issue: anybody could have written its URLs.
func (r *reader) issuedBy(i *Issuer) {
	if i.Certificate == nil {
		return
	}
	for _, c := range i.CRLs {
		if c.issued != nil && !i.issued(c.issued) {
			r.fault(c.Pos, "%s was not issued by %s (%s), so its CRL distribution points say nothing of this issuer", c.FromCertificate,
				i.Name, i.Certificate.Subject)
		}
	}
}

// issued says whether one of the issuer's keys signed a certificate with its name (RFC 5280 §7.1).
func (i *Issuer) issued(c *x509.Certificate) bool {
	name := crlder.NameKey(c.RawIssuer)
	return slices.ContainsFunc(i.Certificates, func(ca *x509.Certificate) bool {
		return crlder.NameKey(ca.RawSubject) == name && ca.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
	})
}
