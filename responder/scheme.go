package responder

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// scheme is a signature algorithm as a key may use it. None hashes with SHA-1, whatever a client prefers (RFC 6960 §5.1.2).
type scheme struct {
	algorithm  x509.SignatureAlgorithm
	hash       crypto.Hash       // 0: the key signs the message itself
	options    crypto.SignerOpts // for the key
	identifier []byte            // DER of the AlgorithmIdentifier
	oid        string            // content octets of the OBJECT IDENTIFIER in it
	parameters []byte            // DER of the parameters in it, nil when they are absent or NULL
}

// The object identifiers: RFC 4055 §5 and §3.1, RFC 5758 §3.2, RFC 8410 §3.
const (
	oidSHA256WithRSA   = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
	oidSHA384WithRSA   = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"
	oidSHA512WithRSA   = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"
	oidPSS             = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
	oidMGF1            = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
	oidECDSAWithSHA256 = "\x2a\x86\x48\xce\x3d\x04\x03\x02"
	oidECDSAWithSHA384 = "\x2a\x86\x48\xce\x3d\x04\x03\x03"
	oidECDSAWithSHA512 = "\x2a\x86\x48\xce\x3d\x04\x03\x04"
	oidEd25519         = "\x2b\x65\x70"
	oidSHA256          = "\x60\x86\x48\x01\x65\x03\x04\x02\x01"
	oidSHA384          = "\x60\x86\x48\x01\x65\x03\x04\x02\x02"
	oidSHA512          = "\x60\x86\x48\x01\x65\x03\x04\x02\x03"
	derNull            = "\x05\x00"
)

const minRSABits = 2048

// schemesOf lists the algorithms of a key, the one used unless a client prefers another first: the digest as long as the curve, or
// SHA-256. Keys below 112 bits of strength are refused (RFC 6960 §5.1.2).
func schemesOf(public crypto.PublicKey) ([]scheme, error) {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return nil, revocation.Refuse("signer_weak", "RFC 6960 §5.1.2", "the RSA key of the signer has %d bits, at least %d are needed", key.N.BitLen(), minRSABits)
		}
		return rsaSchemes(), nil
	case *ecdsa.PublicKey:
		list := ecdsaSchemes()
		switch key.Curve.Params().BitSize {
		case 256:
			return list, nil
		case 384:
			return []scheme{list[1], list[0], list[2]}, nil
		case 521:
			return []scheme{list[2], list[0], list[1]}, nil
		}
		return nil, revocation.Refuse("signer_weak", "", "the signer's curve %s is not one of P-256, P-384, P-521", key.Curve.Params().Name)
	case ed25519.PublicKey:
		return []scheme{plainScheme(x509.PureEd25519, 0, oidEd25519, "")}, nil
	}
	return nil, revocation.Refuse("signer_key", "", "a signer with a key of type %T is not supported; use RSA, ECDSA or Ed25519", public)
}

func rsaSchemes() []scheme {
	return []scheme{
		plainScheme(x509.SHA256WithRSA, crypto.SHA256, oidSHA256WithRSA, derNull),
		plainScheme(x509.SHA384WithRSA, crypto.SHA384, oidSHA384WithRSA, derNull),
		plainScheme(x509.SHA512WithRSA, crypto.SHA512, oidSHA512WithRSA, derNull),
	}
}

func pssSchemes() []scheme {
	return []scheme{
		pssScheme(x509.SHA256WithRSAPSS, crypto.SHA256, oidSHA256),
		pssScheme(x509.SHA384WithRSAPSS, crypto.SHA384, oidSHA384),
		pssScheme(x509.SHA512WithRSAPSS, crypto.SHA512, oidSHA512),
	}
}

func ecdsaSchemes() []scheme {
	return []scheme{
		plainScheme(x509.ECDSAWithSHA256, crypto.SHA256, oidECDSAWithSHA256, ""),
		plainScheme(x509.ECDSAWithSHA384, crypto.SHA384, oidECDSAWithSHA384, ""),
		plainScheme(x509.ECDSAWithSHA512, crypto.SHA512, oidECDSAWithSHA512, ""),
	}
}

// plainScheme is one whose parameters are NULL (RSA PKCS #1, RFC 4055 §5) or absent.
func plainScheme(algorithm x509.SignatureAlgorithm, hash crypto.Hash, oid, parameters string) scheme {
	return scheme{algorithm: algorithm, hash: hash, options: hash, oid: oid, identifier: []byte(sequence(object(oid) + parameters))}
}

// pssScheme is RSASSA-PSS with MGF1 by the same digest and a salt of its length (RFC 4055 §3.1).
func pssScheme(algorithm x509.SignatureAlgorithm, hash crypto.Hash, hashOID string) scheme {
	digest := sequence(object(hashOID) + derNull)
	parameters := sequence(tagged(0xa0, digest) + tagged(0xa1, sequence(object(oidMGF1)+digest)) +
		tagged(0xa2, string([]byte{0x02, 1, byte(hash.Size())})))
	return scheme{algorithm: algorithm, hash: hash, oid: oidPSS, parameters: []byte(parameters),
		options:    &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash},
		identifier: []byte(sequence(object(oidPSS) + parameters))}
}

// The elements of an AlgorithmIdentifier are shorter than 128 octets: one octet of length.

func tagged(tag byte, content string) string {
	return string([]byte{tag, byte(len(content))}) + content
}
func sequence(content string) string { return tagged(0x30, content) }
func object(oid string) string       { return tagged(0x06, oid) }

// is says whether the scheme is the one a client prefers. A preference for RSASSA-PSS without parameters leaves them to us.
func (s *scheme) is(p *ocspder.PreferredSignature) bool {
	if string(p.Algorithm) != s.oid {
		return false
	}
	return bytes.Equal(p.Parameters, s.parameters) || (p.Parameters == nil && s.oid == oidPSS)
}
