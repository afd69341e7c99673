package ocspder

import (
	"time"

	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/revocation"
)

const (
	tagGood    = asn1.Tag(0x80) // [0] IMPLICIT NULL
	tagRevoked = asn1.Tag(0xa1) // [1] IMPLICIT RevokedInfo
	tagUnknown = asn1.Tag(0x82) // [2] IMPLICIT NULL
)

// ErrorResponse is the whole unsigned response for a status that carries no answer (RFC 6960 §2.3): five octets.
func ErrorResponse(status ResponseStatus) []byte {
	return []byte{byte(asn1.SEQUENCE), 3, byte(asn1.ENUM), 1, byte(status)}
}

// ResponseData is what a responder says and signs (RFC 6960 §4.2.1), in version v1. Times are written in whole seconds.
type ResponseData struct {
	ResponderKeyHash [20]byte // byKey, as RFC 9919 §3.2.2 asks; see KeyHash
	ResponderName    []byte   // byName instead, when not nil: the DER of the signer's subject
	ProducedAt       time.Time
	Singles          []SingleResponse // CertID.Raw is echoed; NextUpdate is written unless zero
	Nonce            []byte           // echoed without change; nil writes none
	ExtendedRevoke   bool             // some Single is revoked because it was never issued (RFC 6960 §4.4.8)
}

// AppendTBS appends the DER of the ResponseData: the octets to sign.
func AppendTBS(b []byte, d *ResponseData) []byte {
	singles := 0
	for i := range d.Singles {
		singles += element(d.Singles[i].size())
	}
	extensions := d.extensionsSize()
	size := d.responderSize() + element(timeContent) + element(singles)
	if extensions > 0 {
		size += element(element(extensions))
	}
	b = appendHeader(b, asn1.SEQUENCE, size)
	b = d.appendResponder(b)
	b = appendTime(b, d.ProducedAt)
	b = appendHeader(b, asn1.SEQUENCE, singles)
	for i := range d.Singles {
		b = d.Singles[i].append(b)
	}
	if extensions > 0 {
		b = appendHeader(b, explicit1, element(extensions))
		b = appendHeader(b, asn1.SEQUENCE, extensions)
		b = d.appendExtensions(b)
	}
	return b
}

func (d *ResponseData) responderSize() int {
	if d.ResponderName != nil {
		return element(len(d.ResponderName))
	}
	return element(element(len(d.ResponderKeyHash)))
}

func (d *ResponseData) appendResponder(b []byte) []byte {
	if d.ResponderName != nil {
		b = appendHeader(b, explicit1, len(d.ResponderName))
		return append(b, d.ResponderName...)
	}
	b = appendHeader(b, explicit2, element(len(d.ResponderKeyHash)))
	b = appendHeader(b, asn1.OCTET_STRING, len(d.ResponderKeyHash))
	return append(b, d.ResponderKeyHash[:]...)
}

// Assemble is the whole successful OCSPResponse around signed ResponseData. algorithm is the DER of the signature's
// AlgorithmIdentifier; certificate, the DER of the delegated signer's certificate, is left out when nil: a CA that signs
// itself is known to whoever asks.
func Assemble(tbs, algorithm, signature, certificate []byte) []byte {
	certs := 0
	if certificate != nil {
		certs = element(element(len(certificate)))
	}
	basic := len(tbs) + len(algorithm) + element(1+len(signature)) + certs
	octets := element(basic)
	bytes := element(len(oidBasicResponse)) + element(octets)
	body := element(1) + element(element(bytes))

	b := make([]byte, 0, element(body))
	b = appendHeader(b, asn1.SEQUENCE, body)
	b = append(b, byte(asn1.ENUM), 1, byte(Successful))
	b = appendHeader(b, explicit0, element(bytes))
	b = appendHeader(b, asn1.SEQUENCE, bytes)
	b = appendHeader(b, asn1.OBJECT_IDENTIFIER, len(oidBasicResponse))
	b = append(b, oidBasicResponse...)
	b = appendHeader(b, asn1.OCTET_STRING, octets)
	b = appendHeader(b, asn1.SEQUENCE, basic)
	b = append(b, tbs...)
	b = append(b, algorithm...)
	b = appendHeader(b, asn1.BIT_STRING, 1+len(signature))
	b = append(b, 0)
	b = append(b, signature...)
	if certificate != nil {
		b = appendHeader(b, explicit0, element(len(certificate)))
		b = appendHeader(b, asn1.SEQUENCE, len(certificate))
		b = append(b, certificate...)
	}
	return b
}

func (s *SingleResponse) size() int {
	n := len(s.CertID.Raw) + element(s.statusSize()) + element(timeContent)
	if !s.NextUpdate.IsZero() {
		n += element(element(timeContent))
	}
	if len(s.Extensions) > 0 {
		n += element(element(extensionsSize(s.Extensions)))
	}
	return n
}

func (s *SingleResponse) statusSize() int {
	switch {
	case s.Status != revocation.Revoked:
		return 0
	case s.Reason == revocation.Unspecified:
		return element(timeContent)
	}
	return element(timeContent) + element(element(1))
}

func (s *SingleResponse) append(b []byte) []byte {
	b = appendHeader(b, asn1.SEQUENCE, s.size())
	b = append(b, s.CertID.Raw...)
	switch s.Status {
	case revocation.Good:
		b = append(b, byte(tagGood), 0)
	case revocation.Revoked:
		b = s.appendRevoked(b)
	default:
		b = append(b, byte(tagUnknown), 0)
	}
	b = appendTime(b, s.ThisUpdate)
	if !s.NextUpdate.IsZero() {
		b = appendHeader(b, explicit0, element(timeContent))
		b = appendTime(b, s.NextUpdate)
	}
	if len(s.Extensions) > 0 {
		b = appendHeader(b, explicit1, element(extensionsSize(s.Extensions)))
		b = appendExtensions(b, s.Extensions)
	}
	return b
}

// appendRevoked leaves the reason out when it is unspecified, as RFC 5280 §5.3.1 asks.
func (s *SingleResponse) appendRevoked(b []byte) []byte {
	b = appendHeader(b, tagRevoked, s.statusSize())
	b = appendTime(b, s.RevokedAt)
	if s.Reason == revocation.Unspecified {
		return b
	}
	b = appendHeader(b, explicit0, element(1))
	return append(b, byte(asn1.ENUM), 1, byte(s.Reason))
}

// extendedRevoke is the whole extension: NULL, not critical (RFC 6960 §4.4.8).
const extendedRevoke = "\x30\x0f\x06\x09" + oidExtendedRevoke + "\x04\x02\x05\x00"

func (d *ResponseData) extensionsSize() int {
	n := 0
	if d.Nonce != nil {
		n += element(nonceExtensionSize(d.Nonce))
	}
	if d.ExtendedRevoke {
		n += len(extendedRevoke)
	}
	return n
}

func (d *ResponseData) appendExtensions(b []byte) []byte {
	if d.Nonce != nil {
		b = appendNonce(b, d.Nonce)
	}
	if d.ExtendedRevoke {
		b = append(b, extendedRevoke...)
	}
	return b
}

func nonceExtensionSize(nonce []byte) int {
	return element(len(oidNonce)) + element(element(len(nonce)))
}

// appendNonce writes a nonce extension: an OCTET STRING within the OCTET STRING of the extension (RFC 9654 §2.1).
func appendNonce(b, nonce []byte) []byte {
	b = appendHeader(b, asn1.SEQUENCE, nonceExtensionSize(nonce))
	b = appendHeader(b, asn1.OBJECT_IDENTIFIER, len(oidNonce))
	b = append(b, oidNonce...)
	b = appendHeader(b, asn1.OCTET_STRING, element(len(nonce)))
	b = appendHeader(b, asn1.OCTET_STRING, len(nonce))
	return append(b, nonce...)
}
