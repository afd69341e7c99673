package config

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// certificate reads a file that holds exactly one certificate, PEM or DER; several says what to do about more.
func (r *reader) certificate(pos Position, name, several string) *x509.Certificate {
	data, ok := r.read(pos, name)
	if !ok {
		return nil
	}
	list, err := parseCertificates(data)
	switch {
	case err != nil:
		r.fault(pos, "%s %v", name, err)
	case len(list) > 1:
		r.fault(pos, "%s holds %d certificates; %s", name, len(list), several)
	default:
		return list[0]
	}
	return nil
}

// parseCertificates reads one certificate in DER or any number in PEM, at least one. Text around PEM blocks is ignored
// (RFC 7468 §2), other blocks are not.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	if !bytes.Contains(data, []byte("-----BEGIN")) {
		c, err := x509.ParseCertificate(data)
		if err != nil {
			return nil, fmt.Errorf("is neither a PEM nor a DER certificate: %w", err)
		}
		return []*x509.Certificate{c}, nil
	}
	var list []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("holds a PEM block %s; put only the CERTIFICATE into this file", quoted(block.Type))
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("holds a certificate that cannot be read: %w", err)
		}
		list = append(list, c)
	}
	if len(list) == 0 || bytes.Contains(data, []byte("-----BEGIN")) {
		return nil, errors.New("holds a damaged PEM block; copy the file again, from -----BEGIN to -----END")
	}
	return list, nil
}

func belongs(key crypto.Signer, c *x509.Certificate) bool {
	public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

// tls reads what the API listener shows its clients: a certificate, with intermediates after it, and its key.
func (r *reader) tls(v *value) *TLS {
	t := &TLS{Pos: v.pos}
	var chain []*x509.Certificate
	var key crypto.Signer
	var certificatePos, keyPos Position
	if !r.object(v, keys{
		"certificate": func(v *value) {
			certificatePos = v.pos
			if r.path(v, &t.CertificateFile) {
				chain = r.chain(v.pos, t.CertificateFile)
			}
		},
		"key": func(v *value) {
			keyPos = v.pos
			if r.path(v, &t.KeyFile) {
				key = r.privateKey(v.pos, t.KeyFile, "")
			}
		},
		"client_ca": func(v *value) { t.ClientCAs = r.anchors(v) },
	}) {
		return nil
	}
	r.need(v, "certificate", "name the file of the server certificate")
	r.need(v, "key", "name the file of its private key")
	if chain == nil || key == nil {
		return nil
	}
	if !belongs(key, chain[0]) {
		r.fault(keyPos, "the key in %s does not belong to the first certificate in %s; the server's certificate comes first, "+
			"intermediates after it", t.KeyFile, t.CertificateFile)
		return nil
	}
	if r.now.After(chain[0].NotAfter) {
		r.warn(certificatePos, "the certificate expired on %s; clients will refuse it", chain[0].NotAfter.UTC().Format(time.RFC3339))
	}
	t.Certificate = tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		t.Certificate.Certificate = append(t.Certificate.Certificate, c.Raw)
	}
	return t
}

func (r *reader) chain(pos Position, name string) []*x509.Certificate {
	data, ok := r.read(pos, name)
	if !ok {
		return nil
	}
	list, err := parseCertificates(data)
	if err != nil {
		r.fault(pos, "%s %v", name, err)
		return nil
	}
	return list
}
