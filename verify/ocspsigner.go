package verify

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// maxOCSPCertificates bounds how many certificates of a response are looked at.
const maxOCSPCertificates = 16

// ocspSigner finds who signed the response among those who may, and verifies the signature. It returns the delegate, nil when
// the issuer signed. The signer need not be the first of the certificates.
func ocspSigner(resp *ocspder.Response, issuer *x509.Certificate, now time.Time, sha1 bool) (*x509.Certificate, error) {
	reason := error(revocation.Refuse("signer", "RFC 6960 §4.2.2.2",
		"the response names a signer that is neither %q nor among the certificates it carries", issuer.Subject))
	if namesResponder(resp, issuer) {
		if reason = ocspSignature(resp, issuer, sha1); reason == nil {
			return nil, nil
		}
	}
	for _, der := range resp.Certificates[:min(len(resp.Certificates), maxOCSPCertificates)] {
		c, err := x509.ParseCertificate(der)
		if err != nil || !namesResponder(resp, c) || bytes.Equal(c.RawSubjectPublicKeyInfo, issuer.RawSubjectPublicKeyInfo) {
			continue // not the signer, or the issuer's key, which was tried
		}
		if reason = ocspDelegate(c, issuer, now, sha1); reason != nil {
			continue
		}
		if reason = ocspSignature(resp, c, sha1); reason == nil {
			return c, nil
		}
	}
	return nil, reason
}

// namesResponder says whether the responderID is this certificate's name or key (RFC 6960 §4.2.2.3).
func namesResponder(resp *ocspder.Response, c *x509.Certificate) bool {
	if resp.ResponderName != nil {
		return bytes.Equal(resp.ResponderName, c.RawSubject)
	}
	hash, err := ocspder.KeyHash(c)
	return err == nil && bytes.Equal(resp.ResponderKeyHash, hash[:])
}

// ocspDelegate says whether the issuer itself made the certificate a signer of OCSP (RFC 6960 §4.2.2.2). The signature decides,
// not the issuer's name in it, which anyone can write.
func ocspDelegate(c, issuer *x509.Certificate, now time.Time, sha1 bool) error {
	switch {
	case !bytes.Equal(c.RawIssuer, issuer.RawSubject):
		return revocation.Refuse("signer", "RFC 6960 §4.2.2.2", "the signer %q was issued by %q, not directly by %q", c.Subject, c.Issuer, issuer.Subject)
	case !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning):
		return revocation.Refuse("signer", "RFC 6960 §4.2.2.2", "the certificate of the signer %q is not for OCSPSigning", c.Subject)
	case hasKeyUsage(c) && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0:
		return revocation.Refuse("signer", "RFC 5280 §4.2.1.12", "the key usage of the signer %q does not allow digital signatures", c.Subject)
	case len(c.UnhandledCriticalExtensions) > 0:
		return revocation.Refuse("signer", "RFC 5280 §4.2", "the certificate of the signer %q has critical extensions that are not known here", c.Subject)
	case now.Before(c.NotBefore) || now.After(c.NotAfter):
		return revocation.Refuse("signer", "RFC 6960 §4.2.2.2", "the certificate of the signer %q is valid from %s to %s only", c.Subject,
			c.NotBefore.Format(time.RFC3339), c.NotAfter.Format(time.RFC3339))
	}
	algorithm, err := certificateAlgorithm(c)
	if err != nil {
		return err
	}
	return verifySignature(&signedOctets{"the certificate of the OCSP signer", algorithm, c.RawTBSCertificate, c.Signature}, issuer, sha1)
}

func ocspSignature(resp *ocspder.Response, signer *x509.Certificate, sha1 bool) error {
	return verifySignature(&signedOctets{"the OCSP response", resp.SignatureAlgorithm, resp.TBS, resp.Signature}, signer, sha1)
}

// signedOctets are octets with a signature over them.
type signedOctets struct {
	what      string // for refusals
	algorithm []byte // DER of the AlgorithmIdentifier
	octets    []byte
	signature []byte
}

// verifySignature verifies that the key of a certificate signed the octets.
func verifySignature(s *signedOctets, signer *x509.Certificate, sha1 bool) error {
	alg, err := crlder.ParseAlgorithm(s.algorithm)
	if err != nil {
		return revocation.Refuse("algorithm", "RFC 6960 §4.2.1", "the signature algorithm of %s cannot be read: %v", s.what, err)
	}
	if alg.Problem != "" {
		return revocation.Refuse("algorithm", "RFC 6960 §4.2.1", "%s: %s", s.what, alg.Problem)
	}
	if alg.Hash == crypto.SHA1 && !sha1 {
		return revocation.Refuse("algorithm", "RFC 6960 §5.1.2", "%s is signed with SHA-1, which is not believed", s.what)
	}
	valid, fits := signatureVerifies(publicKey(signer), &alg, s)
	if !fits {
		return revocation.Refuse("key", "RFC 6960 §3.2", "%s is signed by %s, which does not go with the key of %q", s.what, alg.Name, signer.Subject)
	}
	if !valid {
		return revocation.Refuse("signature", "RFC 6960 §3.2", "the signature of %s does not verify with the key of %q", s.what, signer.Subject)
	}
	return nil
}

// signatureVerifies says whether the signature is valid, and whether algorithm and key go together at all.
func signatureVerifies(key crypto.PublicKey, alg *crlder.Algorithm, s *signedOctets) (valid, fits bool) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		fits = (alg.Kind == crlder.RSA || alg.Kind == crlder.RSAPSS) && longEnough(key) == nil
		return fits && rsaVerifies(key, alg, s), fits
	case *pssKey:
		fits = key.allows(alg) && longEnough(key.PublicKey) == nil
		return fits && rsaVerifies(key.PublicKey, alg, s), fits
	case *ecdsa.PublicKey:
		fits = alg.Kind == crlder.ECDSA
		return fits && ecdsa.VerifyASN1(key, digest(alg.Hash, s.octets), s.signature), fits
	case ed25519.PublicKey:
		fits = alg.Kind == crlder.Ed25519
		return fits && ed25519.Verify(key, s.octets, s.signature), fits
	}
	return false, false
}

func rsaVerifies(key *rsa.PublicKey, alg *crlder.Algorithm, s *signedOctets) bool {
	sum := digest(alg.Hash, s.octets)
	if alg.Kind == crlder.RSA {
		return rsa.VerifyPKCS1v15(key, alg.Hash, sum, s.signature) == nil
	}
	return rsa.VerifyPSS(key, alg.Hash, sum, s.signature, &rsa.PSSOptions{SaltLength: alg.SaltLength, Hash: alg.Hash}) == nil
}

func digest(hash crypto.Hash, octets []byte) []byte {
	h := hash.New()
	h.Write(octets)
	return h.Sum(nil)
}

// certificateAlgorithm is the DER of a certificate's outer AlgorithmIdentifier, which crypto/x509 reads but does not keep.
func certificateAlgorithm(c *x509.Certificate) ([]byte, error) {
	input := cryptobyte.String(c.Raw)
	var body, algorithm cryptobyte.String
	if !input.ReadASN1(&body, cbasn1.SEQUENCE) || !body.SkipASN1(cbasn1.SEQUENCE) || !body.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) {
		return nil, revocation.Refuse("signer", "RFC 5280 §4.1", "the certificate of the signer %q cannot be read", c.Subject)
	}
	return algorithm, nil
}
