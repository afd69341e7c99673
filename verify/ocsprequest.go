package verify

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// OCSPRequest says whether the signature on a request may be believed at a moment (RFC 6960 §4.1.1, §4.1.2), and by whom it is:
// the path from the requestor's certificate to one of the roots. A root may be that certificate itself, which then need not
// come with the request. The certificate must be the one the requestorName names, by its subject or one of its alternative
// names, and be allowed to sign. Its revocation is for the caller to check.
//
// The rules of its refusals: unsigned, requestor, usage, path, and those of signatures: algorithm, key, signature.
func OCSPRequest(q *ocspder.Request, roots []*x509.Certificate, now time.Time) ([]*x509.Certificate, error) {
	if q.Signature == nil {
		return nil, revocation.Refuse("unsigned", "RFC 6960 §2.3", "the request is not signed")
	}
	if q.RequestorName == nil {
		return nil, revocation.Refuse("requestor", "RFC 6960 §4.1.1", "the request is signed but has no requestorName")
	}
	carried := requestCertificates(q.Signature)
	reason := error(revocation.Refuse("requestor", "RFC 6960 §4.1.1", "no certificate of the requestor it names came with the request, or is configured"))
	for _, c := range slices.Concat(carried, roots) {
		if !namesRequestor(q.RequestorName, c) {
			continue
		}
		path, err := requestorPath(q.Signature, c, carried, roots, now)
		if err == nil {
			return path, nil
		}
		reason = err
	}
	return nil, reason
}

// requestCertificates leaves out what cannot be read: it may be of no concern.
func requestCertificates(s *ocspder.RequestSignature) (list []*x509.Certificate) {
	for _, der := range s.Certificates {
		if c, err := x509.ParseCertificate(der); err == nil {
			list = append(list, c)
		}
	}
	return list
}

func requestorPath(s *ocspder.RequestSignature, c *x509.Certificate, carried, roots []*x509.Certificate, now time.Time) ([]*x509.Certificate, error) {
	err := verifySignature(&signedOctets{"the OCSP request", s.Algorithm, s.TBS, s.Value}, c, false)
	if err != nil {
		return nil, err
	}
	if hasKeyUsage(c) && c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return nil, revocation.Refuse("usage", "RFC 5280 §4.2.1.3", "the key usage of the requestor %q does not allow digital signatures", c.Subject)
	}
	paths, err := Paths(c, carried, roots, now)
	if err != nil {
		return nil, revocation.Refuse("path", "RFC 5280 §6.1", "no path from the requestor %q to a CA that is configured for requestors: %v", c.Subject, err)
	}
	return paths[0], nil
}

// namesRequestor says whether a GeneralName is the subject of a certificate or one of its alternative names (RFC 5280 §4.2.1.6).
func namesRequestor(name []byte, c *x509.Certificate) bool {
	input := cryptobyte.String(name)
	var directoryName cryptobyte.String
	if input.ReadASN1(&directoryName, cbasn1.Tag(4).ContextSpecific().Constructed()) {
		if bytes.Equal(directoryName, c.RawSubject) {
			return true
		}
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(oidSubjectAltName) {
			return containsElement(e.Value, name)
		}
	}
	return false
}

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// containsElement says whether a SEQUENCE has an element of these octets.
func containsElement(sequence, element []byte) bool {
	input := cryptobyte.String(sequence)
	var body cryptobyte.String
	if !input.ReadASN1(&body, cbasn1.SEQUENCE) {
		return false
	}
	for !body.Empty() {
		var tag cbasn1.Tag
		var item cryptobyte.String
		if !body.ReadAnyASN1Element(&item, &tag) {
			return false
		}
		if bytes.Equal(item, element) {
			return true
		}
	}
	return false
}
