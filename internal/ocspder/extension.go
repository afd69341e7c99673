package ocspder

import (
	encodingasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// The extensions of OCSP messages that mean something here, as content octets of their OBJECT IDENTIFIERs.
const (
	oidNonce               = "\x2b\x06\x01\x05\x05\x07\x30\x01\x02" // RFC 9654 §2.1
	oidCRLReference        = "\x2b\x06\x01\x05\x05\x07\x30\x01\x03" // RFC 6960 §4.4.2
	oidAcceptableResponses = "\x2b\x06\x01\x05\x05\x07\x30\x01\x04" // RFC 6960 §4.4.3
	oidArchiveCutoff       = "\x2b\x06\x01\x05\x05\x07\x30\x01\x06" // RFC 6960 §4.4.4
	oidPreferredSignatures = "\x2b\x06\x01\x05\x05\x07\x30\x01\x08" // RFC 6960 §4.4.7
	oidExtendedRevoke      = "\x2b\x06\x01\x05\x05\x07\x30\x01\x09" // RFC 6960 §4.4.8
	oidBasicResponse       = "\x2b\x06\x01\x05\x05\x07\x30\x01\x01" // RFC 6960 §4.2.1
	oidInvalidityDate      = "\x55\x1d\x18"                         // RFC 5280 §5.3.2
)

// maxExtensions bounds one list of extensions; the standards define fewer than ten.
const maxExtensions = 32

// Extension is one extension of a message: the content octets of its OBJECT IDENTIFIER and of its value.
type Extension struct {
	OID      []byte
	Critical bool
	Value    []byte
}

// IsNonce says whether the extension is a nonce (RFC 9654).
func (e *Extension) IsNonce() bool { return string(e.OID) == oidNonce }

// IsExtendedRevoke says whether the extension is extended-revoke (RFC 6960 §4.4.8).
func (e *Extension) IsExtendedRevoke() bool { return string(e.OID) == oidExtendedRevoke }

// readExtensions reads an Extensions list and hands each to use. It refuses an empty list, one that repeats an extension
// (RFC 5280 §4.2) and one beyond maxExtensions.
func readExtensions(list cryptobyte.String, use func(Extension) error) error {
	var body cryptobyte.String
	if !list.ReadASN1(&body, asn1.SEQUENCE) || !list.Empty() || body.Empty() {
		return malformed("RFC 5280 §4.1", "extensions are not a SEQUENCE of at least one")
	}
	var seen [maxExtensions][]byte
	for n := 0; !body.Empty(); n++ {
		if n == maxExtensions {
			return malformed("", "more than %d extensions in one list", maxExtensions)
		}
		e, ok := readExtension(&body)
		if !ok {
			return malformed("RFC 5280 §4.1", "extension %d is not {extnID, critical DEFAULT FALSE, extnValue} in DER", n+1)
		}
		for _, oid := range seen[:n] {
			if string(oid) == string(e.OID) {
				return malformed("RFC 5280 §4.2", "extension %s appears twice", dotted(e.OID))
			}
		}
		seen[n] = e.OID
		if err := use(e); err != nil {
			return err
		}
	}
	return nil
}

func readExtension(s *cryptobyte.String) (e Extension, ok bool) {
	var body, critical cryptobyte.String
	var present bool
	if !s.ReadASN1(&body, asn1.SEQUENCE) ||
		!body.ReadASN1((*cryptobyte.String)(&e.OID), asn1.OBJECT_IDENTIFIER) || !validOID(e.OID) ||
		!body.ReadOptionalASN1(&critical, &present, asn1.BOOLEAN) ||
		!body.ReadASN1((*cryptobyte.String)(&e.Value), asn1.OCTET_STRING) || !body.Empty() {
		return e, false
	}
	e.Critical = present
	return e, !present || string(critical) == "\xff" // FALSE is the default and so never encoded (X.690 §11.5)
}

// dotted writes an OBJECT IDENTIFIER as people do, for messages.
func dotted(oid []byte) string {
	if len(oid) > 32 {
		return "with an over-long identifier"
	}
	der := cryptobyte.String(append(appendHeader(nil, asn1.OBJECT_IDENTIFIER, len(oid)), oid...))
	var id encodingasn1.ObjectIdentifier
	if !der.ReadASN1ObjectIdentifier(&id) {
		return "with an over-long identifier"
	}
	return id.String()
}
