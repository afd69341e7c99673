package api

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
)

// parseCertificate reads one certificate: the first of a PEM text (a chain carries the leaf first), or DER.
func parseCertificate(data []byte) (*x509.Certificate, *Problem) {
	der := data
	if bytes.Contains(data, []byte("-----BEGIN")) {
		var p *Problem
		if der, p = firstCertificate(data); p != nil {
			return nil, p
		}
	} else if len(data) == 0 || data[0] != 0x30 {
		return nil, malformedCertificate.problem("neither PEM (a line -----BEGIN CERTIFICATE-----) nor DER")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, malformedCertificate.problem("%v", err)
	}
	return cert, nil
}

// parsePEM reads the first certificate of a PEM text.
func parsePEM(text string) (*x509.Certificate, *Problem) {
	der, p := firstCertificate([]byte(text))
	if p != nil {
		return nil, p
	}
	return parseCertificate(der)
}

// firstCertificate finds the first CERTIFICATE of a PEM text. A private key is refused by name: it must not be sent around.
func firstCertificate(text []byte) ([]byte, *Problem) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "CERTIFICATE":
			return block.Bytes, nil
		case bytes.HasSuffix([]byte(block.Type), []byte("PRIVATE KEY")):
			return nil, malformedCertificate.problem("the PEM text holds a private key: never send one, only the certificate")
		}
	}
	return nil, malformedCertificate.problem("no PEM block of type CERTIFICATE was found")
}
