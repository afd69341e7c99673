package config

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// privateKey reads a file that holds one private key, encrypted or not. passphrase is empty when none is given.
func (r *reader) privateKey(pos Position, name string, passphrase Secret) crypto.Signer {
	data, ok := r.read(pos, name)
	if !ok {
		return nil
	}
	key, err := parsePrivateKey(data, passphrase)
	if err != nil {
		r.fault(pos, "%s %v", name, err)
		return nil
	}
	r.private(pos, name)
	return key
}

// parsePrivateKey reads one private key in PEM: PKCS #8 (RFC 5958), encrypted by a passphrase or not, PKCS #1 (RFC 8017
// §A.1.2) or SEC 1 (RFC 5915). The parameters that OpenSSL writes before an EC key are passed over.
func parsePrivateKey(data []byte, passphrase Secret) (crypto.Signer, error) {
	var found crypto.Signer
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type == "EC PARAMETERS" {
			continue
		}
		key, err := parseKeyBlock(block, passphrase)
		switch {
		case err != nil:
			return nil, err
		case found != nil:
			return nil, errors.New("holds several private keys; leave only one")
		}
		found = key
	}
	switch {
	case found == nil && !bytes.Contains(data, []byte("-----BEGIN")):
		return nil, errors.New("holds no PEM private key; convert it with: openssl pkey -inform DER -in KEY -out key.pem")
	case found == nil:
		return nil, errors.New("holds a damaged PEM block; copy the file again, from -----BEGIN to -----END")
	}
	return found, nil
}

func parseKeyBlock(block *pem.Block, passphrase Secret) (crypto.Signer, error) {
	var key any
	var err error
	switch {
	case strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, errors.New("is encrypted in OpenSSL's old form, which a passphrase hardly protects; " + convertKey)
	case block.Type == "ENCRYPTED PRIVATE KEY":
		return decryptKey(block.Bytes, passphrase)
	case block.Type == "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("holds a PEM block %s; put only the private key into this file", quoted(block.Type))
	}
	if err != nil {
		return nil, fmt.Errorf("holds a private key that cannot be read: %w", err)
	}
	return signingKey(key)
}

func signingKey(key any) (crypto.Signer, error) {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("holds a key that cannot sign (%T); use an RSA, ECDSA or Ed25519 key", key)
	}
	return signer, nil
}
