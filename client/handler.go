package client

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/vetopki/veto/revocation"
)

// Handler judges the client's certificate anew at every request, so that a connection made before a revocation serves nothing after
// it, and passes on what the guard lets in. Others get application/problem+json (RFC 9457): 401 without a verified client
// certificate, 403 when it is denied, and 503 when the policy wants an error where nothing is known; and the connection is closed after
// the answer. A Checker that keeps its answers makes this cheap. The TLS configuration must verify client certificates.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := g.request(r)
		denied, ok := errors.AsType[*Denied](err)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		writeProblem(w, denied)
	})
}

// request judges whom a request comes from.
func (g *Guard) request(r *http.Request) error {
	if r.TLS == nil {
		return g.VerifyState(r.Context(), tls.ConnectionState{})
	}
	return g.VerifyState(r.Context(), *r.TLS)
}

// refusal is how a denied client is told. It learns what is wrong with its certificate, and nothing of who was asked.
type refusal struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func refusalOf(d *Denied) refusal {
	const kind = "urn:veto:problem:"
	switch {
	case d.Finding == revocation.FoundNothing:
		return refusal{kind + "certificate-required", "A client certificate is required", http.StatusUnauthorized,
			"Connect with a client certificate that this server trusts."}
	case d.Decision == revocation.DecisionError:
		return refusal{kind + "undetermined", "Whether the certificate is revoked is not known", http.StatusServiceUnavailable,
			"The status of the client certificate could not be found out; try again later."}
	}
	return refusal{kind + "certificate-denied", "The client certificate is denied", http.StatusForbidden, d.Public()}
}

// Public is what the denied peer may be told: what is wrong with its certificate, and nothing of who was asked.
func (d *Denied) Public() string {
	switch {
	case d.Finding == revocation.FoundNothing:
		return "A certificate is required."
	case d.Finding == revocation.FoundRevoked && d.Depth > 0:
		return "The certificate of an issuer above the certificate is revoked."
	case d.Finding == revocation.FoundRevoked && d.Answer.Reason == revocation.CertificateHold:
		return "The certificate is on hold."
	case d.Finding == revocation.FoundRevoked:
		return "The certificate is revoked."
	case d.Finding == revocation.FoundInvalid:
		return "The certificate is not valid here."
	case d.Finding == revocation.FoundUnknown:
		return "The certificate or its issuer is not known here."
	}
	return "Whether the certificate is revoked could not be found out."
}

func writeProblem(w http.ResponseWriter, d *Denied) {
	p := refusalOf(d)
	body, err := json.Marshal(p)
	if err != nil {
		http.Error(w, p.Title, p.Status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close")
	w.WriteHeader(p.Status)
	w.Write(body)
}
