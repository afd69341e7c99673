package certheader

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// oneCertificate sees that the octets are one SEQUENCE and nothing else (X.690 §8.1). What is in it is for the parser to say.
func oneCertificate(der []byte, header string) error {
	input := cryptobyte.String(der)
	var element cryptobyte.String
	switch {
	case !input.ReadASN1(&element, asn1.SEQUENCE):
		return refuse("der", "X.690 §8.1", header, "does not hold a whole certificate: it is cut off, or none")
	case !input.Empty():
		return refuse("der", "X.690 §8.1", header, "has %d octets after the certificate", len(input))
	}
	return nil
}

// certificates cuts certificates one after the other apart.
func certificates(der []byte, header string) ([][]byte, error) {
	input := cryptobyte.String(der)
	var list [][]byte
	for !input.Empty() {
		var element cryptobyte.String
		if !input.ReadASN1Element(&element, asn1.SEQUENCE) {
			return nil, refuse("der", "X.690 §8.1", header, "does not hold whole certificates: the one after the first %d is cut off, or none", len(list))
		}
		if list = append(list, element); len(list) > MaxCertificates {
			return nil, tooMany(header)
		}
	}
	return list, nil
}

// chain puts a leaf before the rest of its chain. Gateways differ in whether that begins with the leaf.
func chain(leaf []byte, rest [][]byte, header string) ([][]byte, error) {
	if len(rest) > 0 && bytes.Equal(leaf, rest[0]) {
		rest = rest[1:]
	}
	if len(rest) >= MaxCertificates {
		return nil, tooMany(header)
	}
	return append([][]byte{leaf}, rest...), nil
}

func tooMany(header string) error {
	return refuse("too-many", "", header, "brings more than %d certificates", MaxCertificates)
}
