package config

import (
	"crypto/rsa"
	"encoding/hex"
	"os"
	"strings"
)

// PKCS11 names a private key in a token, such as an HSM, and how the token is reached. Two that are equal name the same key.
type PKCS11 struct {
	Module     string // the file of the token's PKCS #11 library
	TokenLabel string
	PINFile    string
	PIN        Secret // the content of PINFile
	KeyLabel   string // CKA_LABEL; empty: any
	KeyID      string // the octets of CKA_ID; empty: any
}

// signer reads the certificate and key that sign OCSP responses.
func (r *reader) signer(v *value) *Signer {
	s := &Signer{Pos: v.pos}
	var key, passphrase, passphraseFile, token, pss *value
	if !r.object(v, keys{
		"certificate": func(v *value) {
			if r.path(v, &s.CertificateFile) {
				s.Certificate = r.certificate(v.pos, s.CertificateFile, "leave only the one that signs")
			}
		},
		"key":                 func(v *value) { key = v },
		"key_passphrase":      func(v *value) { passphrase = v },
		"key_passphrase_file": func(v *value) { passphraseFile = v },
		"pkcs11":              func(v *value) { token = v; s.PKCS11 = r.pkcs11(v) },
		"trusted":             func(v *value) { r.boolean(v, &s.Trusted) },
		"pss":                 func(v *value) { pss = v; r.boolean(v, &s.PSS) },
	}) {
		return nil
	}
	r.need(v, "certificate", "name the OCSP signing certificate, or the issuer's own if the CA key signs")
	secret, readable := r.passphrase(passphrase, passphraseFile)
	switch {
	case token == nil && r.need(v, "key", "name the file of the private key, or the token that holds it (pkcs11)"):
		if r.path(key, &s.KeyFile) && readable {
			s.Key = r.privateKey(key.pos, s.KeyFile, secret)
		}
	case token != nil && key != nil:
		r.fault(token.key, "the key is in a file or in a token, not in both; remove key or pkcs11")
		return nil
	case token != nil && (passphrase != nil || passphraseFile != nil):
		r.fault(token.key, "a passphrase opens a key file; what opens a token is its pin_file")
		return nil
	}
	if s.Certificate == nil || (s.Key == nil && s.PKCS11 == nil) {
		return nil
	}
	if _, isRSA := s.Certificate.PublicKey.(*rsa.PublicKey); s.PSS && !isRSA {
		r.fault(pss.pos, "RSASSA-PSS takes an RSA key (RFC 4055 §3), and the certificate in %s has none; remove pss", s.CertificateFile)
		return nil
	}
	if s.Key != nil && !belongs(s.Key, s.Certificate) {
		r.fault(key.pos, "the key in %s does not belong to the certificate in %s; name the two that were made together",
			s.KeyFile, s.CertificateFile)
		return nil
	}
	return s
}

// passphrase is the secret that two keys may give; both values may be nil. ok is false when a fault was reported.
func (r *reader) passphrase(text, file *value) (secret Secret, ok bool) {
	var plain, name string
	faults := len(r.faults)
	switch {
	case text != nil && file != nil:
		r.fault(text.pos, "the passphrase is given here or in key_passphrase_file, not in both; remove one")
	case text != nil && r.text(text, &plain):
		secret = Secret(plain)
	case file != nil && r.path(file, &name):
		secret = r.passphraseFile(file.pos, name)
	}
	return secret, len(r.faults) == faults
}

// pkcs11 reads where a key is in a token. The token itself is opened by whoever signs.
func (r *reader) pkcs11(v *value) *PKCS11 {
	k := new(PKCS11)
	faults := len(r.faults)
	if !r.object(v, keys{
		"module":      func(v *value) { r.module(v, &k.Module) },
		"token_label": func(v *value) { r.text(v, &k.TokenLabel) },
		"pin_file": func(v *value) {
			if r.path(v, &k.PINFile) {
				k.PIN = r.passphraseFile(v.pos, k.PINFile)
			}
		},
		"key_label": func(v *value) { r.text(v, &k.KeyLabel) },
		"key_id":    func(v *value) { r.keyID(v, &k.KeyID) },
	}) {
		return nil
	}
	r.need(v, "module", "name the file of the token's PKCS #11 library, such as /usr/lib/softhsm/libsofthsm2.so")
	r.need(v, "token_label", "say which token: p11tool --list-tokens shows the labels")
	r.need(v, "pin_file", "name the file that holds the user PIN of the token")
	if !has(v, "key_id") {
		r.need(v, "key_label", "say which key of the token, by key_label or key_id")
	}
	if len(r.faults) > faults {
		return nil
	}
	return k
}

// module reads the file name of a library; it is watched like every other file, and read by the system's loader only.
func (r *reader) module(v *value, into *string) {
	if !r.path(v, into) {
		return
	}
	r.files = append(r.files, *into)
	if info, err := os.Stat(*into); err != nil {
		r.fault(v.pos, "cannot read %s: %v", *into, cause(err))
	} else if !info.Mode().IsRegular() {
		r.fault(v.pos, "%s is not a regular file; name the library itself", *into)
	}
}

// keyID reads the CKA_ID of a key, hex with or without colons.
func (r *reader) keyID(v *value, into *string) {
	var text string
	if !r.text(v, &text) {
		return
	}
	id, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(id) == 0 {
		r.fault(v.pos, "%s is no key id; write its octets in hex, such as 01 or a1:b2", v.shown())
		return
	}
	*into = string(id)
}
