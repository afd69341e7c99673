package snapshot

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ParseKey reads the public key that snapshots are signed with: Ed25519, a SubjectPublicKeyInfo in PEM (RFC 8410 §4). Its errors are to
// be read after the name of the file.
func ParseKey(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("holds no public key in PEM; make it with: openssl pkey -in snapshot.key -pubout")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("holds a public key that cannot be read: %w", err)
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("holds no Ed25519 key but a %T, and snapshots are signed with no other", parsed)
	}
	return key, nil
}
