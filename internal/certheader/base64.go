package certheader

import (
	"encoding/base64"
	"strings"
)

var strictBase64 = base64.StdEncoding.Strict()

// decodeBase64 decodes base64 with its padding and without line ends (RFC 4648 §4). Another alphabet is refused, too.
func decodeBase64(text, header string) ([]byte, error) {
	if text == "" {
		return nil, refuse("base64", "RFC 4648 §4", header, "has an empty value where a certificate belongs")
	}
	if strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return nil, refuse("base64", "RFC 4648 §4", header, "has line ends within base64")
	}
	der, err := strictBase64.DecodeString(text)
	if err != nil {
		return nil, refuse("base64", "RFC 4648 §4", header, "is not base64: %v", err)
	}
	return der, nil
}

// decodeCertificate decodes one certificate.
func decodeCertificate(text, header string) ([]byte, error) {
	der, err := decodeBase64(text, header)
	if err != nil {
		return nil, err
	}
	return der, oneCertificate(der, header)
}

// readBase64DER reads what HAProxy and Caddy write: a certificate and, from HAProxy, the chain in one piece.
func readBase64DER(r *Reader, v values) (Presented, error) {
	leaf, err := decodeCertificate(v.first, r.names.Certificate)
	if err != nil || v.second == "" {
		return presented([][]byte{leaf}, err)
	}
	der, err := decodeBase64(v.second, r.names.Chain)
	if err != nil {
		return Presented{}, err
	}
	rest, err := certificates(der, r.names.Chain)
	if err != nil {
		return Presented{}, err
	}
	return presented(chain(leaf, rest, r.names.Chain))
}

// readCaddy reads base64. Caddy leaves its placeholder as it is where there is no certificate.
func readCaddy(r *Reader, v values) (Presented, error) {
	if v.first == "{http.request.tls.client.certificate_der_base64}" {
		return Presented{}, ErrNone
	}
	return readBase64DER(r, v)
}

// presented is a chain, or nothing.
func presented(chain [][]byte, err error) (Presented, error) {
	if err != nil {
		return Presented{}, err
	}
	return Presented{Chain: chain}, nil
}

// readTraefik reads certificates as base64, the leaf first, with commas between them. Traefik from 2.8 to 2.9.1 escaped it.
func readTraefik(r *Reader, v values) (Presented, error) {
	text, name := v.first, r.names.Certificate
	if strings.Contains(text, "%") {
		var err error
		if text, err = unescape(text, unreserved, name); err != nil {
			return Presented{}, err
		}
	}
	if strings.Count(text, ",") >= MaxCertificates {
		return Presented{}, tooMany(name)
	}
	var list [][]byte
	for part := range strings.SplitSeq(text, ",") {
		der, err := decodeCertificate(part, name)
		if err != nil {
			return Presented{}, err
		}
		list = append(list, der)
	}
	return Presented{Chain: list}, nil
}
