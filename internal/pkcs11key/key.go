//go:build pkcs11

package pkcs11key

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/ThalesGroup/crypto11"
	"github.com/miekg/pkcs11"
)

// Key is a private key in a token. It implements crypto.Signer.
type Key struct {
	options Options
	module  *module
	public  crypto.PublicKey

	// Guarded by module.mu.
	context *crypto11.Context // nil while it is not open
	signer  signer            // nil while it is not open
	err     error             // why it is not open
	refused bool              // its PIN was refused once: it stays closed
}

type signer = crypto11.Signer

// Public implements crypto.Signer.
func (k *Key) Public() crypto.PublicKey { return k.public }

// Sign implements crypto.Signer. When the token fails, its module is loaded anew and asked once more.
func (k *Key) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	signature, used, err := k.sign(rand, digest, opts)
	if err == nil || !k.module.reload(k, used) {
		return signature, err
	}
	signature, _, err = k.sign(rand, digest, opts)
	return signature, err
}

// sign also returns what it signed with, nil when the key is not open.
func (k *Key) sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, signer, error) {
	k.module.mu.RLock()
	defer k.module.mu.RUnlock()
	if k.signer == nil {
		return nil, nil, k.err
	}
	signature, err := k.signer.Sign(rand, digest, opts)
	if err != nil {
		return nil, k.signer, fmt.Errorf("token %q: %w", k.options.TokenLabel, err)
	}
	return signature, k.signer, nil
}

// Close ends the use of the key, when signatures under way are made. Sign fails from then on.
func (k *Key) Close() {
	k.module.mu.Lock()
	defer k.module.mu.Unlock()
	delete(k.module.keys, k)
	k.close()
	k.err, k.refused = errors.New("the key was closed"), true
}

// close needs module.mu.
func (k *Key) close() {
	if k.context != nil {
		k.context.Close() // always nil
	}
	k.context, k.signer = nil, nil
}

// open finds the key in its token; it needs module.mu.
func (k *Key) open() error {
	o := k.options
	context, err := crypto11.Configure(&crypto11.Config{Path: o.Module, TokenLabel: o.TokenLabel, Pin: o.PIN,
		MaxSessions: 2*runtime.GOMAXPROCS(0) + 2}) // one is kept by crypto11; the others are what sign at once
	if err != nil {
		if refusedPIN(err) {
			k.refused = true
			err = fmt.Errorf("%w: %w", ErrPIN, err)
		}
		return fmt.Errorf("opening token %q with %s: %w", o.TokenLabel, o.Module, err)
	}
	found, err := k.find(context)
	if err != nil {
		context.Close()
		return fmt.Errorf("token %q: %w", o.TokenLabel, err)
	}
	k.context, k.signer = context, found
	if k.public == nil { // it is read without the lock, and stays the same
		k.public = found.Public()
	}
	return nil
}

// find returns the only key that the options name.
func (k *Key) find(context *crypto11.Context) (signer, error) {
	list, err := context.FindKeyPairs([]byte(k.options.KeyID), []byte(k.options.KeyLabel))
	switch {
	case err != nil:
		return nil, fmt.Errorf("looking for the key %s: %w", k.options.keyName(), err)
	case len(list) == 0:
		return nil, fmt.Errorf("there is no key %s of which the token holds the public half too (RSA or ECDSA)", k.options.keyName())
	case len(list) > 1:
		return nil, fmt.Errorf("there are %d keys %s; tell them apart by label and id", len(list), k.options.keyName())
	}
	if equal, ok := k.public.(interface{ Equal(crypto.PublicKey) bool }); ok && !equal.Equal(list[0].Public()) {
		return nil, fmt.Errorf("the key %s is another one than before", k.options.keyName())
	}
	return list[0], nil
}

func (o *Options) keyName() string {
	var parts []string
	if o.KeyLabel != "" {
		parts = append(parts, fmt.Sprintf("label %q", o.KeyLabel))
	}
	if o.KeyID != "" {
		parts = append(parts, fmt.Sprintf("id %x", o.KeyID))
	}
	return "with " + strings.Join(parts, " and ")
}

func refusedPIN(err error) bool {
	code, ok := errors.AsType[pkcs11.Error](err)
	if !ok {
		return false
	}
	switch code {
	case pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_EXPIRED, pkcs11.CKR_PIN_LOCKED:
		return true
	}
	return false
}
