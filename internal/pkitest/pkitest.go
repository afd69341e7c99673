// Package pkitest is a small certification authority for tests, benchmarks and `veto dev`: CAs, leaves, delegated OCSP
// signers, and CRLs of any size. It signs whatever it is asked to, so that tests can make what a real CA must not.
package pkitest

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
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// KeyKind chooses a key's algorithm. The zero value is P-256.
type KeyKind string

// The kinds of key NewKey makes.
const (
	P256    KeyKind = ""
	P384    KeyKind = "p384"
	P521    KeyKind = "p521"
	RSA2048 KeyKind = "rsa2048"
	Ed25519 KeyKind = "ed25519"
)

// NewKey makes a private key.
func NewKey(kind KeyKind) (crypto.Signer, error) {
	switch kind {
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case P521:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, fmt.Errorf("unknown key kind %q", kind)
}

// CA is a certification authority: a certificate and its key.
type CA struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// Pair is an end-entity certificate and its key.
type Pair struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// CAOptions shape a CA; the zero value is a self-signed P-256 root valid from an hour ago for ten years.
type CAOptions struct {
	Name                string // common name; default "Test CA"
	Key                 KeyKind
	UseKey              crypto.Signer // instead of a new key
	Parent              *CA           // nil: self-signed
	NotBefore, NotAfter time.Time
	KeyUsage            x509.KeyUsage           // default certSign and cRLSign
	NoCABelow           bool                    // pathLenConstraint 0
	Change              func(*x509.Certificate) // of the template, before it is signed
}

// NewCA makes a CA.
func NewCA(o CAOptions) (*CA, error) {
	key := o.UseKey
	if key == nil {
		var err error
		if key, err = NewKey(o.Key); err != nil {
			return nil, err
		}
	}
	t := &x509.Certificate{
		SerialNumber: randomSerial(), Subject: pkix.Name{CommonName: orDefault(o.Name, "Test CA"), Organization: []string{"veto"}},
		NotBefore: orTime(o.NotBefore, -time.Hour), NotAfter: orTime(o.NotAfter, 10*365*24*time.Hour),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: o.NoCABelow, KeyUsage: o.KeyUsage,
	}
	if t.KeyUsage == 0 {
		t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	}
	if o.Change != nil {
		o.Change(t)
	}
	parent, parentKey := t, key
	if o.Parent != nil {
		parent, parentKey = o.Parent.Certificate, o.Parent.Key
	}
	cert, err := sign(t, parent, key.Public(), parentKey)
	return &CA{Certificate: cert, Key: key}, err
}

// ParseCA puts a CA together from its certificate and its key, DER of PKCS #8.
func ParseCA(cert *x509.Certificate, pkcs8 []byte) (*CA, error) {
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T cannot sign", key)
	}
	return &CA{Certificate: cert, Key: signer}, nil
}

// LeafOptions shape an end-entity certificate; the zero value is a P-256 TLS client and server certificate for a day.
type LeafOptions struct {
	Name                string // common name and DNS name; default "leaf.test"
	Subject             []byte // DER of the whole subject, instead of the common name: that of a CA, for who signs its CRLs with another key
	Serial              *big.Int
	Key                 KeyKind
	NotBefore, NotAfter time.Time
	OCSPServer          []string      // AIA OCSP responder URLs
	CRL                 []string      // CRL distribution point URLs
	KeyUsage            x509.KeyUsage // default digitalSignature
	ExtKeyUsage         []x509.ExtKeyUsage
	Extensions          []pkix.Extension
	Change              func(*x509.Certificate) // of the template, before it is signed
}

// Issue makes an end-entity certificate.
func (ca *CA) Issue(o LeafOptions) (*Pair, error) {
	key, err := NewKey(o.Key)
	if err != nil {
		return nil, err
	}
	name := orDefault(o.Name, "leaf.test")
	t := &x509.Certificate{
		SerialNumber: o.Serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: orTime(o.NotBefore, -time.Hour), NotAfter: orTime(o.NotAfter, 24*time.Hour),
		KeyUsage: o.KeyUsage, ExtKeyUsage: o.ExtKeyUsage, RawSubject: o.Subject,
		OCSPServer: o.OCSPServer, CRLDistributionPoints: o.CRL, ExtraExtensions: o.Extensions,
	}
	if t.SerialNumber == nil {
		t.SerialNumber = randomSerial()
	}
	if t.KeyUsage&x509.KeyUsageCRLSign != 0 {
		t.SubjectKeyId = t.SerialNumber.Bytes() // a CRL points at its signer by it (RFC 5280 §5.2.1)
	}
	if t.KeyUsage == 0 {
		t.KeyUsage = x509.KeyUsageDigitalSignature
	}
	if t.ExtKeyUsage == nil {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	}
	if o.Subject != nil {
		t.Subject, t.DNSNames = pkix.Name{}, nil
	}
	if o.Change != nil {
		o.Change(t)
	}
	cert, err := sign(t, ca.Certificate, key.Public(), ca.Key)
	return &Pair{Certificate: cert, Key: key}, err
}

// OCSPNoCheck is the id-pkix-ocsp-nocheck extension (RFC 6960 §4.2.2.2.1).
var OCSPNoCheck = pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, Value: []byte{5, 0}}

// IssueOCSPSigner makes a delegated OCSP signing certificate (RFC 6960 §4.2.2.2) with id-pkix-ocsp-nocheck.
func (ca *CA) IssueOCSPSigner(o LeafOptions) (*Pair, error) {
	o.Name = orDefault(o.Name, "ocsp.test")
	if o.ExtKeyUsage == nil {
		o.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	}
	o.Extensions = append([]pkix.Extension{OCSPNoCheck}, o.Extensions...)
	return ca.Issue(o)
}

// CRLOptions shape a CRL; the zero value is an empty CRL number 1 valid from a minute ago for a day.
type CRLOptions struct {
	Number                 *big.Int
	ThisUpdate, NextUpdate time.Time
	Entries                []x509.RevocationListEntry
	Extensions             []pkix.Extension
}

// CRL makes a signed CRL, DER.
func (ca *CA) CRL(o CRLOptions) ([]byte, error) {
	if o.Number == nil {
		o.Number = big.NewInt(1)
	}
	return x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: o.Number, ThisUpdate: orTime(o.ThisUpdate, -time.Minute), NextUpdate: orTime(o.NextUpdate, 24*time.Hour),
		RevokedCertificateEntries: o.Entries, ExtraExtensions: o.Extensions,
	}, ca.Certificate, ca.Key)
}

// CertificatePEM encodes a certificate.
func CertificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

// KeyPEM encodes a private key as PKCS #8.
func KeyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func sign(t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func randomSerial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] = b[0]&0x3f | 0x40
	return new(big.Int).SetBytes(b)
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

func orTime(t time.Time, d time.Duration) time.Time {
	if t.IsZero() {
		return time.Now().Add(d).UTC().Truncate(time.Second)
	}
	return t
}
