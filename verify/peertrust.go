package verify

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// trust sees that the path leads to an anchor and that each certificate may do in it what it does: CA flags, path length, key usage,
// name constraints, policies, extended key usage (RFC 5280 §6.1), and what crypto/x509 leaves out, the peer's own key usage and the
// TLS features of its CAs.
func (p *peer) trust(check *Check, r *PeerReport, found *foundPaths) {
	if found.structure != nil {
		check.fail(p.explain(r, found.structure)...)
	}
	check.fail(p.keyUsage()...)
	check.fail(issuerUsage(r.Path)...)
	check.fail(tlsFeatures(r.Path)...)
	check.pass("RFC 5280 §6.1", fmt.Sprintf("a path of %s leads to the trust anchor %s", count(len(r.Path), "certificate"), subjectName(r.Path[len(r.Path)-1])))
}

// explain finds why the path would not be valid even if dates and signatures were right. When nothing is found, the reason is in
// crypto/x509's words.
func (p *peer) explain(r *PeerReport, err error) (faults []Fault) {
	add := func(c *x509.Certificate, rule, section, format string, args ...any) {
		faults = append(faults, wrong(c, rule, section, format, args...))
	}
	if last := r.Path[len(r.Path)-1]; !r.Anchored {
		if string(last.RawIssuer) == string(last.RawSubject) {
			add(last, "anchor", "RFC 5280 §6.1.1(d)", "%s is signed by itself and is none of the trust anchors", subjectName(last))
		} else {
			add(last, "anchor", "RFC 5280 §6.1.1(d)", "%s was issued by %q, which is neither a trust anchor nor among the certificates given", subjectName(last), last.Issuer)
		}
	}
	for i, c := range r.Path {
		if len(c.UnhandledCriticalExtensions) > 0 {
			add(c, "critical", "RFC 5280 §4.2", "%s has the critical extension %s, which is not known here", subjectName(c), c.UnhandledCriticalExtensions[0])
		}
		if p.o.Role != AnyRole && !allowsUsage(c, p.usages()[0]) {
			add(c, "extended-key-usage", "RFC 5280 §4.2.1.12", "the extended key usage of %s does not allow it for a TLS %s", subjectName(c), p.o.Role)
		}
		if i == 0 {
			continue
		}
		if anchor := r.Anchored && i == len(r.Path)-1; (c.Version == 3 || !anchor) && !(c.BasicConstraintsValid && c.IsCA) {
			add(c, "ca", "RFC 5280 §6.1.4(k)", "%s is no CA (basicConstraints) and issued %s", subjectName(c), subjectName(r.Path[i-1]))
		}
		if c.BasicConstraintsValid && c.MaxPathLen >= 0 && i-1 > c.MaxPathLen {
			add(c, "path-length", "RFC 5280 §6.1.4(l)", "%s allows %s below it and has %d", subjectName(c), count(c.MaxPathLen, "CA certificate"), i-1)
		}
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.CANotAuthorizedForThisName {
		add(r.Path[0], "name-constraints", "RFC 5280 §6.1.3(b)", "a CA of the path may not issue for these names: %s", strings.TrimPrefix(invalid.Detail, "x509: "))
	}
	if faults == nil && issuerUsage(r.Path) == nil {
		return []Fault{{Certificate: p.leaf, Err: pathRefusal(err)}}
	}
	return faults
}

// allowsUsage says whether the extended key usage of a certificate leaves room for one; without the extension all do.
func allowsUsage(c *x509.Certificate, usage x509.ExtKeyUsage) bool {
	return len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, usage) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// keyUsage sees that the peer's key may do what its role needs (RFC 5280 §4.2.1.3): a client signs; a server signs, decrypts keys or
// agrees on them.
func (p *peer) keyUsage() []Fault {
	allowed := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
	switch p.o.Role {
	case AnyRole:
		return nil
	case Server:
		allowed |= x509.KeyUsageKeyEncipherment
	}
	if !hasKeyUsage(p.leaf) || p.leaf.KeyUsage&allowed != 0 {
		return nil
	}
	return []Fault{wrong(p.leaf, "key-usage", "RFC 5280 §4.2.1.3", "the key usage of %s does not allow what a TLS %s does with its key",
		subjectName(p.leaf), p.o.Role)}
}

// issuerUsage sees that the key usage of each issuer allows it to sign certificates. To crypto/x509, one with no bit at all is as none.
func issuerUsage(path []*x509.Certificate) (faults []Fault) {
	for i, c := range path[1:] {
		if hasKeyUsage(c) && c.KeyUsage&x509.KeyUsageCertSign == 0 {
			faults = append(faults, wrong(c, "key-usage", "RFC 5280 §6.1.4(n)",
				"the key usage of %s does not allow it to sign certificates, and it issued %s", subjectName(c), subjectName(path[i])))
		}
	}
	return faults
}
