package ocspder

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// RequestSignature is the optionalSignature of a request (RFC 6960 §4.1.1): a claim that nobody verified.
type RequestSignature struct {
	TBS          []byte // DER of the tbsRequest, the octets that were signed
	Algorithm    []byte // DER of the AlgorithmIdentifier
	Value        []byte
	Certificates [][]byte // DER, in the client's order
}

// maxRequestCertificates bounds the certificates a request may carry along.
const maxRequestCertificates = 16

// readSignature reads the optionalSignature, which is all that may follow tbsRequest.
func (r *Request) readSignature(tbs, rest cryptobyte.String) error {
	if rest.Empty() {
		return nil
	}
	s := &RequestSignature{TBS: tbs}
	var wrapped, signature, value, list cryptobyte.String
	var present bool
	if !rest.ReadASN1(&wrapped, explicit0) || !rest.Empty() ||
		!wrapped.ReadASN1(&signature, asn1.SEQUENCE) || !wrapped.Empty() ||
		!signature.ReadASN1Element((*cryptobyte.String)(&s.Algorithm), asn1.SEQUENCE) ||
		!signature.ReadASN1(&value, asn1.BIT_STRING) || len(value) < 2 || value[0] != 0 ||
		!signature.ReadOptionalASN1(&wrapped, &present, explicit0) || !signature.Empty() {
		return malformed("RFC 6960 §4.1.1", "what follows tbsRequest is not a Signature")
	}
	s.Value, r.Signature = value[1:], s
	if !present {
		return nil
	}
	if !wrapped.ReadASN1(&list, asn1.SEQUENCE) || !wrapped.Empty() {
		return malformed("RFC 6960 §4.1.1", "certs of the signature is not a SEQUENCE OF Certificate")
	}
	for !list.Empty() {
		var certificate cryptobyte.String
		if !list.ReadASN1Element(&certificate, asn1.SEQUENCE) {
			return malformed("RFC 6960 §4.1.1", "certs of the signature is not a SEQUENCE OF Certificate")
		}
		if len(s.Certificates) == maxRequestCertificates {
			return malformed("", "the request carries more than %d certificates", maxRequestCertificates)
		}
		s.Certificates = append(s.Certificates, certificate)
	}
	return nil
}
