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
