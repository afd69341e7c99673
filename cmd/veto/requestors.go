package main

import (
	"crypto/x509"
	"time"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// requestors are those whose signed OCSP requests an issuer takes: who holds a certificate of one of the CAs. A certificate that
// is known here to be revoked counts no more, nor does one issued by such a CA.
type requestors struct {
	cas       []*x509.Certificate
	directory *directory
	judge     *judge
}

// Verify implements responder.Requestors.
func (r *requestors) Verify(q *ocspder.Request, now time.Time) error {
	path, err := verify.OCSPRequest(q, r.cas, now)
	if err != nil {
		return err
	}
	for _, c := range path {
		issuer, known := r.directory.ByCertificate(c)
		serial, err := revocation.SerialFromBig(c.SerialNumber)
		if !known || err != nil {
			continue
		}
		if r.judge.Status(issuer.ID, serial, now).Status == revocation.Revoked {
			return revocation.Refuse("revoked", "RFC 5280 §6.3", "the certificate %q of the requestor's path is revoked", c.Subject)
		}
	}
	return nil
}

// answers says how OCSP answers for the certificates of one key of an issuer.
func (s *service) answers(k *knownIssuer, key revocation.Issuer) (responder.Issuer, error) {
	o := &k.config.OCSP
	a := responder.Issuer{Issuer: key, Validity: o.Validity, ByName: o.ResponderID == config.ResponderByName,
		IgnoreNonce: o.Nonce == config.NonceIgnore, ArchiveCutoff: o.ArchiveCutoff, CRLReference: o.CRLReference, InvalidityDate: o.InvalidityDate}
	for _, o := range k.signersFor(key) {
		if o.signer != nil {
			a.Signers = append(a.Signers, o.signer)
		}
	}
	var err error
	if a.NotIssued, err = responder.ParseNotIssuedPolicy(o.NotIssued); err != nil {
		return a, err
	}
	if a.RequestSignature, err = responder.ParseRequestSignature(o.RequestSignature); err != nil {
		return a, err
	}
	if a.RequestSignature != responder.IgnoreSignature {
		a.Requestors = &requestors{cas: k.config.RequestCAs, directory: s.directory, judge: s.judge}
	}
	return a, nil
}
