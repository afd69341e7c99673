package ocspder

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// MaxCertIDs is the most certificates one request may ask for.
	MaxCertIDs = 16
	// MaxNonce is the longest nonce, in octets (RFC 9654 §2.1).
	MaxNonce = 128
)

// Request is an OCSPRequest (RFC 6960 §4.1.1). Nobody verified its signature.
type Request struct {
	CertIDs []CertID // in order, 1 to MaxCertIDs

	// Plain is true when the request is one CertID and nothing else: no name, extension or signature. All who ask for that
	// certificate by that hash send these very octets.
	Plain bool

	// RequestorName is the DER of the requestorName, a GeneralName; nil when there is none. RFC 9919 §3.1.2 has an unsigned
	// request with one answered as if it had none.
	RequestorName []byte
	Signature     *RequestSignature // nil when the request is not signed

	// Nonce is the client's nonce, 1 to MaxNonce octets without any wrapping; nil when there is none. NonceSent is true also
	// for a nonce that old clients send without its inner OCTET STRING, which cannot be told from a damaged one.
	Nonce     []byte
	NonceSent bool

	// AcceptsOther is true when the client lists response types and id-pkix-ocsp-basic is not among them (RFC 6960 §4.4.3).
	AcceptsOther        bool
	PreferredSignatures []PreferredSignature // best first, at most maxPreferred

	first [1]CertID // the usual request asks for one certificate: no further allocation
}

// ParseRequest reads an OCSPRequest in strict DER. Every error is a *revocation.Refusal, and its answer malformedRequest
// (RFC 6960 §2.3). The Request refers to der.
func ParseRequest(der []byte) (*Request, error) {
	input := cryptobyte.String(der)
	var message, tbs cryptobyte.String
	if !input.ReadASN1(&message, asn1.SEQUENCE) || !input.Empty() {
		return nil, malformed("RFC 6960 §4.1.1", "the request is not one DER SEQUENCE with nothing after it")
	}
	signed := message
	if !message.ReadASN1(&tbs, asn1.SEQUENCE) {
		return nil, malformed("RFC 6960 §4.1.1", "tbsRequest is not a SEQUENCE")
	}
	r := new(Request)
	if err := r.readTBS(tbs); err != nil {
		return nil, err
	}
	if err := r.readSignature(signed[:len(signed)-len(message)], message); err != nil {
		return nil, err
	}
	r.Plain = r.Plain && r.Signature == nil
	return r, nil
}

func (r *Request) readTBS(tbs cryptobyte.String) error {
	if tbs.PeekASN1Tag(explicit0) {
		return malformed("RFC 6960 §4.1.1", "the version is not v1, or v1 is written out, which DER forbids for a default")
	}
	var list, extensions cryptobyte.String
	var extended bool
	if !r.readRequestorName(&tbs) {
		return malformed("RFC 6960 §4.1.1", "requestorName is not a GeneralName")
	}
	if !tbs.ReadASN1(&list, asn1.SEQUENCE) || list.Empty() {
		return malformed("RFC 6960 §4.1.1", "requestList is not a SEQUENCE of at least one Request")
	}
	if !tbs.ReadOptionalASN1(&extensions, &extended, explicit2) || !tbs.Empty() {
		return malformed("RFC 6960 §4.1.1", "something other than requestExtensions follows the requestList")
	}
	r.Plain = r.RequestorName == nil && !extended
	if err := r.readList(list); err != nil {
		return err
	}
	if !extended {
		return nil
	}
	return readExtensions(extensions, r.useExtension)
}

func (r *Request) readList(list cryptobyte.String) error {
	r.CertIDs = r.first[:0]
	for !list.Empty() {
		if len(r.CertIDs) == MaxCertIDs {
			return malformed("", "the request asks for more than %d certificates; ask in several requests", MaxCertIDs)
		}
		var request, extensions cryptobyte.String
		var extended bool
		if !list.ReadASN1(&request, asn1.SEQUENCE) {
			return malformed("RFC 6960 §4.1.1", "a Request is not a SEQUENCE")
		}
		r.CertIDs = append(r.CertIDs, CertID{})
		if err := readCertID(&request, &r.CertIDs[len(r.CertIDs)-1]); err != nil {
			return err
		}
		if !request.ReadOptionalASN1(&extensions, &extended, explicit0) || !request.Empty() {
			return malformed("RFC 6960 §4.1.1", "something other than singleRequestExtensions follows the reqCert")
		}
		if !extended {
			continue
		}
		r.Plain = false
		if err := readExtensions(extensions, refuseCritical); err != nil {
			return err
		}
	}
	r.Plain = r.Plain && len(r.CertIDs) == 1
	return nil
}

// useExtension takes what a responder understands of the requestExtensions.
func (r *Request) useExtension(e Extension) error {
	switch string(e.OID) {
	case oidNonce:
		return r.useNonce(e.Value)
	case oidAcceptableResponses:
		return r.useAcceptableResponses(e.Value)
	case oidPreferredSignatures:
		return r.usePreferredSignatures(e.Value)
	}
	return refuseCritical(e)
}

// refuseCritical refuses an extension that must not be ignored and is not understood; others are ignored (RFC 6960
// §4.1.2). A serviceLocator asks to forward the request elsewhere, which veto does not do.
func refuseCritical(e Extension) error {
	if e.Critical {
		return malformed("RFC 6960 §4.1.2", "critical extension %s is not understood here", dotted(e.OID))
	}
	return nil
}

func (r *Request) useNonce(value cryptobyte.String) error {
	r.NonceSent = true
	var nonce cryptobyte.String
	if !value.ReadASN1(&nonce, asn1.OCTET_STRING) || !value.Empty() {
		return nil
	}
	if len(nonce) == 0 || len(nonce) > MaxNonce {
		return malformed("RFC 9654 §2.1", "the nonce has %d octets; it must have 1 to %d", len(nonce), MaxNonce)
	}
	r.Nonce = nonce
	return nil
}

func (r *Request) useAcceptableResponses(value cryptobyte.String) error {
	var types cryptobyte.String
	if !value.ReadASN1(&types, asn1.SEQUENCE) || !value.Empty() {
		return malformed("RFC 6960 §4.4.3", "AcceptableResponses is not a SEQUENCE of OBJECT IDENTIFIERs")
	}
	basic := false
	for !types.Empty() {
		var oid cryptobyte.String
		if !types.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) || !validOID(oid) {
			return malformed("RFC 6960 §4.4.3", "AcceptableResponses is not a SEQUENCE of OBJECT IDENTIFIERs")
		}
		basic = basic || string(oid) == oidBasicResponse
	}
	r.AcceptsOther = !basic
	return nil
}

// readRequestorName reads the requestorName when it is there. The tags of a GeneralName run from [0] to [8] (RFC 5280
// §4.2.1.6).
func (r *Request) readRequestorName(tbs *cryptobyte.String) bool {
	var wrapped, name cryptobyte.String
	var present bool
	var tag asn1.Tag
	if !tbs.ReadOptionalASN1(&wrapped, &present, explicit1) || !present {
		return !present
	}
	if !wrapped.ReadAnyASN1Element(&name, &tag) || !wrapped.Empty() || tag&0xc0 != 0x80 || tag&0x1f > 8 {
		return false
	}
	r.RequestorName = name
	return true
}
