package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/vetopki/veto/revocation"
)

// readCertificates reads every certificate of a file, PEM or DER.
func readCertificates(file string) ([]*x509.Certificate, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usage("%v", err)
	}
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		cert, err := x509.ParseCertificate(data)
		if err != nil {
			return nil, usage("%s is neither a PEM nor a DER certificate: %v", file, err)
		}
		return []*x509.Certificate{cert}, nil
	}
	var certs []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, usage("%s, certificate %d: %v", file, len(certs)+1, err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, usage("%s has no certificate", file)
	}
	return certs, nil
}

// readCertificate reads the first certificate of a file.
func readCertificate(file string) (*x509.Certificate, error) {
	certs, err := readCertificates(file)
	if err != nil {
		return nil, err
	}
	return certs[0], nil
}

// subject is one certificate a command is about: its serial, and where it came from.
type subject struct {
	serial revocation.Serial
	label  string // the file, or the serial as printed
	cert   *x509.Certificate
}

// subjects reads serials and the leaf certificates of files.
func subjects(serials, files []string) ([]subject, error) {
	var all []subject
	for _, text := range serials {
		s, err := revocation.ParseSerial(text)
		if err != nil {
			return nil, withCode(exitUsage, err)
		}
		all = append(all, subject{serial: s, label: s.String()})
	}
	for _, file := range files {
		cert, err := readCertificate(file)
		if err != nil {
			return nil, err
		}
		s, err := revocation.SerialFromBig(cert.SerialNumber)
		if err != nil {
			return nil, withCode(exitUsage, fmt.Errorf("%s: %w", file, err))
		}
		all = append(all, subject{serial: s, label: file, cert: cert})
	}
	return all, nil
}

func certificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}
