package verify

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/vetopki/veto/revocation"
)

// integrity verifies the signature of every certificate of the path by the key of the next (RFC 5280 §6.1.3 (a)(1)). An anchor's own
// is of no account. It returns how many certificates from the first on are not known to be their issuers'; those of a path are above
// the last bad signature.
func (p *peer) integrity(check *Check, r *PeerReport) (forged int) {
	const section = "RFC 5280 §6.1.3(a)(1)"
	path, verified := r.Path, 0
	if err := keyAccepted(p.leaf); err != nil {
		check.fail(Fault{Certificate: p.leaf, Err: err})
	}
	for i, c := range path {
		issuer := c // the last one, when it is no anchor, may be self-signed
		if i+1 < len(path) {
			issuer = path[i+1]
		} else if r.Anchored || string(c.RawIssuer) != string(c.RawSubject) {
			break
		}
		err := checkSignature(c, issuer)
		if err == nil {
			verified++
			continue
		}
		forged = i + 1
		check.fail(Fault{Certificate: c, Err: signatureRefusal(c, issuer, err, section)})
	}
	switch {
	case r.Anchored:
		check.pass(section, fmt.Sprintf("%s of the path verified, %s by the key of the anchor %s", signatures(verified), "the last", subjectName(path[len(path)-1])))
	case verified == len(path):
		check.pass(section, signatures(verified)+" verified, of which the last is that of a certificate signed by itself")
	default:
		check.skip(fmt.Sprintf("the certificate of %q, which issued %s, is not given: its signature cannot be verified", path[len(path)-1].Issuer, subjectName(path[len(path)-1])))
	}
	if r.Anchored && len(path) == 1 {
		check.pass(section, "the certificate is itself a trust anchor: no signature counts")
	}
	return forged
}

// keyAccepted sees that the peer's key is of a kind and length that is believed; the others' show when they verify a signature.
func keyAccepted(c *x509.Certificate) *revocation.Refusal {
	const section = "RFC 5280 §4.1.2.7"
	switch key := publicKey(c).(type) {
	case *rsa.PublicKey:
		if err := longEnough(key); err != nil {
			return revocation.Refuse("key", section, "the RSA key of %s has %d bits, fewer than the %d that are believed", subjectName(c), key.N.BitLen(), minRSABits)
		}
	case *pssKey, *ecdsa.PublicKey, ed25519.PublicKey:
	default:
		return revocation.Refuse("key", section, "the key of %s, %s, is of a kind that is not accepted", subjectName(c), c.PublicKeyAlgorithm)
	}
	return nil
}

func signatures(n int) string { return count(n, "signature") }

// checkSignature verifies a certificate's signature. Algorithms and keys that crypto/x509 does not accept are refused by it.
func checkSignature(c, issuer *x509.Certificate) error {
	if issuer.PublicKey == nil {
		return x509.ErrUnsupportedAlgorithm
	}
	return issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
}

func signatureRefusal(c, issuer *x509.Certificate, err error, section string) *revocation.Refusal {
	if insecure, ok := errors.AsType[x509.InsecureAlgorithmError](err); ok {
		return revocation.Refuse("algorithm", section, "%s is signed with %s, which is not accepted", subjectName(c), x509.SignatureAlgorithm(insecure))
	}
	if errors.Is(err, x509.ErrUnsupportedAlgorithm) {
		return revocation.Refuse("algorithm", section, "the signature of %s, by a %s key with %s, is of a kind that is not accepted",
			subjectName(c), issuer.PublicKeyAlgorithm, c.SignatureAlgorithm)
	}
	return revocation.Refuse("signature", section, "the signature of %s does not verify with the key of %s: it was changed, or somebody else signed it",
		subjectName(c), subjectName(issuer))
}
