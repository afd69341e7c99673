package responder

import "fmt"

// NotIssuedPolicy is what OCSP says of a serial the CA's inventory does not have. It is never good.
type NotIssuedPolicy uint8

// The policies. RFC 6960 §2.2 allows all three.
const (
	NotIssuedUnknown      NotIssuedPolicy = iota // a signed unknown
	NotIssuedRevoked                             // revoked on hold since 1970 with extended-revoke (RFC 6960 §4.4.8)
	NotIssuedUnauthorized                        // the unsigned error
)

// ParseNotIssuedPolicy reads unknown, revoked or unauthorized; empty is unknown.
func ParseNotIssuedPolicy(text string) (NotIssuedPolicy, error) {
	switch text {
	case "", "unknown":
		return NotIssuedUnknown, nil
	case "revoked":
		return NotIssuedRevoked, nil
	case "unauthorized":
		return NotIssuedUnauthorized, nil
	}
	return 0, fmt.Errorf("%q says nothing of serials that were not issued: use unknown, revoked or unauthorized", text)
}

// RequestSignature is what a responder does about signatures of requests (RFC 6960 §4.1.2).
type RequestSignature uint8

// The policies.
const (
	IgnoreSignature  RequestSignature = iota // signed or not, and by whom, makes no difference
	VerifySignature                          // a signed request must be by a known requestor; an unsigned one is answered
	RequireSignature                         // only requests signed by a known requestor are answered
)

// ParseRequestSignature reads ignore, verify or require; empty is ignore.
func ParseRequestSignature(text string) (RequestSignature, error) {
	switch text {
	case "", "ignore":
		return IgnoreSignature, nil
	case "verify":
		return VerifySignature, nil
	case "require":
		return RequireSignature, nil
	}
	return 0, fmt.Errorf("%q says nothing of signatures of requests: use ignore, verify or require", text)
}
