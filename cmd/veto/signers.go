package main

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/internal/pkcs11key"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// signers makes the OCSP signers of configurations. Keys in tokens stay open from one configuration to the next. The zero value
// is ready.
type signers struct {
	tokens pkcs11key.Tokens

	mu   sync.Mutex // guards open
	open map[pkcs11key.Options]*pkcs11key.Key
}

// passingError is why a signer cannot sign now, although nothing in the configuration is wrong: its certificate is not within
// its time, or its token is out of reach. OCSP says tryLater until that has passed.
type passingError struct{ err error }

func (p *passingError) Error() string { return p.err.Error() }
func (p *passingError) Unwrap() error { return p.err }

// mayPass says whether trying again can help. A wrong PIN is not tried again: tokens lock after a few.
func mayPass(err error) bool {
	_, passing := errors.AsType[*passingError](err)
	return passing && !errors.Is(err, pkcs11key.ErrPIN)
}

// make makes a signer for the keys that designate it: the CA itself, a delegate of it, or one that relying parties are configured to
// trust. It also says what is allowed but unwise. An error is a *passingError when the configuration is not to blame.
func (s *signers) make(cs *config.Signer, designating []revocation.Issuer, now time.Time) (*responder.Signer, []string, error) {
	key, err := s.key(cs)
	if err != nil {
		return nil, nil, err
	}
	signer, warnings, err := newSigner(cs, key, designating[0], now)
	switch rule := revocation.RuleOf(err, ""); {
	case err == nil:
		return signer, warnings, nil
	case rule == "signer_validity", rule == "signer_key" && cs.PKCS11 != nil: // it belongs, see key: so it failed
		return nil, nil, &passingError{err}
	}
	return nil, nil, err
}

func newSigner(cs *config.Signer, key crypto.Signer, issuer revocation.Issuer, now time.Time) (*responder.Signer, []string, error) {
	var signer *responder.Signer
	var warnings []string
	var err error
	if cs.Trusted {
		signer, warnings, err = responder.NewTrustedSigner(cs.Certificate, key, now)
	} else {
		signer, warnings, err = responder.NewSigner(cs.Certificate, key, issuer, now)
	}
	if err == nil && cs.PSS {
		signer, err = signer.WithPSS()
	}
	return signer, warnings, err
}

// key is the key of a signer, which belongs to its certificate: from its file, or in its token.
func (s *signers) key(cs *config.Signer) (crypto.Signer, error) {
	if cs.PKCS11 == nil {
		return cs.Key, nil
	}
	key, err := s.openToken(tokenKey(cs.PKCS11))
	if errors.Is(err, pkcs11key.ErrNotBuilt) {
		return nil, err
	}
	if err != nil {
		return nil, &passingError{err}
	}
	if public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(cs.Certificate.PublicKey) {
		return nil, fmt.Errorf("the key in token %q does not belong to the certificate in %s; name the two that were made together",
			cs.PKCS11.TokenLabel, cs.CertificateFile)
	}
	return key, nil
}

func tokenKey(k *config.PKCS11) pkcs11key.Options {
	return pkcs11key.Options{Module: k.Module, TokenLabel: k.TokenLabel, PIN: string(k.PIN), KeyLabel: k.KeyLabel, KeyID: k.KeyID}
}

func (s *signers) openToken(o pkcs11key.Options) (*pkcs11key.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if key := s.open[o]; key != nil {
		return key, nil
	}
	key, err := s.tokens.Open(o)
	if err != nil {
		return nil, err
	}
	if s.open == nil {
		s.open = map[pkcs11key.Options]*pkcs11key.Key{}
	}
	s.open[o] = key
	return key, nil
}

// keep closes the keys in tokens that a configuration does not name; nil names none.
func (s *signers) keep(c *config.Config) {
	named := map[pkcs11key.Options]bool{}
	if c != nil {
		for i := range c.Issuers {
			for _, cs := range c.Issuers[i].Signers {
				if cs.PKCS11 != nil {
					named[tokenKey(cs.PKCS11)] = true
				}
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for o, key := range s.open {
		if !named[o] {
			key.Close()
			delete(s.open, o)
		}
	}
}

// sameSigner says whether two configurations mean the same signer, for the same keys, so that the one in force goes on.
func sameSigner(a, b *ocspSigner) bool {
	x, y := a.config, b.config
	sameKey := func(k, l revocation.Issuer) bool { return k.ID == l.ID && k.Certificate.Equal(l.Certificate) }
	if x.Trusted != y.Trusted || x.PSS != y.PSS || !x.Certificate.Equal(y.Certificate) || !slices.EqualFunc(a.keys, b.keys, sameKey) {
		return false
	}
	if x.PKCS11 != nil || y.PKCS11 != nil {
		return x.PKCS11 != nil && y.PKCS11 != nil && tokenKey(x.PKCS11) == tokenKey(y.PKCS11)
	}
	return true // both keys belong to the certificate
}
