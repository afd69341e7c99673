package responder

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// Signer signs the answers for one issuer: the CA itself, or a delegate the CA designated (RFC 6960 §4.2.2.2). It is immutable.
type Signer struct {
	key         crypto.Signer
	certificate *x509.Certificate
	delegate    []byte // DER sent with each answer; nil when the CA signs itself (RFC 9919 §3.2.2)
	keyHash     [20]byte
	schemes     []scheme // the first is used unless a client prefers another

	// The kind of key as the certificate states it, for clients who prefer one; see ocspder.PreferredSignature.
	keyAlgorithm, keyParameters []byte

	// An HSM, a network or a driver may garble a signature, or answer with another key after a failover, and a bad signature
	// looks to clients like an attack: each one of a key outside this process is verified before use. Of Go's own keys those
	// that go into the cache are, since many clients get them. One for a single nonce is not: key and certificate were checked
	// to belong together, crypto/rsa verifies its own result, and for P-256 it would double the cost of an answer.
	outside bool

	failing *failing
}

// NewSigner checks that cert and key may sign for issuer at now and says what is allowed but unwise. The certificate is
// the CA's own, or one the CA's key issued directly for OCSPSigning. Every error is a *revocation.Refusal.
func NewSigner(cert *x509.Certificate, key crypto.Signer, issuer revocation.Issuer, now time.Time) (*Signer, []string, error) {
	if revocation.IssuerIDOf(cert) == issuer.ID {
		s, err := newSigner(cert, key, nil, now)
		return s, ownWarnings(cert), err
	}
	if err := checkDelegate(cert, issuer); err != nil {
		return nil, nil, err
	}
	s, err := newSigner(cert, key, cert.Raw, now)
	return s, delegateWarnings(cert), err
}

// NewTrustedSigner makes a signer that the CA did not designate: relying parties must be configured to trust its certificate
// (RFC 6960 §4.2.2.2, the first case). It is the way to answer by OCSP for a CA of which only the CRLs are at hand.
func NewTrustedSigner(cert *x509.Certificate, key crypto.Signer, now time.Time) (*Signer, []string, error) {
	s, err := newSigner(cert, key, cert.Raw, now)
	return s, []string{fmt.Sprintf("the signer %q is not one the CA designated: only relying parties that are configured to trust it "+
		"accept its answers", cert.Subject)}, err
}

func newSigner(cert *x509.Certificate, key crypto.Signer, delegate []byte, now time.Time) (*Signer, error) {
	if now.Before(cert.NotBefore) || !now.Before(cert.NotAfter) {
		return nil, revocation.Refuse("signer_validity", "RFC 6960 §4.2.2.2", "the certificate of the signer is valid from %s to %s only",
			cert.NotBefore.Format(time.RFC3339), cert.NotAfter.Format(time.RFC3339))
	}
	s := &Signer{key: key, certificate: cert, delegate: delegate, outside: !inProcess(key), failing: new(failing)}
	var err error
	if s.schemes, err = schemesOf(key.Public()); err != nil {
		return nil, err
	}
	if s.keyHash, err = ocspder.KeyHash(cert); err != nil {
		return nil, err
	}
	if s.keyAlgorithm, s.keyParameters, err = ocspder.KeyAlgorithm(cert); err != nil {
		return nil, err
	}
	if err := s.checkKey(); err != nil {
		return nil, err
	}
	return s, nil
}

// WithPSS is the signer with RSASSA-PSS (RFC 4055) in place of PKCS #1. Its key must be RSA. Every error is a
// *revocation.Refusal.
func (s *Signer) WithPSS() (*Signer, error) {
	if _, isRSA := s.key.Public().(*rsa.PublicKey); !isRSA {
		return nil, revocation.Refuse("signer_pss", "RFC 4055 §3", "RSASSA-PSS takes an RSA key, the signer has a %T; leave pss out", s.key.Public())
	}
	by := *s
	by.schemes, by.failing = pssSchemes(), new(failing)
	return &by, by.checkKey()
}

// NotAfter is the end of the signer's certificate: beyond it, every answer is tryLater.
func (s *Signer) NotAfter() time.Time { return s.certificate.NotAfter }

// sign returns the signature over tbs, and remembers whether the key works. A shared one is for many clients.
func (s *Signer) sign(tbs []byte, by *scheme, shared bool) ([]byte, error) {
	signature, err := s.verifiedSign(tbs, by, shared)
	s.failing.note(err)
	return signature, err
}

func (s *Signer) verifiedSign(tbs []byte, by *scheme, shared bool) ([]byte, error) {
	signature, err := s.rawSign(tbs, by)
	if err != nil {
		return nil, fmt.Errorf("signing an OCSP response: %w", err)
	}
	if shared || s.outside {
		if err := s.certificate.CheckSignature(by.algorithm, tbs, signature); err != nil {
			return nil, fmt.Errorf("the key made a signature that does not verify with its certificate: %w", err)
		}
	}
	return signature, nil
}

func (s *Signer) rawSign(tbs []byte, by *scheme) ([]byte, error) {
	if by.hash == 0 {
		return s.key.Sign(rand.Reader, tbs, by.options)
	}
	h := by.hash.New()
	h.Write(tbs)
	return s.key.Sign(rand.Reader, h.Sum(nil), by.options)
}

// inTime says whether the certificate of the signer is within its time.
func (s *Signer) inTime(now time.Time) bool {
	return !now.Before(s.certificate.NotBefore) && now.Before(s.certificate.NotAfter)
}

// same says whether two signers sign alike: several issuers may be configured with one certificate and key.
func (s *Signer) same(t *Signer) bool {
	return s == t || (s.certificate.Equal(t.certificate) && s.schemes[0].oid == t.schemes[0].oid)
}

// checkKey has the key sign a probe and verifies it with the certificate.
func (s *Signer) checkKey() error {
	probe := []byte("veto checks that key and certificate belong together")
	by := &s.schemes[0]
	signature, err := s.rawSign(probe, by)
	if err != nil {
		return revocation.Refuse("signer_key", "", "the key of the signer cannot sign: %v", err)
	}
	if err := s.certificate.CheckSignature(by.algorithm, probe, signature); err != nil {
		return revocation.Refuse("signer_key", "", "the key does not belong to the certificate %q: %v", s.certificate.Subject, err)
	}
	return nil
}

// isIssuedBy says whether a CA's key signed a certificate that names the CA as its issuer: a name alone can be copied.
func isIssuedBy(cert, ca *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, ca.RawSubject) &&
		ca.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// checkDelegate checks that the CA itself designated the certificate.
func checkDelegate(cert *x509.Certificate, issuer revocation.Issuer) error {
	if !bytes.Equal(cert.RawIssuer, issuer.Certificate.RawSubject) {
		return revocation.Refuse("signer_issuer", "RFC 6960 §4.2.2.2", "the signer was issued by %q, not directly by %q; issue one with the CA's own key, or say trusted when relying parties are configured to trust it",
			cert.Issuer, issuer.Certificate.Subject)
	}
	if !isIssuedBy(cert, issuer.Certificate) {
		return revocation.Refuse("signer_issuer", "RFC 6960 §4.2.2.2", "the signature of the signer's certificate is not of the key of %q",
			issuer.Certificate.Subject)
	}
	if !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
		return revocation.Refuse("signer_eku", "RFC 6960 §4.2.2.2", "the certificate of the signer lacks the extended key usage OCSPSigning")
	}
	if cert.KeyUsage != 0 && cert.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return revocation.Refuse("signer_usage", "RFC 5280 §4.2.1.12", "the key usage of the signer's certificate does not allow digital signatures")
	}
	return nil
}

func delegateWarnings(cert *x509.Certificate) (warnings []string) {
	if !slices.ContainsFunc(cert.Extensions, isNoCheck) {
		warnings = append(warnings, "the certificate of the signer has no id-pkix-ocsp-nocheck: clients may want to check its own revocation (RFC 6960 §4.2.2.2.1)")
	}
	if len(cert.ExtKeyUsage)+len(cert.UnknownExtKeyUsage) > 1 {
		warnings = append(warnings, "the certificate of the signer has extended key usages besides OCSPSigning; root programs ask for that one alone")
	}
	return warnings
}

func isNoCheck(e pkix.Extension) bool {
	return e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5})
}

func ownWarnings(cert *x509.Certificate) (warnings []string) {
	if cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		warnings = append(warnings, "the key usage of the CA certificate lacks digitalSignature: some clients refuse OCSP answers it signs; a delegated signer avoids this")
	}
	return warnings
}

func inProcess(key crypto.Signer) bool {
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return true
	}
	return false
}
