package responder_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// book is a Source that says what it was told, and good to everything else.
type book struct {
	mu     sync.Mutex
	says   map[revocation.Serial]revocation.CertStatus
	asked  map[revocation.Serial]int
	before func() // runs at the start of every Status, outside the lock
}

func (b *book) Status(_ revocation.IssuerID, serial revocation.Serial, _ time.Time) revocation.CertStatus {
	if b.before != nil {
		b.before()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.asked == nil {
		b.asked = make(map[revocation.Serial]int)
	}
	b.asked[serial]++
	if st, ok := b.says[serial]; ok {
		return st
	}
	return revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseNotListed, Fresh: true}
}

func (b *book) set(serial revocation.Serial, st revocation.CertStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.says == nil {
		b.says = make(map[revocation.Serial]revocation.CertStatus)
	}
	b.says[serial] = st
}

func (b *book) timesAsked(serial revocation.Serial) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.asked[serial]
}

func revokedNow() revocation.CertStatus {
	return revocation.CertStatus{Status: revocation.Revoked, Because: revocation.BecauseAdmin, Reason: revocation.KeyCompromise,
		RevokedAt: time.Now().Truncate(time.Second), Fresh: true}
}

// world is a CA, its book, and a responder that answers for it with a delegate's key.
type world struct {
	ca        *pkitest.CA
	delegate  *pkitest.Pair
	issuer    revocation.Issuer
	book      *book
	responder *responder.Responder
	config    responder.Issuer
}

func newWorld(t testing.TB, change ...func(*responder.Options, *responder.Issuer)) *world {
	t.Helper()
	w := &world{ca: must(pkitest.NewCA(pkitest.CAOptions{})), book: new(book)}
	w.issuer = issuerOf(w.ca, "devices")
	w.delegate = must(w.ca.IssueOCSPSigner(pkitest.LeafOptions{}))
	signer, warnings, err := responder.NewSigner(w.delegate.Certificate, w.delegate.Key, w.issuer, time.Now())
	if err != nil || len(warnings) > 0 {
		t.Fatalf("signer: %v, warnings %q", err, warnings)
	}
	options := responder.Options{Source: w.book}
	w.config = responder.Issuer{Issuer: w.issuer, Signers: []*responder.Signer{signer}}
	for _, f := range change {
		f(&options, &w.config)
	}
	w.responder = responder.New(options)
	w.responder.SetIssuers([]responder.Issuer{w.config})
	return w
}

func issuerOf(ca *pkitest.CA, name string) revocation.Issuer {
	return revocation.Issuer{Name: name, ID: revocation.IssuerIDOf(ca.Certificate), Certificate: ca.Certificate}
}

func (w *world) id(serial revocation.Serial) ocspder.CertID {
	return must(ocspder.CertIDFor(crypto.SHA256, w.ca.Certificate, serial))
}

// request is an OCSPRequest for serials, by SHA-256, without nonce.
func (w *world) request(serials ...revocation.Serial) []byte {
	var ids []ocspder.CertID
	for _, s := range serials {
		ids = append(ids, w.id(s))
	}
	return must(ocspder.EncodeRequest(ids, nil))
}

func (w *world) withNonce(serial revocation.Serial, nonce string) []byte {
	return must(ocspder.EncodeRequest([]ocspder.CertID{w.id(serial)}, []byte(nonce)))
}

func (w *world) do(method, target string, body []byte, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, bytes.NewReader(body))
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/ocsp-request")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.responder.ServeHTTP(rec, req)
	return rec
}

func (w *world) post(request []byte) *httptest.ResponseRecorder {
	return w.do("POST", "/ocsp", request)
}

func (w *world) get(request []byte, header ...string) *httptest.ResponseRecorder {
	return w.do("GET", getPath(request), nil, header...)
}

// getPath is the path RFC 9919 §6 prescribes to clients.
func getPath(request []byte) string {
	return "/ocsp/" + url.QueryEscape(base64.StdEncoding.EncodeToString(request))
}

// read parses an answer and checks that the delegate signed it, that its times hold together and that it has no more than
// it needs.
func (w *world) read(t testing.TB, rec *httptest.ResponseRecorder) *ocspder.Response {
	t.Helper()
	if rec.Code != http.StatusOK || rec.Header().Get("Content-Type") != "application/ocsp-response" {
		t.Fatalf("HTTP %d %q: %q", rec.Code, rec.Header().Get("Content-Type"), rec.Body)
	}
	r, err := ocspder.ParseResponse(rec.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != ocspder.Successful {
		return r
	}
	signer := must(x509.ParseCertificate(r.Certificates[0]))
	if err := signer.CheckSignature(x509.ECDSAWithSHA256, r.TBS, r.Signature); err != nil || !signer.Equal(w.delegate.Certificate) {
		t.Fatalf("not signed by the delegate: %v", err)
	}
	if key := must(ocspder.KeyHash(signer)); !bytes.Equal(key[:], r.ResponderKeyHash) {
		t.Fatalf("responderID %x is not the signer's %x", r.ResponderKeyHash, key)
	}
	for _, s := range r.Singles {
		if s.ThisUpdate.After(r.ProducedAt) || !s.NextUpdate.After(time.Now()) || s.NextUpdate.After(signer.NotAfter) {
			t.Fatalf("thisUpdate %v, producedAt %v, nextUpdate %v, signer until %v", s.ThisUpdate, r.ProducedAt, s.NextUpdate, signer.NotAfter)
		}
	}
	return r
}

// status is the answer's status of its one certificate.
func (w *world) status(t testing.TB, rec *httptest.ResponseRecorder) revocation.Status {
	t.Helper()
	r := w.read(t, rec)
	if r.Status != ocspder.Successful || len(r.Singles) != 1 {
		t.Fatalf("got %v with %d SingleResponses, want one", r.Status, len(r.Singles))
	}
	return r.Singles[0].Status
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func readPEM(file string) (*x509.Certificate, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	return x509.ParseCertificate(block.Bytes)
}
