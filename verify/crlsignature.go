package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// minRSABits is the shortest RSA modulus a signature is believed from; shorter ones have been factored.
const minRSABits = 1024

// crlSignature verifies the CRL's signature with the issuer's key (RFC 5280 §6.3.3 (g)).
func crlSignature(crl *crlder.CRL, issuer *x509.Certificate, refuseSHA1 bool) error {
	alg := &crl.Algorithm
	if alg.Problem != "" {
		return revocation.Refuse("algorithm", "RFC 5280 §5.1.1.2", "%s", alg.Problem)
	}
	if alg.Hash == crypto.SHA1 && refuseSHA1 {
		return revocation.Refuse("algorithm", "", "the CRL is signed with SHA-1, which the settings refuse; ask the CA to sign with SHA-256")
	}
	var valid bool
	switch key := publicKey(issuer).(type) {
	case *rsa.PublicKey:
		if alg.Kind != crlder.RSA && alg.Kind != crlder.RSAPSS {
			return wrongKey(alg, "RSA")
		}
		if err := longEnough(key); err != nil {
			return err
		}
		valid = rsaValid(key, crl)
	case *pssKey:
		if !key.allows(alg) {
			return wrongKey(alg, key.algorithm.Name)
		}
		if err := longEnough(key.PublicKey); err != nil {
			return err
		}
		valid = rsaValid(key.PublicKey, crl)
	case *ecdsa.PublicKey:
		if alg.Kind != crlder.ECDSA {
			return wrongKey(alg, "ECDSA")
		}
		valid = ecdsa.VerifyASN1(key, crl.Digest, crl.Signature)
	case ed25519.PublicKey:
		if alg.Kind != crlder.Ed25519 {
			return wrongKey(alg, "Ed25519")
		}
		valid = ed25519.Verify(key, crl.Signed, crl.Signature)
	default:
		return revocation.Refuse("key", "", "the issuer's key is of a kind that is not supported: RSA, ECDSA and Ed25519 are")
	}
	if !valid {
		return revocation.Refuse("signature", "RFC 5280 §6.3.3(g)", "the signature of the CRL does not verify with the issuer's key: it was "+
			"signed with another key, or altered on the way")
	}
	return nil
}

// publicKey is the key of a certificate, as crypto/x509 reads it or as a *pssKey; nil when neither knows it.
func publicKey(c *x509.Certificate) crypto.PublicKey {
	if c.PublicKey != nil {
		return c.PublicKey
	}
	if key := parsePSSKey(c); key != nil {
		return key
	}
	return nil
}

func longEnough(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits < minRSABits {
		return revocation.Refuse("key", "", "the issuer's RSA key has %d bits, fewer than the %d that are believed", bits, minRSABits)
	}
	return nil
}

func rsaValid(key *rsa.PublicKey, crl *crlder.CRL) bool {
	alg := &crl.Algorithm
	if alg.Kind == crlder.RSA {
		return rsa.VerifyPKCS1v15(key, alg.Hash, crl.Digest, crl.Signature) == nil
	}
	// A salt of zero octets reads as "any length" here, which forges nothing.
	return rsa.VerifyPSS(key, alg.Hash, crl.Digest, crl.Signature, &rsa.PSSOptions{SaltLength: alg.SaltLength, Hash: alg.Hash}) == nil
}

func wrongKey(alg *crlder.Algorithm, kind string) error {
	return revocation.Refuse("key", "RFC 5280 §6.3.3(g)", "the CRL is signed by %s, which does not go with the issuer's %s key",
		alg.Name, kind)
}
