package ocspder

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxPreferred bounds how many preferences of a client are kept; what follows is wished for least.
const maxPreferred = 16

// PreferredSignature is one algorithm by which a client would like the answer signed (RFC 6960 §4.4.7.1).
type PreferredSignature struct {
	Algorithm []byte // content octets of the sigIdentifier's OBJECT IDENTIFIER
	// Parameters are the DER of its parameters, nil when absent or NULL: the two are not told apart, since clients write either.
	Parameters []byte

	// KeyAlgorithm and KeyParameters are the same of the pubKeyAlgIdentifier: the kind of key, such as a curve. nil when the
	// client takes any.
	KeyAlgorithm, KeyParameters []byte
}

func (r *Request) usePreferredSignatures(value cryptobyte.String) error {
	var list cryptobyte.String
	if !value.ReadASN1(&list, asn1.SEQUENCE) || !value.Empty() {
		return malformed("RFC 6960 §4.4.7.1", "PreferredSignatureAlgorithms is not a SEQUENCE")
	}
	for !list.Empty() {
		var preferred cryptobyte.String
		var p PreferredSignature
		var ok bool
		if list.ReadASN1(&preferred, asn1.SEQUENCE) {
			p.Algorithm, p.Parameters, ok = readAlgorithm(&preferred)
		}
		if ok && !preferred.Empty() {
			p.KeyAlgorithm, p.KeyParameters, ok = readAlgorithm(&preferred)
		}
		if !ok || !preferred.Empty() {
			return malformed("RFC 6960 §4.4.7.1", "a preferred algorithm is not {sigIdentifier, pubKeyAlgIdentifier OPTIONAL}")
		}
		if len(r.PreferredSignatures) < maxPreferred {
			r.PreferredSignatures = append(r.PreferredSignatures, p)
		}
	}
	return nil
}

// readAlgorithm reads an AlgorithmIdentifier, or an SMIMECapability, which has the same form.
func readAlgorithm(s *cryptobyte.String) (oid, parameters []byte, ok bool) {
	var body, rest, content cryptobyte.String
	var tag asn1.Tag
	if !s.ReadASN1(&body, asn1.SEQUENCE) ||
		!body.ReadASN1((*cryptobyte.String)(&oid), asn1.OBJECT_IDENTIFIER) || !validOID(oid) {
		return nil, nil, false
	}
	if body.Empty() {
		return oid, nil, true
	}
	rest = body
	if !body.ReadAnyASN1(&content, &tag) || !body.Empty() {
		return nil, nil, false
	}
	if tag == asn1.NULL {
		return oid, nil, content.Empty()
	}
	return oid, rest, true
}
