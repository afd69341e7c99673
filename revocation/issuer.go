package revocation

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
)

// IssuerID names an issuer: SHA-256 over the DER of its subject followed by the DER of its subjectPublicKeyInfo. Two
// issuers with one name and two keys are two issuers.
type IssuerID [sha256.Size]byte

// IssuerIDOf computes the IssuerID of a CA certificate.
func IssuerIDOf(ca *x509.Certificate) IssuerID {
	h := sha256.New()
	h.Write(ca.RawSubject)
	h.Write(ca.RawSubjectPublicKeyInfo)
	return IssuerID(h.Sum(nil))
}

// ParseIssuerID reads the 64 hexadecimal digits that String writes.
func ParseIssuerID(text string) (IssuerID, error) {
	var id IssuerID
	if len(text) != hex.EncodedLen(len(id)) {
		return id, fmt.Errorf("an IssuerID has %d hexadecimal digits, this has %d", hex.EncodedLen(len(id)), len(text))
	}
	_, err := hex.Decode(id[:], []byte(text))
	return id, err
}

// String is the IssuerID in lower-case hex.
func (id IssuerID) String() string { return hex.EncodeToString(id[:]) }

// Issuer is a certification authority whose certificates veto answers for.
type Issuer struct {
	Name        string // as configured: a-z, 0-9 and -
	ID          IssuerID
	Certificate *x509.Certificate
}

// ScopeID names one set of certificates whose revocations one series of CRLs lists: SHA-256 over the IssuerID followed by
// the source as configured (its URL). CRL numbers and thisUpdate only rise within a scope.
type ScopeID [sha256.Size]byte

// ScopeIDOf computes the ScopeID of one CRL source of an issuer.
func ScopeIDOf(issuer IssuerID, source string) ScopeID {
	h := sha256.New()
	h.Write(issuer[:])
	h.Write([]byte(source))
	return ScopeID(h.Sum(nil))
}

// String is the ScopeID in lower-case hex.
func (id ScopeID) String() string { return hex.EncodeToString(id[:]) }
