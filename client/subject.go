package client

import (
	"crypto/x509"
	"fmt"

	"github.com/vetopki/veto/revocation"
)

// subject names a certificate as every source does: by issuer and serial.
type subject struct {
	issuer revocation.IssuerID
	serial revocation.Serial
}

func subjectOf(cert, issuer *x509.Certificate) (subject, error) {
	if cert == nil || issuer == nil {
		return subject{}, fmt.Errorf("a certificate and its issuer's certificate are needed to ask for its status")
	}
	serial, err := revocation.SerialFromBig(cert.SerialNumber)
	if err != nil {
		return subject{}, fmt.Errorf("reading the serial number: %w", err)
	}
	return subject{revocation.IssuerIDOf(issuer), serial}, nil
}
