package explain

import (
	"bytes"
	"crypto/x509"
	"errors"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// statusMeanings says what a response without an answer means, and what it usually comes from.
var statusMeanings = map[ocspder.ResponseStatus]string{
	ocspder.MalformedRequest: "the responder could not read the request",
	ocspder.InternalError:    "something failed at the responder",
	ocspder.TryLater:         "the responder has no answer now: veto says so while its CRL is stale or missing, and while it cannot sign",
	ocspder.SigRequired:      "the responder answers signed requests only",
	ocspder.Unauthorized:     "the responder does not answer for this certificate: usually its issuer is not one it knows",
}

// response explains a response that the codec has read.
func (w *writer) response(der []byte, r *ocspder.Response) {
	if r.Status != ocspder.Successful {
		w.say(0, "RFC 6960 §2.3", "An OCSP response, %d octets, without an answer: %s (%d), unsigned.", len(der), r.Status, r.Status)
		w.say(1, "", "%s", statusMeanings[r.Status])
		return
	}
	w.say(0, "RFC 6960 §4.2", "An OCSP response, %d octets, about %s.", len(der), count(len(r.Singles), "certificate"))
	w.say(1, "RFC 6960 §2.4", "made at %s", stamp(r.ProducedAt))
	w.responder(r)
	extended := false
	for i := range r.Extensions {
		extended = extended || r.Extensions[i].IsExtendedRevoke()
	}
	for i := range r.Singles {
		w.single(i+1, &r.Singles[i], extended)
	}
	w.extensions(1, r.Extensions)
	if len(r.Certificates) == 0 {
		w.say(1, "RFC 9919 §3.2.2", "no certificates: the client must know the signer's")
	}
	w.certificates(1, r.Certificates)
	w.believable(r)
}

// responder says by whom the response says it is, and how it is signed.
func (w *writer) responder(r *ocspder.Response) {
	if r.ResponderName != nil {
		w.say(1, "RFC 6960 §4.2.2.3", "by the responder named %s", nameText(r.ResponderName))
	} else {
		w.say(1, "RFC 6960 §4.2.2.3", "by the responder whose key has the SHA-1 hash %x", r.ResponderKeyHash)
	}
	for n, der := range r.Certificates {
		if c, err := x509.ParseCertificate(der); err == nil && isResponder(r, c) {
			w.say(2, "", "that is certificate %d below, %q", n+1, c.Subject)
		}
	}
	for i := range w.options.Issuers {
		if isResponder(r, w.options.Issuers[i].Certificate) {
			w.say(2, "", "that is %s itself", describeIssuer(&w.options.Issuers[i]))
		}
	}
	w.say(1, "", "signed by %s, %d octets", algorithmName(r.SignatureAlgorithm), len(r.Signature))
}

func isResponder(r *ocspder.Response, c *x509.Certificate) bool {
	if r.ResponderName != nil {
		return bytes.Equal(r.ResponderName, c.RawSubject)
	}
	hash, err := ocspder.KeyHash(c)
	return err == nil && bytes.Equal(r.ResponderKeyHash, hash[:])
}

func (w *writer) single(n int, s *ocspder.SingleResponse, extended bool) {
	w.say(1, "", "certificate %d: serial %s is %s", n, s.CertID.Serial, s.Status)
	w.certID(2, &s.CertID)
	if s.Status == revocation.Revoked {
		w.say(2, "RFC 6960 §4.2.1", "revoked since %s, %s", stamp(s.RevokedAt), s.Reason)
		if extended && s.RevokedAt.Unix() == 0 && s.Reason == revocation.CertificateHold {
			w.say(2, "RFC 6960 §4.4.8", "on hold since 1970, with extended revoke: the CA never issued it")
		}
	}
	if s.NextUpdate.IsZero() {
		w.say(2, "RFC 9919 §5", "true at %s; no nextUpdate, so nothing says for how long", stamp(s.ThisUpdate))
	} else {
		w.say(2, "RFC 6960 §4.2.2.1", "true at %s, to be used until %s%s", stamp(s.ThisUpdate), stamp(s.NextUpdate), w.outside(s.ThisUpdate, s.NextUpdate))
	}
	w.extensions(2, s.Extensions)
}

// believable says of each certificate whose issuer is known whether the response may be believed about it.
func (w *writer) believable(r *ocspder.Response) {
	for i := range r.Singles {
		id := &r.Singles[i].CertID
		issuer := named(w.options.Issuers, id)
		if issuer == nil {
			continue
		}
		_, err := verify.OCSP(r, issuer.Certificate, id.Serial, w.options.Now, verify.OCSPOptions{})
		if refusal, ok := errors.AsType[*revocation.Refusal](err); ok {
			w.say(1, refusal.Section, "not to be believed about certificate %d: %s", i+1, refusal.Detail)
			continue
		}
		w.say(1, "RFC 6960 §3.2", "to be believed about certificate %d: the signature verifies, the signer may speak for the issuer, and it is in time", i+1)
	}
}
