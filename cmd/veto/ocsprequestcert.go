package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/youmark/pkcs8"

	"github.com/vetopki/veto/internal/pkcs11key"
)

// requestCert is the command veto ocsp request-cert.
type requestCert struct {
	issuer, name, algorithm           string
	keyOut, csrOut, passphraseFile    string
	module, token, pinFile, label, id string // of a key that is in a token already
	asJSON                            bool
}

func newOCSPRequestCert() *cobra.Command {
	var q requestCert
	cmd := &cobra.Command{
		Use: "request-cert --issuer CA --name NAME --csr-out FILE --key-out FILE", Short: "Make a key and a certificate request for an OCSP signer",
		Long: "Makes the private key of a delegated OCSP signer and the request (PKCS #10) with which the CA issues its certificate, and prints\n" +
			"what the CA has to do (RFC 6960 §4.2.2.2). The CA's own key stays where it is. Files that exist are never overwritten.\n\n" +
			"A key that is in a PKCS #11 token stays there: name it with the --pkcs11 flags instead of --key-out.",
		Example: "  veto ocsp request-cert --issuer ca.pem --name \"Corp OCSP 2027\" --key-out ocsp.key --csr-out ocsp.csr\n" +
			"  veto ocsp request-cert --issuer ca.pem --name \"Corp OCSP\" --csr-out ocsp.csr --pkcs11-module /usr/lib/softhsm/libsofthsm2.so \\\n" +
			"      --pkcs11-token veto --pkcs11-pin-file hsm.pin --pkcs11-key-label ocsp",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error { return q.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&q.issuer, "issuer", "", "`FILE` with the certificate of the CA that will issue it")
	f.StringVar(&q.name, "name", "", "`NAME` of the signer, its common name")
	f.StringVar(&q.csrOut, "csr-out", "", "write the request to `FILE`, PEM")
	f.StringVar(&q.keyOut, "key-out", "", "write the new private key to `FILE`, PKCS #8 in PEM, readable by its owner only")
	f.StringVar(&q.passphraseFile, "key-passphrase-file", "", "encrypt the key by the passphrase in `FILE`")
	f.StringVar(&q.algorithm, "algorithm", "p256", "of the new key: `p256`, p384, ed25519 or rsa3072")
	f.StringVar(&q.module, "pkcs11-module", "", "use a key in a token: `FILE` of the token's library")
	f.StringVar(&q.token, "pkcs11-token", "", "`LABEL` of the token")
	f.StringVar(&q.pinFile, "pkcs11-pin-file", "", "`FILE` with the token's user PIN")
	f.StringVar(&q.label, "pkcs11-key-label", "", "`LABEL` of the key")
	f.StringVar(&q.id, "pkcs11-key-id", "", "id of the key, `HEX`")
	f.BoolVar(&q.asJSON, "json", false, "print JSON")
	return cmd
}

func (q *requestCert) run(cmd *cobra.Command) error {
	issuer, err := q.check()
	if err != nil {
		return err
	}
	key, closeKey, err := q.key()
	if err != nil {
		return err
	}
	defer closeKey()
	csr, err := signerRequest(key, q.name)
	if err != nil {
		return err
	}
	if err := writeNew(q.csrOut, &pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csr}, 0o644); err != nil {
		return err
	}
	if q.keyOut != "" {
		if err := q.writeKey(key); err != nil {
			os.Remove(q.csrOut) // of a key that is nowhere
			return err
		}
	}
	r := q.report(issuer, key.Public())
	if q.asJSON {
		return printJSON(cmd.OutOrStdout(), r)
	}
	_, err = fmt.Fprint(cmd.OutOrStdout(), r.text())
	return err
}

// check sees that everything is there, before a key is made.
func (q *requestCert) check() (*x509.Certificate, error) {
	for flag, value := range map[string]string{"--issuer": q.issuer, "--name": q.name, "--csr-out": q.csrOut} {
		if value == "" {
			return nil, usage("%s is needed; see veto ocsp request-cert --help", flag)
		}
	}
	if (q.keyOut == "") == (q.module == "") {
		return nil, usage("say where the new key goes (--key-out), or which key of a token it is (--pkcs11-module and the like); not both")
	}
	for _, file := range []string{q.csrOut, q.keyOut} {
		if _, err := os.Lstat(file); file != "" && !errors.Is(err, fs.ErrNotExist) {
			return nil, usage("%s exists; veto does not overwrite it: choose another name, or move it away", file)
		}
	}
	issuer, err := readCertificate(q.issuer)
	if err != nil {
		return nil, err
	}
	if !issuer.BasicConstraintsValid || !issuer.IsCA {
		return nil, usage("%s (%s) is not a CA's certificate; a signer of OCSP is issued by the CA that issued the certificates asked about (RFC 6960 §4.2.2.2)",
			q.issuer, issuer.Subject)
	}
	return issuer, nil
}

// key makes the key, or finds it in its token. The function returned closes the token.
func (q *requestCert) key() (crypto.Signer, func(), error) {
	if q.module == "" {
		key, err := newSignerKey(q.algorithm)
		return key, func() {}, err
	}
	pin, err := readSecret(q.pinFile)
	if err != nil {
		return nil, nil, err
	}
	id, err := hex.DecodeString(strings.ReplaceAll(q.id, ":", ""))
	if err != nil || q.label+q.id == "" {
		return nil, nil, usage("say which key of the token, by --pkcs11-key-label or by --pkcs11-key-id in hex")
	}
	key, err := new(pkcs11key.Tokens).Open(pkcs11key.Options{Module: q.module, TokenLabel: q.token, PIN: pin, KeyLabel: q.label, KeyID: string(id)})
	if err != nil {
		return nil, nil, usage("%v", err)
	}
	return key, key.Close, nil
}

func newSignerKey(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case "p256":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ed25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case "rsa3072":
		return rsa.GenerateKey(rand.Reader, 3072)
	}
	return nil, usage("--algorithm %s is none of p256, p384, ed25519, rsa3072", algorithm)
}

// readSecret reads a passphrase or PIN: one line.
func readSecret(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", usage("%v", err)
	}
	secret := strings.TrimRight(string(data), "\r\n")
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", usage("%s must hold the secret on one line", file)
	}
	return secret, nil
}

// signerRequest asks for what a delegated OCSP signer needs: the key usage for signatures, OCSPSigning and nothing else (RFC 6960
// §4.2.2.2), and id-pkix-ocsp-nocheck, so that clients need not ask for its own status (§4.2.2.2.1).
func signerRequest(key crypto.Signer, name string) ([]byte, error) {
	digitalSignature, err := asn1.Marshal(asn1.BitString{Bytes: []byte{0x80}, BitLength: 1})
	if err != nil {
		return nil, err
	}
	ocspSigning, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 9}})
	if err != nil {
		return nil, err
	}
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: name},
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: digitalSignature},
			{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Value: ocspSigning},
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, Value: asn1.NullBytes},
		},
	}, key)
}

func (q *requestCert) writeKey(key crypto.Signer) error {
	if q.passphraseFile == "" {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		return writeNew(q.keyOut, &pem.Block{Type: "PRIVATE KEY", Bytes: der}, 0o600)
	}
	passphrase, err := readSecret(q.passphraseFile)
	if err != nil {
		return err
	}
	der, err := pkcs8.MarshalPrivateKey(key, []byte(passphrase), &pkcs8.Opts{Cipher: pkcs8.AES256CBC,
		KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: 600_000, HMACHash: crypto.SHA256}})
	if err != nil {
		return err
	}
	return writeNew(q.keyOut, &pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}, 0o600)
}

// writeNew writes a PEM file that does not exist yet.
func writeNew(file string, block *pem.Block, mode os.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return usage("%v", err)
	}
	if err := errors.Join(pem.Encode(f, block), f.Close()); err != nil {
		os.Remove(file)
		return err
	}
	return nil
}
