package verify_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// signedCRL makes a small CRL signed in a way that crypto/x509 does not know.
func signedCRL(t testing.TB, ca *pkitest.CA, algorithmHex string, sign func(tbs []byte) ([]byte, error)) *crlder.CRL {
	t.Helper()
	algorithm, err := hex.DecodeString(strings.ReplaceAll(algorithmHex, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	tbs, err := asn1.Marshal(struct {
		Version           int
		Algorithm, Issuer asn1.RawValue
		This, Next        time.Time
	}{1, asn1.RawValue{FullBytes: algorithm}, asn1.RawValue{FullBytes: ca.Certificate.RawSubject}, noon, noon.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	signature, err := sign(tbs)
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct {
		TBS, Algorithm asn1.RawValue
		Signature      asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, asn1.RawValue{FullBytes: algorithm}, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, der)
}

func hashed(hash crypto.Hash, b []byte) []byte {
	h := hash.New()
	h.Write(b)
	return h.Sum(nil)
}

func TestRSAPSSSignaturesAreVerifiedWithTheirSalt(t *testing.T) {
	ca := newCA(t, pkitest.CAOptions{Key: pkitest.RSA2048})
	digests := map[crypto.Hash]string{crypto.SHA256: "01", crypto.SHA384: "02", crypto.SHA512: "03", crypto.SHA224: "04"}
	for hash, arc := range digests {
		for _, salt := range []int{0, 20, hash.Size(), 64} {
			oid := "0609 6086480165030402" + arc
			algorithm := fmt.Sprintf("3041 0609 2a864886f70d01010a 3034 a00f 300d %s 0500 a11c 301a 0609 2a864886f70d010108 300d %s 0500 a203 0201%02x", oid, oid, salt)
			sign := func(length int) func([]byte) ([]byte, error) {
				return func(tbs []byte) ([]byte, error) {
					o := &rsa.PSSOptions{SaltLength: length}
					if length == 0 {
						o.SaltLength = rsa.PSSSaltLengthAuto
					}
					return rsa.SignPSS(rand.Reader, ca.Key.(*rsa.PrivateKey), hash, hashed(hash, tbs), o)
				}
			}
			if err := judgeCRL(signedCRL(t, ca, algorithm, sign(salt)), ca.Certificate, noon, verify.CRLOptions{}); err != nil {
				t.Errorf("%v, salt %d: %v", hash, salt, err)
			}
			if salt == 0 {
				continue
			}
			err := judgeCRL(signedCRL(t, ca, algorithm, sign(salt+1)), ca.Certificate, noon, verify.CRLOptions{})
			if revocation.RuleOf(err, "") != "signature" {
				t.Errorf("%v, salt %d where %d is announced: got %v, want the rule signature", hash, salt+1, salt, err)
			}
		}
	}
}

func TestRSASignaturesOfEveryDigest(t *testing.T) {
	ca := newCA(t, pkitest.CAOptions{Key: pkitest.RSA2048})
	for hash, arc := range map[crypto.Hash]string{crypto.SHA1: "05", crypto.SHA256: "0b", crypto.SHA384: "0c", crypto.SHA512: "0d", crypto.SHA224: "0e"} {
		crl := signedCRL(t, ca, "300d 0609 2a864886f70d0101"+arc+" 0500", func(tbs []byte) ([]byte, error) {
			return rsa.SignPKCS1v15(nil, ca.Key.(*rsa.PrivateKey), hash, hashed(hash, tbs))
		})
		if err := judgeCRL(crl, ca.Certificate, noon, verify.CRLOptions{}); err != nil {
			t.Errorf("%v: %v", hash, err)
		}
		err := judgeCRL(crl, ca.Certificate, noon, verify.CRLOptions{RefuseSHA1: true})
		if refused := revocation.RuleOf(err, "") == "algorithm"; refused != (hash == crypto.SHA1) {
			t.Errorf("%v where SHA-1 is refused: got %v", hash, err)
		}
	}
}

// An RSA key reserved for PSS signs with the digest and at least the salt that its certificate names, and by nothing else.
func TestKeysReservedForPSSAreHeldToTheirParameters(t *testing.T) {
	ca := newCA(t, pkitest.CAOptions{Key: pkitest.RSA2048})
	const pss = "0609 2a864886f70d01010a"
	sha256 := "300d 0609 608648016503040201 0500"
	parameters := func(salt string) string {
		return "3034 a00f " + sha256 + " a11c 301a 0609 2a864886f70d010108 " + sha256 + " a203 0201" + salt
	}
	sha384 := "3041 " + pss + strings.ReplaceAll(parameters("20"), "608648016503040201", "608648016503040202")
	sign := func(hash crypto.Hash) func([]byte) ([]byte, error) {
		return func(tbs []byte) ([]byte, error) {
			return rsa.SignPSS(rand.Reader, ca.Key.(*rsa.PrivateKey), hash, hashed(hash, tbs), &rsa.PSSOptions{SaltLength: 32})
		}
	}
	plain := signedCRL(t, ca, "300d 0609 2a864886f70d01010b 0500", func(tbs []byte) ([]byte, error) {
		return rsa.SignPKCS1v15(nil, ca.Key.(*rsa.PrivateKey), crypto.SHA256, hashed(crypto.SHA256, tbs))
	})
	salted := signedCRL(t, ca, "3041 "+pss+parameters("20"), sign(crypto.SHA256))
	for _, row := range []struct {
		name, key string
		crl       *crlder.CRL
		rule      string
	}{
		{"any PSS when the key names no parameters", "300b " + pss, salted, ""},
		{"another digest when the key names no parameters", "300b " + pss, signedCRL(t, ca, sha384, sign(crypto.SHA384)), ""},
		{"the digest and salt of the key", "3041 " + pss + parameters("20"), salted, ""},
		{"a longer salt than the key asks for", "3041 " + pss + parameters("14"), salted, ""},
		{"a shorter salt than the key asks for", "3041 " + pss + parameters("21"), salted, "key"},
		{"another digest than the key's", "3041 " + pss + parameters("20"), signedCRL(t, ca, sha384, sign(crypto.SHA384)), "key"},
		{"PKCS #1 v1.5", "300b " + pss, plain, "key"},
		{"a key with broken parameters", "300d " + pss + "0500", salted, "key"},
	} {
		issuer := *ca.Certificate
		issuer.PublicKey, issuer.RawSubjectPublicKeyInfo = nil, keyInfo(t, row.key, ca.Key.Public().(*rsa.PublicKey))
		err := judgeCRL(row.crl, &issuer, noon, verify.CRLOptions{})
		if rule := revocation.RuleOf(err, ""); rule != row.rule || (err == nil) != (rule == "") {
			t.Errorf("%s: got %v, want rule %q", row.name, err, row.rule)
		}
	}
}

// keyInfo makes a subjectPublicKeyInfo.
func keyInfo(t testing.TB, algorithmHex string, key *rsa.PublicKey) []byte {
	t.Helper()
	algorithm, err := hex.DecodeString(strings.ReplaceAll(algorithmHex, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	bits := x509.MarshalPKCS1PublicKey(key)
	info, err := asn1.Marshal(struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}{asn1.RawValue{FullBytes: algorithm}, asn1.BitString{Bytes: bits, BitLength: 8 * len(bits)}})
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestSignatureAlgorithmsAreRefused(t *testing.T) {
	ca := newCA(t, pkitest.CAOptions{Key: pkitest.RSA2048})
	ed := newCA(t, pkitest.CAOptions{Key: pkitest.Ed25519})
	weak, odd := *ca.Certificate, *ca.Certificate
	weak.PublicKey = &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 511), E: 65537}
	odd.PublicKey = "no key"
	garbage := func([]byte) ([]byte, error) { return make([]byte, 256), nil }
	const sha256RSA = "300d 0609 2a864886f70d01010b 0500"
	for _, row := range []struct {
		name, algorithm string
		ca              *pkitest.CA
		issuer          *x509.Certificate
		rule, says      string
	}{
		{"MD5", "300d 0609 2a864886f70d010104 0500", ca, ca.Certificate, "algorithm", "can be forged"},
		{"MD2", "300d 0609 2a864886f70d010102 0500", ca, ca.Certificate, "algorithm", "can be forged"},
		{"unknown", "3005 0603 2a0304", ca, ca.Certificate, "algorithm", "1.2.3.4 is not known"},
		{"a signature of zeros", sha256RSA, ca, ca.Certificate, "signature", "does not verify"},
		{"an RSA key of 512 bits", sha256RSA, ca, &weak, "key", "512 bits"},
		{"a key of an unknown kind", sha256RSA, ca, &odd, "key", "not supported"},
		{"RSA with an Ed25519 key", sha256RSA, ed, ed.Certificate, "key", "Ed25519 key"},
		{"Ed25519 with an RSA key", "3005 0603 2b6570", ca, ca.Certificate, "key", "RSA key"},
		{"Ed25519 with zeros", "3005 0603 2b6570", ed, ed.Certificate, "signature", "does not verify"},
	} {
		err := judgeCRL(signedCRL(t, row.ca, row.algorithm, garbage), row.issuer, noon, verify.CRLOptions{})
		if rule := revocation.RuleOf(err, "none"); rule != row.rule || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: got rule %q, %v; want %q saying %q", row.name, rule, err, row.rule, row.says)
		}
	}
	crl := signedCRL(t, ed, "3005 0603 2b6570", func(tbs []byte) ([]byte, error) { return ed25519.Sign(ed.Key.(ed25519.PrivateKey), tbs), nil })
	if err := judgeCRL(crl, ed.Certificate, noon, verify.CRLOptions{}); err != nil {
		t.Errorf("Ed25519: %v", err)
	}
}
