package ocspder

import (
	"fmt"

	"golang.org/x/crypto/cryptobyte/asn1"
)

// EncodeRequest writes an unsigned OCSPRequest for certificates named by [CertIDFor], in order. nonce is nil for none; a
// client that sends one uses 32 fresh random octets (RFC 9654 §2.1).
func EncodeRequest(ids []CertID, nonce []byte) ([]byte, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("encoding an OCSP request: no certificate to ask for")
	}
	if nonce != nil && (len(nonce) == 0 || len(nonce) > MaxNonce) {
		return nil, fmt.Errorf("encoding an OCSP request: a nonce of %d octets, must be 1 to %d (RFC 9654 §2.1)", len(nonce), MaxNonce)
	}
	list := 0
	for i := range ids {
		list += element(len(ids[i].Raw))
	}
	tbs := element(list)
	if nonce != nil {
		tbs += element(element(element(nonceExtensionSize(nonce))))
	}
	b := appendHeader(nil, asn1.SEQUENCE, element(tbs))
	b = appendHeader(b, asn1.SEQUENCE, tbs)
	b = appendHeader(b, asn1.SEQUENCE, list)
	for i := range ids {
		b = appendHeader(b, asn1.SEQUENCE, len(ids[i].Raw))
		b = append(b, ids[i].Raw...)
	}
	if nonce != nil {
		b = appendHeader(b, explicit2, element(element(nonceExtensionSize(nonce))))
		b = appendHeader(b, asn1.SEQUENCE, element(nonceExtensionSize(nonce)))
		b = appendNonce(b, nonce)
	}
	return b, nil
}
