package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// requestReport is what veto ocsp request-cert prints.
type requestReport struct {
	Key        string   `json:"key,omitempty"` // file; empty when it is in a token
	Request    string   `json:"request"`       // file
	Algorithm  string   `json:"algorithm"`
	Name       string   `json:"name"`
	Issuer     string   `json:"issuer"`
	Extensions []string `json:"extensions"` // that the certificate needs
	OpenSSL    []string `json:"openssl"`    // commands by which the CA issues it

	certificate string // the file that the commands write
	settings    string // of the signer, for the configuration
}

// signerExtensions are those of a delegated OCSP signer, as openssl's configuration files name them.
var signerExtensions = []string{"basicConstraints=CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=OCSPSigning",
	"noCheck=ignored", "subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"}

func (q *requestCert) report(issuer *x509.Certificate, public crypto.PublicKey) *requestReport {
	base := strings.TrimSuffix(q.csrOut, filepath.Ext(q.csrOut))
	r := &requestReport{Key: q.keyOut, Request: q.csrOut, Algorithm: keyName(public), Name: q.name, Issuer: issuer.Subject.String(),
		Extensions: signerExtensions, certificate: base + ".pem"}
	if r.certificate == filepath.Clean(q.issuer) {
		r.certificate = base + "-ocsp.pem" // never over the CA's own
	}
	caKey := strings.TrimSuffix(q.issuer, filepath.Ext(q.issuer)) + ".key"
	r.OpenSSL = []string{
		"printf '" + strings.Join(signerExtensions, `\n`) + `\n' > ` + shellWord(base+".ext"),
		fmt.Sprintf(`openssl x509 -req -in %s -CA %s -CAkey %s -set_serial 0x$(openssl rand -hex 16) -days 90 -extfile %s -out %s`,
			shellWord(q.csrOut), shellWord(q.issuer), shellWord(caKey), shellWord(base+".ext"), shellWord(r.certificate)),
	}
	r.settings = "key: " + q.keyOut
	switch {
	case q.module != "":
		r.settings = fmt.Sprintf("pkcs11: {module: %s, token_label: %s, pin_file: %s%s%s}", q.module, q.token, q.pinFile,
			setting("key_label", q.label), setting("key_id", q.id))
	case q.passphraseFile != "":
		r.settings += ", key_passphrase_file: " + q.passphraseFile
	}
	return r
}

func setting(key, value string) string {
	if value == "" {
		return ""
	}
	return ", " + key + ": " + value
}

// text says what was made and what is to be done now. Lines that begin with two spaces and openssl or printf are commands.
func (r *requestReport) text() string {
	var b strings.Builder
	if r.Key != "" {
		fmt.Fprintf(&b, "private key, %s: %s. It stays here.\n", r.Algorithm, r.Key)
	}
	fmt.Fprintf(&b, "certificate request for %q: %s. It goes to the CA.\n\n", r.Name, r.Request)
	fmt.Fprintf(&b, "%s must issue a certificate from it with the key that signs its other certificates, and these extensions (RFC 6960 §4.2.2.2):\n", r.Issuer)
	for _, e := range r.Extensions {
		fmt.Fprintf(&b, "    %s\n", e)
	}
	b.WriteString("extendedKeyUsage has OCSPSigning alone. noCheck (id-pkix-ocsp-nocheck) says that clients need not ask for the status of the\n" +
		"signer itself: keep its life short, 90 days or less, since it cannot be revoked towards them.\n\nWith openssl, where the CA's key is (in the file after -CAkey):\n\n")
	for _, c := range r.OpenSSL {
		fmt.Fprintf(&b, "  %s\n", c)
	}
	fmt.Fprintf(&b, "\nThen in the configuration of the issuer, and check it with veto config check:\n\n"+
		"    ocsp: {signer: {certificate: %s, %s}}\n", r.certificate, r.settings)
	return b.String()
}

func keyName(public crypto.PublicKey) string {
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		return key.Curve.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA of %d bits", key.N.BitLen())
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", public)
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]+$`)

// shellWord quotes a file name for a shell where it needs that.
func shellWord(s string) string {
	if plainWord.MatchString(s) && !strings.HasPrefix(s, "-") {
		return s
	}
	if strings.HasPrefix(s, "-") {
		s = "./" + s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
