package verify

import (
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// judged asks for the revocation of a path, and adds what is known without: certificates that live too briefly to be revoked, and a
// stapled response.
func (p *peer) judged(path []*x509.Certificate) []CertRevocation {
	results := p.o.Revocation(path)
	for i := range results {
		r := &results[i]
		if life := r.Certificate.NotAfter.Sub(r.Certificate.NotBefore); p.o.ShortLived > 0 && life <= p.o.ShortLived && r.Status == revocation.Unknown && r.Invalid == nil {
			r.Status, r.Exempt = revocation.Good, fmt.Sprintf("it lives for %s only, and by your setting no revocation is asked for of such", life)
		}
	}
	if p.o.Staple != nil && len(results) > 0 {
		p.stapled(&results[0], path)
	}
	return results
}

// stapled adds what the stapled response says of the peer's certificate. What says revoked goes before what says good.
func (p *peer) stapled(r *CertRevocation, path []*x509.Certificate) {
	answer, err := p.readStaple(path)
	switch {
	case err != nil && r.Status == revocation.Unknown:
		r.Detail = fmt.Sprintf("%s; and the stapled response is not believed: %s", r.Detail, err.Detail)
	case err != nil:
	case answer.Status == revocation.Revoked && r.Status != revocation.Revoked:
		*r = CertRevocation{Certificate: r.Certificate, Status: revocation.Revoked, Entry: answer.Entry, Used: nil, Refused: r.Refused, Staple: answer}
	case answer.Status == revocation.Good && r.Status == revocation.Unknown:
		*r = CertRevocation{Certificate: r.Certificate, Status: revocation.Good, Invalid: r.Invalid, Refused: r.Refused, Staple: answer}
	case r.Status == answer.Status:
		r.Staple = answer
	}
}

// readStaple believes a stapled response by the rules of [OCSP], and asks for the revocation of a delegate that its CA did not exempt.
func (p *peer) readStaple(path []*x509.Certificate) (*OCSPAnswer, *revocation.Refusal) {
	resp, err := ocspder.ParseResponse(p.o.Staple)
	if err != nil {
		return nil, asRefusal(err)
	}
	serial, err := revocation.SerialFromBig(p.leaf.SerialNumber)
	if err != nil {
		return nil, asRefusal(err)
	}
	answer, err := OCSP(resp, path[1], serial, p.at, OCSPOptions{ClockSkew: p.o.ClockSkew})
	if err != nil {
		return nil, asRefusal(err)
	}
	if answer.Delegate == nil || answer.NoCheck {
		return answer, nil
	}
	judged := p.o.Revocation(append([]*x509.Certificate{answer.Delegate}, path[1:]...))
	if len(judged) == 0 || judged[0].Status != revocation.Good || judged[0].Invalid != nil {
		return nil, revocation.Refuse("signer", "RFC 6960 §4.2.2.2.1", "its signer %s is not known to be good, and its CA does not exempt it (ocsp-nocheck)",
			subjectName(answer.Delegate))
	}
	return answer, nil
}

// revocation books what was found about revocation. The first certificates, those below a forged signature, are nobody's: what is said of their
// serial numbers is about others.
func (p *peer) revocation(check *Check, r *PeerReport, forged int) {
	if forged > len(r.Revocations) {
		forged = len(r.Revocations)
	}
	for i := forged; i < len(r.Revocations); i++ {
		check.fail(revocationFaults(&r.Revocations[i])...)
	}
	switch {
	case p.o.Revocation == nil:
		check.skip("it was not asked for")
		return
	case len(r.Path) == 1 && r.Anchored:
		check.skip("the certificate is itself a trust anchor")
		return
	case !r.Anchored:
		check.skip("without a path to a trust anchor there is nobody whose word on revocation would count")
		return
	}
	if p.o.Role == Server && mustStaple(p.leaf) && forged == 0 {
		p.staplePromise(check, r.Path)
	}
	judged := r.Revocations[forged:]
	switch {
	case len(judged) == 0:
		check.skip("a signature of the path does not verify: what is said of the serial numbers below is not about these certificates")
	case forged > 0:
		check.pass(revokedSection, describeGood(judged)+"; those below a signature that does not verify are not judged")
	default:
		check.pass(revokedSection, describeGood(judged))
	}
}

const revokedSection = "RFC 5280 §6.1.3(a)(3)"

// staplePromise sees that a server whose certificate promises a stapled response brought one that counts (RFC 7633 §4.3.3).
func (p *peer) staplePromise(check *Check, path []*x509.Certificate) {
	const section = "RFC 7633 §4.3.3"
	if p.o.Staple == nil {
		check.fail(later(p.leaf, "must-staple", section, "%s promises a stapled OCSP response (TLS feature status_request), and none is given",
			subjectName(p.leaf)))
		return
	}
	if _, err := p.readStaple(path); err != nil {
		check.fail(later(p.leaf, "must-staple", section, "%s promises a stapled OCSP response, and the one given is not believed: %s",
			subjectName(p.leaf), err.Detail))
	}
}

// revocationFaults are what is wrong with a certificate's revocation: one fault, or none.
func revocationFaults(r *CertRevocation) []Fault {
	c := r.Certificate
	switch {
	case r.Status == revocation.Revoked:
		f := wrong(c, "revoked", revokedSection, "%s is revoked since %s, %s", subjectName(c), stamp(r.Entry.RevokedAt), r.Entry.Reason)
		f.Later = r.Entry.Reason == revocation.CertificateHold
		return []Fault{f}
	case r.Invalid != nil:
		refusal := asRefusal(r.Invalid)
		return []Fault{wrong(c, refusal.Rule, refusal.Section, "%s contradicts itself: %s", subjectName(c), refusal.Detail)}
	case r.Status == revocation.Unknown:
		f := later(c, "undetermined", "RFC 5280 §6.3.3", "whether %s is revoked is not known: %s", subjectName(c), r.Detail)
		f.Undetermined = true
		return []Fault{f}
	}
	return nil
}

func describeGood(results []CertRevocation) string {
	var exempt []string
	for i := range results {
		if r := &results[i]; r.Exempt != "" {
			exempt = append(exempt, fmt.Sprintf("%s is exempt: %s", subjectName(r.Certificate), r.Exempt))
		}
	}
	if good := len(results) - len(exempt); good > 0 {
		exempt = append([]string{"not revoked: " + count(good, "certificate") + " below the anchor"}, exempt...)
	}
	return strings.Join(exempt, "; ")
}
