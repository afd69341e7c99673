package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vetopki/veto/internal/lane"
	"github.com/vetopki/veto/responder"
)

// public is the plain HTTP listener that certificates point at: CRLs, issuer certificates, OCSP. It routes on the escaped
// path itself: a router that cleans paths would break OCSP GET, whose base64 may hold "//" (RFC 6960 appendix A.1).
type public struct {
	directory *directory
	responder *responder.Responder
}

// ServeHTTP gives everything that is not a CRL, a certificate or a health check to the OCSP responder.
func (p *public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.RawPath // EscapedPath would prove what holds of every URL net/http parsed: a third of a cached GET
	if path == "" {
		path = r.URL.Path
	}
	if name, ok := strings.CutPrefix(path, "/crl/"); ok {
		p.get(w, r, name, p.serveCRL)
		return
	}
	if name, ok := strings.CutPrefix(path, "/issuer/"); ok {
		p.get(w, r, name, p.serveIssuer)
		return
	}
	if path == "/healthz" {
		p.get(w, r, "", func(w http.ResponseWriter, _ *http.Request, _ string) { fmt.Fprintln(w, "alive") })
		return
	}
	p.responder.ServeHTTP(w, r)
}

// Respond implements lane.Handler: the OCSP requests of ServeHTTP, when they are simple.
func (p *public) Respond(b []byte, r *lane.Request) ([]byte, bool) {
	if !r.Post && (bytes.HasPrefix(r.Target, []byte("/crl/")) || bytes.HasPrefix(r.Target, []byte("/issuer/")) || string(r.Target) == "/healthz") {
		return b, false
	}
	return p.responder.AppendHTTP(b, r.Post, r.Target, r.Body)
}

func (p *public) get(w http.ResponseWriter, r *http.Request, name string, serve func(http.ResponseWriter, *http.Request, string)) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "this address answers GET and HEAD only", http.StatusMethodNotAllowed)
		return
	}
	serve(w, r, name)
}

// serveIssuer serves an issuer's certificate, DER, as caIssuers needs it (RFC 5280 §4.2.2.1, RFC 2585 §4.1).
func (p *public) serveIssuer(w http.ResponseWriter, r *http.Request, file string) {
	name, ok := strings.CutSuffix(file, ".cer")
	k, found := p.directory.find(name)
	if !ok || !found {
		http.Error(w, "no certificate of that name; ask for /issuer/ISSUER.cer with a configured issuer", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/pkix-cert")
	w.Header().Set("ETag", strconv.Quote(k.key.ID.String()))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(k.key.Certificate.Raw))
}
