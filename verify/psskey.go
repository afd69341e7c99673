package verify

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"

	"github.com/vetopki/veto/internal/crlder"
)

// pssKey is an RSA key that its certificate reserves for RSASSA-PSS (RFC 4055 §3.1). crypto/x509 does not read such keys; D-TRUST
// signs CRLs with one.
type pssKey struct {
	*rsa.PublicKey
	algorithm crlder.Algorithm // when it has parameters: the only digest, and the shortest salt
}

// parsePSSKey reads the subjectPublicKeyInfo of a certificate, nil when it is no such key.
func parsePSSKey(c *x509.Certificate) *pssKey {
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if rest, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &info); err != nil || len(rest) > 0 {
		return nil
	}
	algorithm, err := crlder.ParseAlgorithm(info.Algorithm.FullBytes)
	if err != nil || algorithm.Kind != crlder.RSAPSS || algorithm.Parameters && algorithm.Problem != "" {
		return nil
	}
	key, err := x509.ParsePKCS1PublicKey(info.Key.RightAlign())
	if err != nil {
		return nil
	}
	return &pssKey{key, algorithm}
}

// allows says whether the key may sign with the algorithm (RFC 4055 §3.3).
func (k *pssKey) allows(a *crlder.Algorithm) bool {
	return a.Kind == crlder.RSAPSS &&
		(!k.algorithm.Parameters || a.Hash == k.algorithm.Hash && a.SaltLength >= k.algorithm.SaltLength)
}
