package config

import (
	"crypto/x509"
	"time"
)

// The answers OCSP can give for a serial the CA's inventory does not have; see OCSP.NotIssued.
const (
	NotIssuedUnknown      = "unknown"      // signed unknown
	NotIssuedRevoked      = "revoked"      // signed extended revoke (RFC 6960 §4.4.8)
	NotIssuedUnauthorized = "unauthorized" // the unsigned error of that name
)

// How an answer names its signer; see OCSP.ResponderID.
const (
	ResponderByKey  = "key"
	ResponderByName = "name"
)

// What becomes of a client's nonce; see OCSP.Nonce.
const (
	NonceEcho   = "echo"
	NonceIgnore = "ignore"
)

// What is asked of signatures of requests; see OCSP.RequestSignature.
const (
	RequestSignatureIgnore  = "ignore"
	RequestSignatureVerify  = "verify"
	RequestSignatureRequire = "require"
)

// Which answers are signed before anyone asks; see OCSP.Presign.
const (
	PresignNone    = "none"
	PresignRevoked = "revoked"
	PresignIssued  = "issued" // and about all serials in the inventory
)

// OCSP says how an issuer's OCSP responses are made.
type OCSP struct {
	Validity         time.Duration // of a response, at most
	NotIssued        string        // one of the NotIssued constants
	ResponderID      string        // ResponderByKey or ResponderByName
	Nonce            string        // NonceEcho or NonceIgnore
	ArchiveCutoff    time.Duration // how long what is known of a certificate is kept after its end; zero: not stated
	CRLReference     bool          // name the CRL an answer rests on
	InvalidityDate   bool          // say since when a key is suspected
	RequestSignature string        // one of the RequestSignature constants
	Presign          string        // one of the Presign constants
}

// DefaultOCSP is how OCSP responses are made when nothing else is said.
func DefaultOCSP() OCSP {
	return OCSP{Validity: 10 * time.Minute, NotIssued: NotIssuedUnknown, ResponderID: ResponderByKey, Nonce: NonceEcho,
		RequestSignature: RequestSignatureIgnore, Presign: PresignNone}
}

func (r *reader) ocsp(v *value, i *Issuer) {
	var policy, ca *value
	o := &i.OCSP
	r.object(v, keys{
		"signer":   func(v *value) { r.signers(v, i) },
		"validity": func(v *value) { r.duration(v, &o.Validity, time.Minute, 10*day) },
		"not_issued": func(v *value) {
			r.choice(v, &o.NotIssued, NotIssuedUnknown, NotIssuedRevoked, NotIssuedUnauthorized)
		},
		"responder_id":    func(v *value) { r.choice(v, &o.ResponderID, ResponderByKey, ResponderByName) },
		"nonce":           func(v *value) { r.choice(v, &o.Nonce, NonceEcho, NonceIgnore) },
		"archive_cutoff":  func(v *value) { r.duration(v, &o.ArchiveCutoff, 0, 36500*day) },
		"crl_reference":   func(v *value) { r.boolean(v, &o.CRLReference) },
		"invalidity_date": func(v *value) { r.boolean(v, &o.InvalidityDate) },
		"request_signature": func(v *value) {
			policy = v
			r.choice(v, &o.RequestSignature, RequestSignatureIgnore, RequestSignatureVerify, RequestSignatureRequire)
		},
		"presign": func(v *value) {
			i.presignPos = v.pos
			r.choice(v, &o.Presign, PresignNone, PresignRevoked, PresignIssued)
		},
		"request_ca": func(v *value) { ca = v; i.RequestCAs = r.requestCAs(v) },
	})
	switch ignored := o.RequestSignature == RequestSignatureIgnore; {
	case ca == nil && !ignored:
		r.fault(policy.pos, "needs to know whose requests count; name the CAs that issue to requestors in request_ca")
	case ca != nil && policy == nil:
		r.warn(ca.key, "without effect: signatures of requests are ignored; say request_signature: verify, or require")
	}
}

// requestCAs reads the certificates of those who may sign requests, or of the CAs that issue to them.
func (r *reader) requestCAs(v *value) []*x509.Certificate {
	var name string
	if !r.path(v, &name) {
		return nil
	}
	return r.chain(v.pos, name)
}

// Responder is how OCSP is answered for all issuers together.
type Responder struct {
	CacheBytes int64         // memory for signed answers
	MaxAge     time.Duration // longest an HTTP cache may keep an answer
	MaxSigning int           // signatures in the making at once; zero: 32, or twice the processors
	MaxWaiting int           // requests that may wait for a signature

	PresignRate int // signatures a second made before anyone asks
}

// DefaultResponder is how when nothing else is said.
func DefaultResponder() Responder {
	return Responder{CacheBytes: 64 << 20, MaxAge: time.Minute, MaxWaiting: 1024, PresignRate: 50}
}

func (r *reader) responder(v *value, o *Responder) {
	r.object(v, keys{
		"cache":       func(v *value) { r.size(v, &o.CacheBytes, 1<<20, "to keep answers; allow at least 1MiB") },
		"max_age":     func(v *value) { r.duration(v, &o.MaxAge, time.Second, day) },
		"max_signing": func(v *value) { r.count(v, &o.MaxSigning, 1) },
		"max_waiting": func(v *value) { r.count(v, &o.MaxWaiting, 1) },

		"presign_rate": func(v *value) { r.count(v, &o.PresignRate, 1) },
	})
}
