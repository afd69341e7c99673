//go:build pkcs11

package pkcs11key

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vetopki/veto/internal/pkitest"
)

// softHSM is a token of Debian's softhsm2 with label "veto" and PIN 1234, in a folder of its own.
type softHSM struct {
	t   *testing.T
	dir string
}

const libsofthsm = "/usr/lib/softhsm/libsofthsm2.so"

func newSoftHSM(t *testing.T) *softHSM {
	if _, err := os.Stat(libsofthsm); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI needs softhsm2: %v", err)
		}
		t.Skip("softhsm2 is not installed")
	}
	h := &softHSM{t, t.TempDir()}
	h.write("softhsm2.conf", []byte("directories.tokendir = "+h.path("tokens")+"\nlog.level = ERROR\n"))
	t.Setenv("SOFTHSM2_CONF", h.path("softhsm2.conf"))
	if err := os.Mkdir(h.path("tokens"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.init()
	return h
}

func (h *softHSM) init() {
	h.util("--init-token", "--free", "--label", "veto", "--so-pin", "12345678", "--pin", "1234")
}

func (h *softHSM) remove() { h.util("--delete-token", "--token", "veto") }

func (h *softHSM) path(name string) string { return filepath.Join(h.dir, name) }

func (h *softHSM) write(name string, data []byte) string {
	h.t.Helper()
	if err := os.WriteFile(h.path(name), data, 0o600); err != nil {
		h.t.Fatal(err)
	}
	return h.path(name)
}

func (h *softHSM) util(args ...string) {
	h.t.Helper()
	if out, err := exec.Command("softhsm2-util", args...).CombinedOutput(); err != nil {
		h.t.Fatalf("softhsm2-util %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// put puts a key into the token.
func (h *softHSM) put(key crypto.Signer, label, id string) {
	h.t.Helper()
	pem, err := pkitest.KeyPEM(key)
	if err != nil {
		h.t.Fatal(err)
	}
	h.util("--import", h.write(label+".pem", pem), "--token", "veto", "--pin", "1234", "--label", label, "--id", id)
}

func newKey(t *testing.T, kind pkitest.KeyKind) crypto.Signer {
	t.Helper()
	key, err := pkitest.NewKey(kind)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func options(label, id string) Options {
	return Options{Module: libsofthsm, TokenLabel: "veto", PIN: "1234", KeyLabel: label, KeyID: id}
}

func open(t *testing.T, tokens *Tokens, o Options) *Key {
	t.Helper()
	k, err := tokens.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// signs has a key sign and verifies the signature with the public key that belongs to it.
func signs(t *testing.T, k *Key, public crypto.PublicKey) error {
	t.Helper()
	digest := sha256.Sum256([]byte("message"))
	signature, err := k.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return err
	}
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(public, digest[:], signature) {
			t.Error("the signature does not verify")
		}
	case *rsa.PublicKey:
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature); err != nil {
			t.Error(err)
		}
	}
	return nil
}

func TestKeysOfATokenSign(t *testing.T) {
	h := newSoftHSM(t)
	p256, p384, rsa2048 := newKey(t, pkitest.P256), newKey(t, pkitest.P384), newKey(t, pkitest.RSA2048)
	h.put(p256, "p256", "01")
	h.put(p384, "p384", "02")
	h.put(rsa2048, "rsa", "03")
	var tokens Tokens
	for name, row := range map[string]struct {
		options Options
		key     crypto.Signer
	}{
		"P-256 by label":      {options("p256", ""), p256},
		"P-384 by id":         {options("", "\x02"), p384},
		"RSA by label and id": {options("rsa", "\x03"), rsa2048},
	} {
		t.Run(name, func(t *testing.T) {
			k := open(t, &tokens, row.options)
			if err := signs(t, k, row.key.Public()); err != nil {
				t.Fatal(err)
			}
			if !row.key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Public()) {
				t.Error("Public is another key")
			}
		})
	}
}

func TestWhatIsWrongWithAToken(t *testing.T) {
	h := newSoftHSM(t)
	h.put(newKey(t, pkitest.P256), "twin", "01")
	h.put(newKey(t, pkitest.P256), "twin", "02")
	with := func(change func(*Options)) Options {
		o := options("twin", "\x01")
		change(&o)
		return o
	}
	for name, row := range map[string]struct {
		options Options
		want    string
	}{
		"no such module": {with(func(o *Options) { o.Module = h.path("no.so") }), "failed to open module"},
		"no such token":  {with(func(o *Options) { o.TokenLabel = "other" }), `opening token "other"`},
		"a wrong PIN":    {with(func(o *Options) { o.PIN = "4321" }), ErrPIN.Error()},
		"no such key":    {with(func(o *Options) { o.KeyLabel = "other" }), `there is no key with label "other" and id 01`},
		"two such keys":  {with(func(o *Options) { o.KeyID = "" }), `there are 2 keys with label "twin"`},
	} {
		t.Run(name, func(t *testing.T) {
			var tokens Tokens
			if k, err := tokens.Open(row.options); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v %v, want %s", k, err, row.want)
			}
		})
	}
	var tokens Tokens
	if _, err := tokens.Open(with(func(o *Options) { o.PIN = "4321" })); !errors.Is(err, ErrPIN) {
		t.Errorf("a wrong PIN is not ErrPIN: %v", err)
	}
	if err := signs(t, open(t, &tokens, options("twin", "\x01")), nil); err != nil {
		t.Errorf("after a wrong PIN the right one opens nothing: %v", err)
	}
}

func TestAKeyComesBackWithItsToken(t *testing.T) {
	h := newSoftHSM(t)
	key, other := newKey(t, pkitest.P256), newKey(t, pkitest.P256)
	h.put(key, "ocsp", "01")
	var tokens Tokens
	tokens.module(libsofthsm).patience = 0
	k := open(t, &tokens, options("ocsp", ""))
	second := open(t, &tokens, options("", "\x01"))
	replace := func(key crypto.Signer) {
		h.init()
		h.put(key, "ocsp", "01")
	}
	h.remove()
	if err := signs(t, k, nil); err == nil {
		t.Fatal("a token that is gone signs")
	}
	replace(other)
	if err := signs(t, k, nil); err == nil || !strings.Contains(err.Error(), "is another one than before") {
		t.Fatalf("with another key of the same name: %v", err)
	}
	h.remove()
	replace(key)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := signs(t, k, key.Public()); err != nil {
				t.Errorf("the token is back: %v", err)
			}
			if err := signs(t, second, key.Public()); err != nil {
				t.Errorf("the token is back, its second user: %v", err)
			}
		})
	}
	all.Wait()
}

func TestAClosedKeyStaysClosed(t *testing.T) {
	h := newSoftHSM(t)
	h.put(newKey(t, pkitest.P256), "ocsp", "01")
	var tokens Tokens
	tokens.module(libsofthsm).patience = 0
	k := open(t, &tokens, options("ocsp", ""))
	k.Close()
	if err := signs(t, k, nil); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("got %v", err)
	}
}
