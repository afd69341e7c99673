package config

import (
	"crypto"
	"crypto/x509"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Upstream is the CA's own OCSP responder, asked where nothing else answers.
type Upstream struct {
	URLs            []string      // http or https, in the order in which they are asked
	FromCertificate string        // the file of the certificate that URLs are from; empty: an operator wrote them
	Nonce           string        // one of the Nonce constants
	Hash            crypto.Hash   // by which the issuer is named in a CertID
	Every           time.Duration // between two questions about a serial that is asked for, at most
	Timeout         time.Duration // of one question
	Relay           bool          // its answers are given on as it signed them, where a request allows it
	Pos             Position

	issued *x509.Certificate // of FromCertificate
}

// What is done about nonces (RFC 9654); see Upstream.Nonce.
const (
	NonceOff      = "off"      // none is sent, so that caches on the way may answer
	NonceSent     = "sent"     // one is sent, and an answer without it is believed by its dates (RFC 9919 §5)
	NonceRequired = "required" // one is sent, and an answer without it is refused
)

// The ways of an issuer with its inventory; see Issuer.Inventory.
const (
	InventoryOptional = "optional" // without an inventory every serial counts as issued
	InventoryRequired = "required" // without one none does
)

// DefaultUpstream is how a CA's responder is asked when nothing else is said.
func DefaultUpstream() Upstream {
	return Upstream{Nonce: NonceOff, Hash: crypto.SHA1, Every: time.Hour, Timeout: 10 * time.Second}
}

func (r *reader) upstream(v *value) *Upstream {
	u := DefaultUpstream()
	u.Pos = v.pos
	if !r.object(v, keys{
		"url":              func(v *value) { u.Pos = v.pos; r.upstreamURL(v, &u) },
		"from_certificate": func(v *value) { u.Pos = v.pos; r.upstreamCertificate(v, &u) },
		"nonce":            func(v *value) { r.choice(v, &u.Nonce, NonceOff, NonceSent, NonceRequired) },
		"hash":             func(v *value) { r.upstreamHash(v, &u.Hash) },
		"every":            func(v *value) { r.duration(v, &u.Every, time.Minute, 30*day) },
		"timeout":          func(v *value) { r.duration(v, &u.Timeout, time.Second, time.Minute) },
		"relay":            func(v *value) { r.boolean(v, &u.Relay) },
	}) {
		return nil
	}
	switch from := has(v, "from_certificate"); {
	case from && has(v, "url"):
		r.fault(u.Pos, "give either url or from_certificate: the certificate says where the responder is")
	case !from && !r.need(v, "url", "say where the CA's OCSP responder is: http://… or https://…"):
		return nil
	}
	return &u
}

func (r *reader) upstreamURL(v *value, u *Upstream) {
	var text string
	if !r.text(v, &text) {
		return
	}
	parsed, err := url.Parse(text)
	if err != nil { // the error quotes the URL, which may hold a password
		r.fault(v.pos, "is no valid URL; write http://HOST/PATH, with unusual characters as %%XX")
		return
	}
	if problem := responderProblem(parsed); problem != "" {
		r.fault(v.pos, "%s", problem)
		return
	}
	u.URLs = []string{parsed.String()}
}

// responderProblem says why a URL is none of an OCSP responder, "" when it is one.
func responderProblem(u *url.URL) string {
	if u.Scheme != "http" && u.Scheme != "https" {
		return "OCSP responders are asked by http or https (RFC 6960 appendix A); write http://HOST/PATH"
	}
	return urlProblem(u)
}

func (r *reader) upstreamHash(v *value, into *crypto.Hash) {
	var word string
	if r.choice(v, &word, "sha1", "sha256") {
		*into = map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256}[word]
	}
}

// upstreamCertificate reads a certificate whose authority information access says where the responder is (RFC 5280 §4.2.2.1).
// Whether the issuer issued it is seen later, when the issuer is known.
func (r *reader) upstreamCertificate(v *value, u *Upstream) {
	if !r.path(v, &u.FromCertificate) {
		return
	}
	if u.issued = r.certificate(v.pos, u.FromCertificate, "leave only the one that the issuer issued"); u.issued == nil {
		return
	}
	for _, raw := range u.issued.OCSPServer {
		parsed, err := url.Parse(raw)
		problem := "it is no valid URL"
		if err == nil && !strings.ContainsFunc(raw, func(c rune) bool { return c < ' ' || c > '~' }) {
			problem = responderProblem(parsed)
		}
		switch {
		case problem != "":
			r.warn(v.pos, "%s names the OCSP responder %s, which is passed over: %s", u.FromCertificate, quoted(raw), problem)
		case !slices.Contains(u.URLs, raw):
			u.URLs = append(u.URLs, raw)
		}
	}
	if len(u.URLs) == 0 {
		r.fault(v.pos, "%s names no OCSP responder that can be asked; give its url", u.FromCertificate)
	}
}

// upstreamOf checks what an issuer says of the CA's responder together with the rest.
func (r *reader) upstreamOf(i *Issuer) {
	u := i.Upstream
	if u != nil && i.OCSP.Presign == PresignIssued {
		r.fault(i.presignPos, "would ask the CA's own responder about every serial in the inventory, over and over; say presign: revoked, or none")
	}
	if u == nil || u.issued == nil || i.Certificate == nil {
		return
	}
	if !i.issued(u.issued) {
		r.fault(u.Pos, "%s was not issued by %s (%s), so the OCSP responder it names says nothing of this issuer", u.FromCertificate, i.Name,
			i.Certificate.Subject)
	}
}
