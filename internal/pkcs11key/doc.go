// Package pkcs11key signs with private keys that live in PKCS #11 tokens, such as HSMs, and never leave them.
//
// It is github.com/ThalesGroup/crypto11, and one thing more: when a signature fails, because a token was unplugged, restarted
// or failed over, its module is loaded anew, and the key found there must be the same one.
//
// PKCS #11 modules are C libraries, so this needs cgo and the build tag pkcs11. Without the tag Open says how to build.
package pkcs11key

import "errors"

// Options name a key and how its token is reached. Two that are equal name the same key.
type Options struct {
	Module     string // the file of the token's library
	TokenLabel string
	PIN        string // of the user, not of the security officer
	KeyLabel   string // CKA_LABEL; empty: any
	KeyID      string // the octets of CKA_ID; empty: any
}

var (
	// ErrNotBuilt is the error of a program without PKCS #11.
	ErrNotBuilt = errors.New("this veto was built without PKCS #11, so it cannot use a key in a token; " +
		"build one with: CGO_ENABLED=1 go build -tags pkcs11 ./cmd/veto")
	// ErrPIN is a PIN the token refuses. Trying again makes it worse: most tokens lock after a few wrong ones.
	ErrPIN = errors.New("the token refuses the PIN")
)
