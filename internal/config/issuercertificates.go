package config

import (
	"crypto/x509"
	"time"

	"github.com/vetopki/veto/internal/crlder"
)

// issuerCertificates reads the certificates of a CA: one file or a list of files, each with one or several. They have one subject
// (RFC 5280 §7.1) and a key each: a CA that changes its key has several for a time.
func (r *reader) issuerCertificates(v *value, i *Issuer) {
	i.CertificateFiles = r.certificates(v, func(pos Position, file string, c *x509.Certificate) {
		if r.isCA(pos, file, c) && r.fits(pos, file, c, i) {
			i.Certificates, i.certificatePos = append(i.Certificates, c), append(i.certificatePos, pos)
		}
	})
	if len(i.Certificates) > 0 {
		i.Certificate = i.Certificates[0]
	}
}

// certificates reads the certificates of one file or of a list of files, each PEM or DER.
func (r *reader) certificates(v *value, each func(pos Position, file string, c *x509.Certificate)) (files []string) {
	read := func(item *value) {
		var name string
		if !r.path(item, &name) {
			return
		}
		files = append(files, name)
		for _, c := range r.chain(item.pos, name) {
			each(item.pos, name, c)
		}
	}
	if v.kind == sequence {
		r.list(v, "name a file", read)
	} else {
		read(v)
	}
	return files
}

func (r *reader) isCA(pos Position, file string, c *x509.Certificate) bool {
	switch {
	case !c.BasicConstraintsValid || !c.IsCA:
		r.fault(pos, "%s (%s) is not a CA certificate: it has no basicConstraints with CA true (RFC 5280 §4.2.1.9); "+
			"name the certificate that issued those to be checked", file, c.Subject)
		return false
	case r.now.After(c.NotAfter):
		r.warn(pos, "the certificate expired on %s", c.NotAfter.UTC().Format(time.RFC3339))
	case r.now.Before(c.NotBefore):
		r.warn(pos, "the certificate is not valid before %s", c.NotBefore.UTC().Format(time.RFC3339))
	}
	return true
}

// fits refuses a certificate that is not another key of the same CA.
func (r *reader) fits(pos Position, file string, c *x509.Certificate, i *Issuer) bool {
	for n, other := range i.Certificates {
		switch {
		case crlder.NameKey(c.RawSubject) != crlder.NameKey(other.RawSubject):
			r.fault(pos, "%s holds a certificate of %s beside one of %s; several certificates of an issuer are one CA with a key each, "+
				"list another CA as an issuer of its own", file, c.Subject, other.Subject)
			return false
		case string(c.RawSubjectPublicKeyInfo) == string(other.RawSubjectPublicKeyInfo):
			r.fault(pos, "%s holds a certificate with the key of the one before (%s); leave the one that is valid longer", file,
				i.certificatePos[n].where())
			return false
		}
	}
	return true
}

// usuallyIssues is what a CA issues when nothing is said: certificates of any kind, unless all its certificates say that no CA may
// follow (pathLenConstraint 0, RFC 5280 §4.2.1.9).
func usuallyIssues(certificates []*x509.Certificate) string {
	for _, c := range certificates {
		if c.MaxPathLen != 0 || !c.MaxPathLenZero {
			return IssuesAny
		}
	}
	if len(certificates) == 0 {
		return IssuesAny
	}
	return IssuesEndEntity
}
