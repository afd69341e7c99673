package config

import (
	"crypto"
	"encoding/pem"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/youmark/pkcs8"

	"github.com/vetopki/veto/internal/pkitest"
)

// lockedKey is an encrypted PKCS #8 key, PEM.
func lockedKey(key crypto.Signer, passphrase string) []byte {
	der := must(pkcs8.MarshalPrivateKey(key, []byte(passphrase), nil))
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der})
}

// TestKeysThatOpenSSLEncryptedAreRead reads every form that openssl pkcs8 writes for PBES2.
func TestKeysThatOpenSSLEncryptedAreRead(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("openssl is not installed")
	}
	f := newFolder(t)
	for name, flags := range map[string]string{
		"the default":             "",
		"AES-128 and HMAC-SHA1":   "-v2 aes-128-cbc -v2prf hmacWithSHA1",
		"AES-256 and HMAC-SHA256": "-v2 aes-256-cbc -v2prf hmacWithSHA256",
		"triple DES":              "-v2 des3",
		"scrypt":                  "-scrypt -v2 aes-256-cbc",
	} {
		t.Run(name, func(t *testing.T) {
			args := append(strings.Fields("pkcs8 -topk8 -passout pass:sesame -in "+f.path("ocsp.key")), strings.Fields(flags)...)
			out, err := exec.CommandContext(t.Context(), openssl, args...).Output()
			if err != nil {
				t.Fatal(err)
			}
			key, err := parsePrivateKey(out, "sesame")
			if err != nil {
				t.Fatal(err)
			}
			plain := must(parsePrivateKey([]byte(readString(t, f.path("ocsp.key"))), ""))
			if !plain.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(key.Public()) {
				t.Error("another key was read")
			}
			if _, err := parsePrivateKey(out, "barley"); err == nil || !strings.Contains(err.Error(), "cannot be decrypted") {
				t.Errorf("with the wrong passphrase: %v", err)
			}
		})
	}
}

func TestADamagedEncryptedKeyIsRefused(t *testing.T) {
	block, _ := pem.Decode(lockedKey(must(pkitest.NewKey(pkitest.P256)), "sesame"))
	for i := range block.Bytes {
		damaged := append([]byte(nil), block.Bytes...)
		damaged[i] ^= 1
		if i >= 40 && i < 60 {
			continue // the salt and the count of iterations: another passphrase, or one that takes long
		}
		key, err := openKey(damaged, "sesame")
		if err == nil && key == nil {
			t.Errorf("octet %d changed: neither a key nor an error", i)
		}
	}
	if _, err := openKey(block.Bytes[:len(block.Bytes)-1], "sesame"); err == nil {
		t.Error("a key cut short is read")
	}
}

func TestSigners(t *testing.T) {
	f := newFolder(t)
	signer := func(text string) string {
		return "issuers:\n- {name: a, certificate: corp-devices.pem, crls: [{url: http://a/b}], ocsp: {signer: {certificate: ocsp.pem, " + text + "}}}\n"
	}
	token := func(text string) string { return signer("pkcs11: {" + text + "}") }
	const full = "module: module.so, token_label: t, pin_file: hsm.pin, key_label: k"
	for _, row := range []struct{ name, text, want string }{ // want: a fault; empty for none
		{"a key in clear", signer("key: ocsp.key"), ""},
		{"an encrypted key with its passphrase's file", signer("key: ocsp-locked.key, key_passphrase_file: ocsp.passphrase"), ""},
		{"the passphrase's file may come first", signer("key_passphrase_file: ocsp.passphrase, key: ocsp-locked.key"), ""},
		{"a passphrase from the environment", signer("key: ocsp-locked.key, key_passphrase: '${SESAME}'"), ""},
		{"a passphrase that is not needed", signer("key: ocsp.key, key_passphrase: x"), ""},
		{"an encrypted key without passphrase", signer("key: ocsp-locked.key"), "ocsp.signer.key: " + f.path("ocsp-locked.key") + " is encrypted and no passphrase is given"},
		{"the wrong passphrase", signer("key: ocsp-locked.key, key_passphrase_file: wrong.passphrase"), "ocsp.signer.key: " + f.path("ocsp-locked.key") + " cannot be decrypted"},
		{"two passphrases", signer("key: ocsp-locked.key, key_passphrase_file: ocsp.passphrase, key_passphrase: x"), "key_passphrase: the passphrase is given here or in key_passphrase_file"},
		{"an empty passphrase file", signer("key: ocsp-locked.key, key_passphrase_file: module.so"), f.path("module.so") + " is empty"},
		{"a passphrase file of two lines", signer("key: ocsp-locked.key, key_passphrase_file: two-lines.token"), "has several lines"},
		{"a passphrase file that is not there", signer("key: ocsp-locked.key, key_passphrase_file: no"), "key_passphrase_file: cannot read"},
		{"a token", token(full), ""},
		{"a token's key by id", token("module: module.so, token_label: t, pin_file: hsm.pin, key_id: 'A1:b2'"), ""},
		{"a key in a file and in a token", signer("key: ocsp.key, pkcs11: {" + full + "}"), "ocsp.signer.pkcs11: the key is in a file or in a token"},
		{"a passphrase for a token", signer("key_passphrase: x, pkcs11: {" + full + "}"), "ocsp.signer.pkcs11: a passphrase opens a key file"},
		{"a token without module", token("token_label: t, pin_file: hsm.pin, key_label: k"), "pkcs11.module: is missing"},
		{"a token without label", token("module: module.so, pin_file: hsm.pin, key_label: k"), "pkcs11.token_label: is missing"},
		{"a token without PIN", token("module: module.so, token_label: t, key_label: k"), "pkcs11.pin_file: is missing"},
		{"a token without key", token("module: module.so, token_label: t, pin_file: hsm.pin"), "pkcs11.key_label: is missing"},
		{"a module that is not there", token("module: no.so, token_label: t, pin_file: hsm.pin, key_label: k"), "pkcs11.module: cannot read " + f.path("no.so")},
		{"PSS with a key that is not RSA", signer("key: ocsp.key, pss: true"), "signer.pss: RSASSA-PSS takes an RSA key"},
		{"a module that is a folder", token("module: ., token_label: t, pin_file: hsm.pin, key_label: k"), f.dir + " is not a regular file"},
		{"an id that is not hex", token("module: module.so, token_label: t, pin_file: hsm.pin, key_id: ocsp"), `pkcs11.key_id: "ocsp" is no key id`},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, faults := Parse("veto.yaml", []byte(row.text), f.dir, environment("SESAME", "open sesame"))
			switch {
			case row.want == "" && (faults != nil || c.Issuers[0].Signer == nil):
				t.Errorf("refused: %v", faults)
			case row.want != "" && (len(faults) != 1 || !strings.Contains(faults[0].Path+": "+faults[0].Message, row.want)):
				t.Errorf("got %v, want the one fault %s", faults, row.want)
			}
		})
	}
}

func TestTheFilesOfSecretsAreWatched(t *testing.T) {
	f, c := loadExample(t)
	for _, name := range []string{"ocsp.passphrase", "hsm.pin", "module.so"} {
		if !strings.Contains(strings.Join(c.Files(), "\n"), f.path(name)) {
			t.Errorf("%s is not watched", name)
		}
	}
}
