package crlder

import (
	"crypto"
	_ "crypto/sha1" // the digests a signature algorithm may name
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
)

// Kind is the kind of key a signature algorithm needs.
type Kind uint8

// The kinds of signature.
const (
	OtherKind Kind = iota
	RSA            // PKCS #1 v1.5 (RFC 8017 §8.2)
	RSAPSS         // RFC 8017 §8.1, RFC 4055
	ECDSA          // RFC 5758
	Ed25519        // RFC 8410
)

// Algorithm is a signature algorithm (RFC 5280 §5.1.1.2) as parsed.
type Algorithm struct {
	OID        x509.OID
	Name       string // as OpenSSL writes it; dotted when unknown
	Kind       Kind
	Hash       crypto.Hash // of the signed part; zero for Ed25519 and for what is not known
	SaltLength int         // octets, for RSAPSS
	Parameters bool        // the identifier has parameters
	Problem    string      // a sentence: why no signature by it can be verified; "" when it can
}

// ParseAlgorithm reads the DER of an AlgorithmIdentifier.
func ParseAlgorithm(raw []byte) (alg Algorithm, err error) {
	outer := der{b: raw}
	content, err := outer.expect(tagSequence, "AlgorithmIdentifier")
	if err != nil {
		return alg, err
	}
	if err := outer.end("AlgorithmIdentifier"); err != nil {
		return alg, err
	}
	return parseAlgorithm(content)
}

// parseAlgorithm reads an AlgorithmIdentifier: SEQUENCE { algorithm OBJECT IDENTIFIER, parameters ANY OPTIONAL }. An algorithm
// nobody can verify is a Problem and no error, so that the CRL can still be shown.
func parseAlgorithm(content der) (alg Algorithm, err error) {
	oid, err := content.expect(tagOID, "algorithm")
	if err != nil {
		return alg, err
	}
	alg = algorithmOf(string(oid.b))
	if alg.OID, err = parseOID(oid, "algorithm"); err != nil {
		return alg, err
	}
	if alg.Name == "" {
		alg.Name = alg.OID.String()
		alg.Problem = "the signature algorithm " + alg.Name + " is not known"
	}
	parameters := content
	alg.Parameters = !content.empty()
	if !content.empty() {
		if _, _, _, err := content.any("parameters"); err != nil {
			return alg, err
		}
		if err := content.end("AlgorithmIdentifier"); err != nil {
			return alg, err
		}
	}
	if alg.Problem == "" {
		alg.parameters(parameters)
	}
	return alg, nil
}

// parameters checks what follows the object identifier: NULL or nothing for RSA (RFC 4055 §5 has NULL, and tells readers to
// take both), nothing for ECDSA (RFC 5758 §3.2) and Ed25519 (RFC 8410 §3).
func (a *Algorithm) parameters(p der) {
	switch {
	case a.Kind == RSAPSS:
		a.pssParameters(p)
	case p.empty(), a.Kind == RSA && string(p.b) == "\x05\x00":
	default:
		a.Problem = "the algorithm identifier " + a.Name + " has parameters it must not have (RFC 4055 §5, RFC 5758 §3.2, RFC 8410 §3)"
	}
}

const (
	brokenMD  = "the signature uses a digest that can be forged (MD2, MD5); ask the CA to sign with SHA-256"
	noSupport = "signatures by this algorithm are not supported"
)

// algorithmOf names an algorithm by the content octets of its object identifier; the Name is "" when it is unknown.
func algorithmOf(oid string) Algorithm {
	switch oid {
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02": // 1.2.840.113549.1.1.2
		return Algorithm{Name: "md2WithRSAEncryption", Kind: RSA, Problem: brokenMD}
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04":
		return Algorithm{Name: "md5WithRSAEncryption", Kind: RSA, Hash: crypto.MD5, Problem: brokenMD}
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05":
		return Algorithm{Name: "sha1WithRSAEncryption", Kind: RSA, Hash: crypto.SHA1}
	case "\x2b\x0e\x03\x02\x1d": // 1.3.14.3.2.29, the older name for the same
		return Algorithm{Name: "sha1WithRSA", Kind: RSA, Hash: crypto.SHA1}
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a":
		return Algorithm{Name: "rsassaPss", Kind: RSAPSS}
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b":
		return Algorithm{Name: "sha256WithRSAEncryption", Kind: RSA, Hash: crypto.SHA256}
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c":
		return Algorithm{Name: "sha384WithRSAEncryption", Kind: RSA, Hash: crypto.SHA384}
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d":
		return Algorithm{Name: "sha512WithRSAEncryption", Kind: RSA, Hash: crypto.SHA512}
	case "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e":
		return Algorithm{Name: "sha224WithRSAEncryption", Kind: RSA, Hash: crypto.SHA224}
	case "\x2a\x86\x48\xce\x3d\x04\x01": // 1.2.840.10045.4.1
		return Algorithm{Name: "ecdsa-with-SHA1", Kind: ECDSA, Hash: crypto.SHA1}
	case "\x2a\x86\x48\xce\x3d\x04\x03\x01":
		return Algorithm{Name: "ecdsa-with-SHA224", Kind: ECDSA, Hash: crypto.SHA224}
	case "\x2a\x86\x48\xce\x3d\x04\x03\x02":
		return Algorithm{Name: "ecdsa-with-SHA256", Kind: ECDSA, Hash: crypto.SHA256}
	case "\x2a\x86\x48\xce\x3d\x04\x03\x03":
		return Algorithm{Name: "ecdsa-with-SHA384", Kind: ECDSA, Hash: crypto.SHA384}
	case "\x2a\x86\x48\xce\x3d\x04\x03\x04":
		return Algorithm{Name: "ecdsa-with-SHA512", Kind: ECDSA, Hash: crypto.SHA512}
	case "\x2b\x65\x70": // 1.3.101.112
		return Algorithm{Name: "ED25519", Kind: Ed25519}
	case "\x2b\x65\x71":
		return Algorithm{Name: "ED448", Problem: noSupport}
	}
	return Algorithm{}
}
