//go:build !pkcs11

package pkcs11key

import "crypto"

// Tokens opens no keys: the build tag pkcs11 is missing.
type Tokens struct{}

// Open returns ErrNotBuilt.
func (*Tokens) Open(Options) (*Key, error) { return nil, ErrNotBuilt }

// Key is a private key in a token. Here there is none.
type Key struct{ crypto.Signer }

// Close does nothing.
func (*Key) Close() {}
