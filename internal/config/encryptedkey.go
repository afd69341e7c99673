package config

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/youmark/pkcs8"
)

const convertKey = "convert it with: openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -in KEY -out key.pem"

// decryptKey reads an EncryptedPrivateKeyInfo (RFC 5958 §3) that PBES2 encrypted with a key made from the passphrase by PBKDF2
// or scrypt (RFC 8018 §6.2, RFC 7914 §7).
func decryptKey(der []byte, passphrase Secret) (crypto.Signer, error) {
	if passphrase == "" {
		return nil, errors.New("is encrypted and no passphrase is given; name the file that holds it (key_passphrase_file, for keys " +
			"of OCSP signers), or decrypt it with: openssl pkey -in KEY -out key.pem, and keep it readable by veto alone")
	}
	key, err := openKey(der, passphrase)
	if err != nil {
		return nil, fmt.Errorf("cannot be decrypted: %w; when the passphrase is right, %s", err, convertKey)
	}
	return signingKey(key)
}

// openKey is pkcs8.ParsePrivateKey without its panic over a length that is no multiple of the cipher's block.
func openKey(der []byte, passphrase Secret) (key any, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("it is damaged")
		}
	}()
	key, _, err = pkcs8.ParsePrivateKey(der, []byte(passphrase))
	return key, err
}

// passphraseFile reads a passphrase or PIN: one line. Spaces belong to it, the line's end does not.
func (r *reader) passphraseFile(pos Position, name string) Secret {
	data, ok := r.read(pos, name)
	if !ok {
		return ""
	}
	line := strings.TrimSuffix(string(bytes.TrimSuffix(data, []byte("\n"))), "\r")
	switch {
	case line == "":
		r.fault(pos, "%s is empty; it holds the secret on one line", name)
		return ""
	case strings.ContainsAny(line, "\r\n\x00"):
		r.fault(pos, "%s has several lines; it holds the secret on one", name)
		return ""
	}
	r.private(pos, name)
	return Secret(line)
}
