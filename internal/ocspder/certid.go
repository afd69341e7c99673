package ocspder

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // RFC 6960 clients name issuers by SHA-1
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/revocation"
)

// CertID names one certificate (RFC 6960 §4.1.1): the hashes of its issuer's name and key, and its serial number.
type CertID struct {
	Raw      []byte      // the whole element as received, to be echoed: clients compare octets
	Hash     crypto.Hash // SHA-1, SHA-256, SHA-384 or SHA-512; 0 when the algorithm is another
	NameHash []byte
	KeyHash  []byte
	Serial   revocation.Serial
}

// hashes are the algorithms by which an issuer may be named; read only.
var hashes = [...]struct {
	hash crypto.Hash
	oid  string // content octets
}{
	{crypto.SHA1, "\x2b\x0e\x03\x02\x1a"},
	{crypto.SHA256, "\x60\x86\x48\x01\x65\x03\x04\x02\x01"},
	{crypto.SHA384, "\x60\x86\x48\x01\x65\x03\x04\x02\x02"},
	{crypto.SHA512, "\x60\x86\x48\x01\x65\x03\x04\x02\x03"},
}

// Hashes lists the algorithms by which an issuer may be named, SHA-1 first.
func Hashes() []crypto.Hash {
	list := make([]crypto.Hash, 0, len(hashes))
	for _, h := range hashes {
		list = append(list, h.hash)
	}
	return list
}

// CertIDFor names the certificate with a serial of an issuer by one of [Hashes].
func CertIDFor(hash crypto.Hash, issuer *x509.Certificate, serial revocation.Serial) (CertID, error) {
	name, key, err := IssuerHashes(hash, issuer)
	if err != nil {
		return CertID{}, err
	}
	id := CertID{Hash: hash, NameHash: name, KeyHash: key, Serial: serial}
	id.Raw, err = id.encode()
	return id, err
}

// IssuerHashes are the hashes of an issuer's name (DER of its subject) and of its key (the subjectPublicKey BIT STRING
// without tag, length and count of unused bits; RFC 6960 §4.1.1).
func IssuerHashes(hash crypto.Hash, issuer *x509.Certificate) (name, key []byte, err error) {
	if oidOf(hash) == "" {
		return nil, nil, fmt.Errorf("naming an issuer by %v: use SHA-1, SHA-256, SHA-384 or SHA-512", hash)
	}
	bits, err := publicKeyBits(issuer.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil, nil, err
	}
	h := hash.New()
	h.Write(issuer.RawSubject)
	name = h.Sum(nil)
	h.Reset()
	h.Write(bits)
	return name, h.Sum(nil), nil
}

// KeyHash is the SHA-1 hash by which byKey names a responder (RFC 6960 §4.2.1).
func KeyHash(responder *x509.Certificate) ([20]byte, error) {
	_, key, err := IssuerHashes(crypto.SHA1, responder)
	if err != nil {
		return [20]byte{}, err
	}
	return [20]byte(key), nil
}

// KeyAlgorithm is the kind of a certificate's key as its subjectPublicKeyInfo states it: the content octets of the OBJECT
// IDENTIFIER, and the DER of the parameters, nil when absent or NULL.
func KeyAlgorithm(c *x509.Certificate) (oid, parameters []byte, err error) {
	spki := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	var body cryptobyte.String
	if spki.ReadASN1(&body, asn1.SEQUENCE) {
		if oid, parameters, ok := readAlgorithm(&body); ok {
			return oid, parameters, nil
		}
	}
	return nil, nil, malformed("RFC 5280 §4.1.2.7", "subjectPublicKeyInfo has no algorithm")
}

// Names says whether id names the certificate with this serial of this issuer: by name, key and serial together, since
// two issuers may share a name (RFC 6960 §4.1.1).
func (id *CertID) Names(issuer *x509.Certificate, serial revocation.Serial) bool {
	if id.Serial != serial || id.Hash == 0 {
		return false
	}
	name, key, err := IssuerHashes(id.Hash, issuer)
	return err == nil && bytes.Equal(name, id.NameHash) && bytes.Equal(key, id.KeyHash)
}

func (id *CertID) encode() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(oidOf(id.Hash))) })
			b.AddASN1NULL()
		})
		b.AddASN1OctetString(id.NameHash)
		b.AddASN1OctetString(id.KeyHash)
		b.AddASN1(asn1.INTEGER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(id.Serial)) })
	})
	return b.Bytes()
}

// readCertID reads one CertID. A hash algorithm that is not known is no fault: nobody's name can match it.
func readCertID(s *cryptobyte.String, id *CertID) error {
	var raw, body, algorithm, oid, serial cryptobyte.String
	if !s.ReadASN1Element(&raw, asn1.SEQUENCE) {
		return malformed("RFC 6960 §4.1.1", "reqCert is not a SEQUENCE")
	}
	id.Raw = raw
	if !raw.ReadASN1(&body, asn1.SEQUENCE) ||
		!body.ReadASN1(&algorithm, asn1.SEQUENCE) ||
		!algorithm.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) || !validOID(oid) ||
		!body.ReadASN1((*cryptobyte.String)(&id.NameHash), asn1.OCTET_STRING) ||
		!body.ReadASN1((*cryptobyte.String)(&id.KeyHash), asn1.OCTET_STRING) ||
		!body.ReadASN1(&serial, asn1.INTEGER) || !body.Empty() {
		return malformed("RFC 6960 §4.1.1", "CertID is not {hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber}")
	}
	id.Hash = hashOf(oid)
	if !hashParameters(algorithm, id.Hash != 0) {
		return malformed("RFC 6960 §4.1.1", "parameters of the hash algorithm are neither absent nor NULL")
	}
	if err := revocation.CheckSerialDER(serial); err != nil {
		return malformed("X.690 §8.3.2", "%v", err)
	}
	id.Serial = revocation.Serial(serial)
	return nil
}

// hashParameters accepts parameters that are absent or NULL, which are both in use; of an unknown algorithm, any.
func hashParameters(rest cryptobyte.String, known bool) bool {
	if rest.Empty() {
		return true
	}
	var parameters cryptobyte.String
	var tag asn1.Tag
	if !rest.ReadAnyASN1(&parameters, &tag) || !rest.Empty() {
		return false
	}
	return !known || (tag == asn1.NULL && parameters.Empty())
}

func hashOf(oid []byte) crypto.Hash {
	for i := range hashes {
		if string(oid) == hashes[i].oid {
			return hashes[i].hash
		}
	}
	return 0
}

func oidOf(hash crypto.Hash) string {
	for i := range hashes {
		if hash == hashes[i].hash {
			return hashes[i].oid
		}
	}
	return ""
}

// publicKeyBits is the value of the BIT STRING inside a SubjectPublicKeyInfo.
func publicKeyBits(spki cryptobyte.String) ([]byte, error) {
	var body, bits cryptobyte.String
	if !spki.ReadASN1(&body, asn1.SEQUENCE) || !body.SkipASN1(asn1.SEQUENCE) ||
		!body.ReadASN1(&bits, asn1.BIT_STRING) || len(bits) == 0 {
		return nil, malformed("RFC 5280 §4.1.2.7", "subjectPublicKeyInfo has no BIT STRING")
	}
	return bits[1:], nil
}
