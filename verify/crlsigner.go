package verify

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"slices"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// Bounds on the search for signers, far above what PKIs have: signatures tried for one CRL, certificates between one whose
// revocation is asked for and the signer of the CRL that says it, and certificates of signers judged in one call.
const (
	maxSignerTries      = 16
	maxSignerDepth      = 4
	maxSignerJudgements = 256
)

// signer finds who signed a CRL (RFC 5280 §6.3.3 (f), (g)): a certificate with the CRL issuer's name, of the path or of the
// untrusted ones, that may sign CRLs, whose key verifies the signature, and which is trusted. It need not be a CA's.
func (j *judge) signer(v *CRLView) (*x509.Certificate, *revocation.Refusal) {
	candidates := j.candidates[v.issuerKey]
	if len(candidates) == 0 {
		return nil, revocation.Refuse("signer", "RFC 5280 §6.3.3(f)", "no certificate of the CRL's issuer %q is given", nameText(v.RawIssuer))
	}
	return findSigner(v.CRL, candidates,
		func(c *x509.Certificate) *revocation.Refusal { return signerKey(v.CRL, c) },
		signerUsage,
		func(c *x509.Certificate) *revocation.Refusal { return j.signature(v, c) },
		j.trust)
}

// signerCheck says why a certificate is not that of a CRL's signer, nil when it may be.
type signerCheck func(*x509.Certificate) *revocation.Refusal

// findSigner returns the first of the candidates, at least one, that passes all checks. Those the authorityKeyIdentifier points at
// go first (§5.2.1). When none passes, the refusal is that of the one that came furthest.
func findSigner(crl *crlder.CRL, candidates []*x509.Certificate, checks ...signerCheck) (*x509.Certificate, *revocation.Refusal) {
	candidates = slices.Clone(candidates)
	slices.SortStableFunc(candidates, func(a, b *x509.Certificate) int { return cmp.Compare(pointsAt(crl, b), pointsAt(crl, a)) })
	var why *revocation.Refusal
	furthest := -1
	for _, c := range candidates[:min(len(candidates), maxSignerTries)] {
		stage, err := 0, (*revocation.Refusal)(nil)
		for ; stage < len(checks) && err == nil; stage++ {
			err = checks[stage](c)
		}
		if err == nil {
			return c, nil
		}
		if stage > furthest {
			furthest, why = stage, err
		}
	}
	return nil, why
}

// pointsAt says how clearly the authorityKeyIdentifier of a CRL means a certificate.
func pointsAt(crl *crlder.CRL, c *x509.Certificate) (points int) {
	if len(crl.AuthorityKeyID) > 0 && bytes.Equal(crl.AuthorityKeyID, c.SubjectKeyId) {
		points += 2
	}
	if a := crl.AuthorityCert; a != nil {
		serial, err := revocation.SerialFromBig(c.SerialNumber)
		issuer := crlder.NameKey(c.RawIssuer)
		if err == nil && string(serial) == string(a.Serial) &&
			slices.ContainsFunc(a.Issuers, func(name []byte) bool { return crlder.NameKey(name) == issuer }) {
			points++
		}
	}
	return points
}

func signerKey(crl *crlder.CRL, c *x509.Certificate) *revocation.Refusal {
	if len(crl.AuthorityKeyID) > 0 && len(c.SubjectKeyId) > 0 && !bytes.Equal(crl.AuthorityKeyID, c.SubjectKeyId) {
		return revocation.Refuse("key", "RFC 5280 §5.2.1", "the CRL is signed with the key %x, the certificate at hand of its issuer has the key %x: "+
			"the same name with another key", crl.AuthorityKeyID, c.SubjectKeyId)
	}
	return nil
}

func signerUsage(c *x509.Certificate) *revocation.Refusal {
	if hasKeyUsage(c) && c.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return revocation.Refuse("usage", "RFC 5280 §6.3.3(f)", "the key usage of %q does not include cRLSign", c.Subject)
	}
	return nil
}

// signature verifies the signature of a CRL by a certificate's key, once.
func (j *judge) signature(v *CRLView, c *x509.Certificate) *revocation.Refusal {
	pair := signedBy{v, string(c.RawSubjectPublicKeyInfo)}
	err, known := j.signatures[pair]
	if !known {
		err = crlSignature(v.CRL, c, j.o.RefuseSHA1)
		j.signatures[pair] = err
	}
	if err != nil {
		return asRefusal(err)
	}
	return nil
}

// trust says whether a signer is trusted: it is of the path, or a path of its own leads to the same trust anchor and nothing on
// that is revoked (§6.3.3 (f)).
//
// The status of a signer may be on a CRL it signed itself: NIST's indirect CRLs have that. So a signer that is being judged is
// trusted meanwhile; any CRL that lists it, also its own, refuses it.
func (j *judge) trust(c *x509.Certificate) *revocation.Refusal {
	if j.trusted[string(c.Raw)] > 0 {
		return nil
	}
	if verdict, known := j.signers[string(c.Raw)]; known {
		return verdict
	}
	verdict := j.judgeSigner(c)
	if j.depth == 0 { // further down it may rest on signers that are not judged to the end
		j.signers[string(c.Raw)] = verdict
	}
	return verdict
}

func (j *judge) judgeSigner(c *x509.Certificate) *revocation.Refusal {
	if j.depth == maxSignerDepth || j.judgements >= maxSignerJudgements {
		return revocation.Refuse("signer", "", "the signers of CRLs that the signer %q rests on are too many", c.Subject)
	}
	paths, err := Paths(c, j.pool, []*x509.Certificate{j.anchor}, j.at)
	if err != nil {
		return revocation.Refuse("signer", "RFC 5280 §6.3.3(f)", "the CRL's signer %q has no valid path to the trust anchor %q: %v",
			c.Subject, j.anchor.Subject, err)
	}
	j.depth++
	defer func() { j.depth-- }()
	var verdict *revocation.Refusal
	for _, path := range paths {
		if verdict = j.judgeSignerPath(path); verdict == nil {
			break
		}
	}
	return verdict
}

// judgeSignerPath judges what is below the anchor and not of the path in question.
func (j *judge) judgeSignerPath(path []*x509.Certificate) *revocation.Refusal {
	var below []*x509.Certificate
	for _, c := range path[:len(path)-1] {
		if j.trusted[string(c.Raw)] == 0 {
			below = append(below, c)
		}
	}
	for _, c := range below {
		j.trusted[string(c.Raw)]++
	}
	defer func() {
		for _, c := range below {
			j.trusted[string(c.Raw)]--
		}
	}()
	for _, c := range below {
		j.judgements++
		switch r := j.certificate(c); {
		case r.Invalid != nil:
			return asRefusal(r.Invalid)
		case r.Status == revocation.Revoked:
			return revocation.Refuse("signer", "RFC 5280 §6.3.3(f)", "the certificate of the CRL's signer %q is revoked", c.Subject)
		case r.Status == revocation.Unknown && !j.o.LeafOnly:
			return revocation.Refuse("signer", "RFC 5280 §6.3.3(f)", "it is not known whether the certificate of the CRL's signer %q is revoked: %s",
				c.Subject, r.Detail)
		}
	}
	return nil
}
