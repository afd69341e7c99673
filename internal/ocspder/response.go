package ocspder

import (
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/revocation"
)

// MaxSingles is the most SingleResponses read of one response; pre-produced responses of some CAs hold a few dozen.
const MaxSingles = 256

// ResponseStatus is an OCSPResponseStatus (RFC 6960 §4.2.1).
type ResponseStatus uint8

// The statuses of RFC 6960 §4.2.1; 4 is not used.
const (
	Successful       ResponseStatus = 0
	MalformedRequest ResponseStatus = 1
	InternalError    ResponseStatus = 2
	TryLater         ResponseStatus = 3
	SigRequired      ResponseStatus = 5
	Unauthorized     ResponseStatus = 6
)

// String is the name the RFC gives it.
func (s ResponseStatus) String() string {
	switch s {
	case Successful:
		return "successful"
	case MalformedRequest:
		return "malformedRequest"
	case InternalError:
		return "internalError"
	case TryLater:
		return "tryLater"
	case SigRequired:
		return "sigRequired"
	case Unauthorized:
		return "unauthorized"
	}
	return "undefined"
}

// Response is an OCSPResponse as received, parsed but not verified. All but Status is empty unless Status is Successful.
type Response struct {
	Status ResponseStatus

	TBS                []byte // DER of the ResponseData: what is signed
	ResponderName      []byte // DER of the responder's Name (byName), nil with byKey
	ResponderKeyHash   []byte // SHA-1 of the responder's key (byKey), nil with byName
	ProducedAt         time.Time
	Singles            []SingleResponse
	Extensions         []Extension
	SignatureAlgorithm []byte // DER of the AlgorithmIdentifier
	Signature          []byte
	Certificates       [][]byte // DER, in the responder's order; nobody vouches for them yet
}

// SingleResponse is what is said of one certificate (RFC 6960 §4.2.1).
type SingleResponse struct {
	CertID     CertID
	Status     revocation.Status
	RevokedAt  time.Time         // when Revoked
	Reason     revocation.Reason // when Revoked; unspecified when not stated
	ThisUpdate time.Time
	NextUpdate time.Time // zero when not stated
	Extensions []Extension
}

// Nonce is the nonce of the response without its inner OCTET STRING, nil when there is none or it is not wrapped in one.
func (r *Response) Nonce() []byte {
	for i := range r.Extensions {
		if !r.Extensions[i].IsNonce() {
			continue
		}
		value := cryptobyte.String(r.Extensions[i].Value)
		var nonce cryptobyte.String
		if value.ReadASN1(&nonce, asn1.OCTET_STRING) && value.Empty() {
			return nonce
		}
	}
	return nil
}

// ParseResponse reads an OCSPResponse whose type, when successful, is id-pkix-ocsp-basic. It is strict DER but for a
// version v1 that is written out. Every error is a *revocation.Refusal. The Response refers to der.
func ParseResponse(der []byte) (*Response, error) {
	input := cryptobyte.String(der)
	var message, status, wrapped cryptobyte.String
	var present bool
	if !input.ReadASN1(&message, asn1.SEQUENCE) || !input.Empty() {
		return nil, malformed("RFC 6960 §4.2.1", "the response is not one DER SEQUENCE with nothing after it")
	}
	if !message.ReadASN1(&status, asn1.ENUM) || len(status) != 1 ||
		!message.ReadOptionalASN1(&wrapped, &present, explicit0) || !message.Empty() {
		return nil, malformed("RFC 6960 §4.2.1", "the response is not {responseStatus, responseBytes OPTIONAL}")
	}
	r := &Response{Status: ResponseStatus(status[0])}
	switch {
	case r.Status.String() == "undefined":
		return nil, malformed("RFC 6960 §4.2.1", "responseStatus %d is not defined", r.Status)
	case present != (r.Status == Successful):
		return nil, malformed("RFC 6960 §4.2.1", "responseStatus is %s, and responseBytes is present: %t", r.Status, present)
	case r.Status != Successful:
		return r, nil
	}
	return r, r.readBytes(wrapped)
}

func (r *Response) readBytes(wrapped cryptobyte.String) error {
	var body, oid, basicDER, basic cryptobyte.String
	if !wrapped.ReadASN1(&body, asn1.SEQUENCE) || !wrapped.Empty() ||
		!body.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) || !validOID(oid) ||
		!body.ReadASN1(&basicDER, asn1.OCTET_STRING) || !body.Empty() {
		return malformed("RFC 6960 §4.2.1", "responseBytes is not {responseType, response}")
	}
	if string(oid) != oidBasicResponse {
		return malformed("RFC 6960 §4.2.1", "the response type is %s; only id-pkix-ocsp-basic is read", dotted(oid))
	}
	if !basicDER.ReadASN1(&basic, asn1.SEQUENCE) || !basicDER.Empty() {
		return malformed("RFC 6960 §4.2.1", "BasicOCSPResponse is not a SEQUENCE")
	}
	var tbs, data, signature cryptobyte.String
	if !basic.ReadASN1Element(&tbs, asn1.SEQUENCE) ||
		!basic.ReadASN1Element((*cryptobyte.String)(&r.SignatureAlgorithm), asn1.SEQUENCE) ||
		!basic.ReadASN1(&signature, asn1.BIT_STRING) || len(signature) < 2 || signature[0] != 0 {
		return malformed("RFC 6960 §4.2.1", "BasicOCSPResponse is not {tbsResponseData, signatureAlgorithm, signature, certs}")
	}
	r.TBS, r.Signature = tbs, signature[1:]
	if err := r.readCertificates(basic); err != nil {
		return err
	}
	tbs.ReadASN1(&data, asn1.SEQUENCE)
	return r.readData(data)
}

func (r *Response) readCertificates(rest cryptobyte.String) error {
	if rest.Empty() {
		return nil
	}
	var wrapped, list cryptobyte.String
	if !rest.ReadASN1(&wrapped, explicit0) || !rest.Empty() || !wrapped.ReadASN1(&list, asn1.SEQUENCE) || !wrapped.Empty() {
		return malformed("RFC 6960 §4.2.1", "certs is not a SEQUENCE OF Certificate")
	}
	for !list.Empty() {
		var certificate cryptobyte.String
		if !list.ReadASN1Element(&certificate, asn1.SEQUENCE) {
			return malformed("RFC 6960 §4.2.1", "certs is not a SEQUENCE OF Certificate")
		}
		r.Certificates = append(r.Certificates, certificate)
	}
	return nil
}

func (r *Response) readData(data cryptobyte.String) error {
	var list, extensions cryptobyte.String
	var extended bool
	if !skipVersion1(&data) {
		return malformed("RFC 6960 §4.2.1", "the version of the response is not v1")
	}
	if !r.readResponderID(&data) {
		return malformed("RFC 6960 §4.2.1", "responderID is neither byName nor byKey")
	}
	if !readTime(&data, &r.ProducedAt) {
		return malformed("RFC 9919 §3.2.4", "producedAt is not a GeneralizedTime in Zulu with seconds and no fraction")
	}
	if !data.ReadASN1(&list, asn1.SEQUENCE) || !data.ReadOptionalASN1(&extensions, &extended, explicit1) || !data.Empty() {
		return malformed("RFC 6960 §4.2.1", "ResponseData is not {version, responderID, producedAt, responses, responseExtensions}")
	}
	for !list.Empty() {
		if len(r.Singles) == MaxSingles {
			return malformed("", "more than %d SingleResponses", MaxSingles)
		}
		var single SingleResponse
		if err := single.read(&list); err != nil {
			return err
		}
		r.Singles = append(r.Singles, single)
	}
	if !extended {
		return nil
	}
	return readExtensions(extensions, collect(&r.Extensions))
}

func (r *Response) readResponderID(data *cryptobyte.String) bool {
	var name, key cryptobyte.String
	switch {
	case data.PeekASN1Tag(explicit1):
		if !data.ReadASN1(&name, explicit1) {
			return false
		}
		r.ResponderName = name
		return name.SkipASN1(asn1.SEQUENCE) && name.Empty()
	case data.PeekASN1Tag(explicit2):
		return data.ReadASN1(&key, explicit2) &&
			key.ReadASN1((*cryptobyte.String)(&r.ResponderKeyHash), asn1.OCTET_STRING) && key.Empty()
	}
	return false
}

func (s *SingleResponse) read(list *cryptobyte.String) error {
	var body, next, extensions cryptobyte.String
	var hasNext, extended bool
	if !list.ReadASN1(&body, asn1.SEQUENCE) {
		return malformed("RFC 6960 §4.2.1", "a SingleResponse is not a SEQUENCE")
	}
	if err := readCertID(&body, &s.CertID); err != nil {
		return err
	}
	if err := s.readStatus(&body); err != nil {
		return err
	}
	if !readTime(&body, &s.ThisUpdate) || !body.ReadOptionalASN1(&next, &hasNext, explicit0) ||
		(hasNext && (!readTime(&next, &s.NextUpdate) || !next.Empty())) {
		return malformed("RFC 9919 §3.2.4", "thisUpdate or nextUpdate is not a GeneralizedTime in Zulu with seconds and no fraction")
	}
	if !body.ReadOptionalASN1(&extensions, &extended, explicit1) || !body.Empty() {
		return malformed("RFC 6960 §4.2.1", "something other than singleExtensions ends a SingleResponse")
	}
	if !extended {
		return nil
	}
	return readExtensions(extensions, collect(&s.Extensions))
}

func (s *SingleResponse) readStatus(body *cryptobyte.String) error {
	var content cryptobyte.String
	var tag asn1.Tag
	if !body.ReadAnyASN1(&content, &tag) {
		return malformed("RFC 6960 §4.2.1", "a SingleResponse has no certStatus")
	}
	switch {
	case tag == tagGood && content.Empty():
		s.Status = revocation.Good
		return nil
	case tag == tagUnknown && content.Empty():
		s.Status = revocation.Unknown
		return nil
	case tag != tagRevoked:
		return malformed("RFC 6960 §4.2.1", "certStatus is none of good, revoked, unknown")
	}
	s.Status = revocation.Revoked
	var wrapped, reason cryptobyte.String
	var stated bool
	if !readTime(&content, &s.RevokedAt) || !content.ReadOptionalASN1(&wrapped, &stated, explicit0) || !content.Empty() {
		return malformed("RFC 6960 §4.2.1", "RevokedInfo is not {revocationTime, revocationReason OPTIONAL}")
	}
	if !stated {
		return nil
	}
	if !wrapped.ReadASN1(&reason, asn1.ENUM) || !wrapped.Empty() || len(reason) != 1 || !revocation.Reason(reason[0]).Valid() {
		return malformed("RFC 5280 §5.3.1", "revocationReason is not one that is defined")
	}
	s.Reason = revocation.Reason(reason[0])
	return nil
}

// skipVersion1 reads over a version v1. DER leaves a default out, yet responders exist that write it.
func skipVersion1(data *cryptobyte.String) bool {
	var wrapped, version cryptobyte.String
	var present bool
	if !data.ReadOptionalASN1(&wrapped, &present, explicit0) || !present {
		return !present
	}
	return wrapped.ReadASN1(&version, asn1.INTEGER) && wrapped.Empty() && string(version) == "\x00"
}

func collect(list *[]Extension) func(Extension) error {
	return func(e Extension) error {
		*list = append(*list, e)
		return nil
	}
}
