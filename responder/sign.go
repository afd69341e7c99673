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

// Signer signs the answers for one issuer: the CA itself, or a delegate the CA designated (RFC 6960 §4.2.2.2).
type Signer struct {
	key         crypto.Signer
	certificate *x509.Certificate
	delegate    []byte // DER sent with each answer; nil when the CA signs itself (RFC 9919 §3.2.2)
	keyHash     [20]byte
	scheme      scheme

	// Signatures of keys outside this process are verified before use: an HSM, a network or a driver may garble them, or
	// answer with another key after a failover (OCSP answers with a bad signature look to clients like an attack). Go's own
	// keys are not: the key was checked against the certificate at start, crypto/rsa verifies its own result, and for P-256
	// verifying would double the cost of a signature.
	verifies bool

	failing failing
}

// scheme is a signature algorithm: what to hash with, and the DER of its AlgorithmIdentifier.
type scheme struct {
	hash       crypto.Hash // 0: the key signs the message itself
	algorithm  x509.SignatureAlgorithm
	identifier []byte
}

// The AlgorithmIdentifiers: parameters are NULL for RSA PKCS #1 (RFC 4055 §5) and absent for ECDSA (RFC 5758 §3.2) and
// Ed25519 (RFC 8410 §3).
const (
	sha256WithRSA   = "\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00"
	ecdsaWithSHA256 = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
	ecdsaWithSHA384 = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"
	ecdsaWithSHA512 = "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x04"
	pureEd25519     = "\x30\x05\x06\x03\x2b\x65\x70"
)

const minRSABits = 2048

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
	s := &Signer{key: key, certificate: cert, delegate: delegate, verifies: !inProcess(key)}
	var err error
	if s.scheme, err = schemeOf(key.Public()); err != nil {
		return nil, err
	}
	if s.keyHash, err = ocspder.KeyHash(cert); err != nil {
		return nil, err
	}
	if err := s.checkKey(); err != nil {
		return nil, err
	}
	return s, nil
}

// NotAfter is the end of the signer's certificate: beyond it, every answer is tryLater.
func (s *Signer) NotAfter() time.Time { return s.certificate.NotAfter }

// sign returns the signature over tbs, and remembers whether the key works.
func (s *Signer) sign(tbs []byte) ([]byte, error) {
	signature, err := s.verifiedSign(tbs)
	s.failing.note(err)
	return signature, err
}

func (s *Signer) verifiedSign(tbs []byte) ([]byte, error) {
	signature, err := s.rawSign(tbs)
	if err != nil {
		return nil, fmt.Errorf("signing an OCSP response: %w", err)
	}
	if s.verifies {
		if err := s.certificate.CheckSignature(s.scheme.algorithm, tbs, signature); err != nil {
			return nil, fmt.Errorf("the key made a signature that does not verify with its certificate: %w", err)
		}
	}
	return signature, nil
}

func (s *Signer) rawSign(tbs []byte) ([]byte, error) {
	if s.scheme.hash == 0 {
		return s.key.Sign(rand.Reader, tbs, crypto.Hash(0))
	}
	h := s.scheme.hash.New()
	h.Write(tbs)
	return s.key.Sign(rand.Reader, h.Sum(nil), s.scheme.hash)
}

// usable says whether the certificate of the signer is within its time.
func (s *Signer) usable(now time.Time) bool {
	return s != nil && !now.Before(s.certificate.NotBefore) && now.Before(s.certificate.NotAfter)
}

// checkKey has the key sign a probe and verifies it with the certificate.
func (s *Signer) checkKey() error {
	probe := []byte("veto checks that key and certificate belong together")
	signature, err := s.rawSign(probe)
	if err != nil {
		return revocation.Refuse("signer_key", "", "the key of the signer cannot sign: %v", err)
	}
	if err := s.certificate.CheckSignature(s.scheme.algorithm, probe, signature); err != nil {
		return revocation.Refuse("signer_key", "", "the key does not belong to the certificate %q: %v", s.certificate.Subject, err)
	}
	return nil
}

// checkDelegate checks that the CA itself designated the certificate. Its signature counts, not the issuer's name in it:
// a name can be copied.
func checkDelegate(cert *x509.Certificate, issuer revocation.Issuer) error {
	if !bytes.Equal(cert.RawIssuer, issuer.Certificate.RawSubject) {
		return revocation.Refuse("signer_issuer", "RFC 6960 §4.2.2.2", "the signer was issued by %q, not directly by %q; issue one with the CA's own key, or say trusted when relying parties are configured to trust it",
			cert.Issuer, issuer.Certificate.Subject)
	}
	if err := issuer.Certificate.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		return revocation.Refuse("signer_issuer", "RFC 6960 §4.2.2.2", "the signature of the signer's certificate is not of the key of %q: %v",
			issuer.Certificate.Subject, err)
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

// schemeOf chooses the algorithm for a key. Keys and hashes below 112 bits of strength are refused (RFC 6960 §5.1.2).
func schemeOf(public crypto.PublicKey) (scheme, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return scheme{}, revocation.Refuse("signer_weak", "RFC 6960 §5.1.2", "the RSA key of the signer has %d bits, at least %d are needed", key.N.BitLen(), minRSABits)
		}
		return scheme{crypto.SHA256, x509.SHA256WithRSA, []byte(sha256WithRSA)}, nil
	case *ecdsa.PublicKey:
		switch key.Curve.Params().BitSize {
		case 256:
			return scheme{crypto.SHA256, x509.ECDSAWithSHA256, []byte(ecdsaWithSHA256)}, nil
		case 384:
			return scheme{crypto.SHA384, x509.ECDSAWithSHA384, []byte(ecdsaWithSHA384)}, nil
		case 521:
			return scheme{crypto.SHA512, x509.ECDSAWithSHA512, []byte(ecdsaWithSHA512)}, nil
		}
		return scheme{}, revocation.Refuse("signer_weak", "", "the signer's curve %s is not one of P-256, P-384, P-521", key.Curve.Params().Name)
	case ed25519.PublicKey:
		return scheme{0, x509.PureEd25519, []byte(pureEd25519)}, nil
	}
	return scheme{}, revocation.Refuse("signer_key", "", "a signer with a key of type %T is not supported; use RSA, ECDSA or Ed25519", public)
}

func inProcess(key crypto.Signer) bool {
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return true
	}
	return false
}
