package crlfetch

import (
	"bytes"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is one source with a CA behind it and a server before it.
type rig struct {
	*updater
	t      *testing.T
	memory *memory
	ca     *pkitest.CA
	src    Source
	track  track
	server atomic.Pointer[http.HandlerFunc]
	log    bytes.Buffer
	swaps  []revocation.CRLChange
}

// newRig serves a rig over HTTP on loopback.
func newRig(t *testing.T) *rig {
	t.Helper()
	r := newRigWithoutServer(t)
	r.src.URL = r.listen().URL + "/ca.crl"
	return r
}

// listen serves what r.serve says last.
func (r *rig) listen() *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(r.ServeHTTP))
	r.t.Cleanup(s.Close)
	return s
}

func (r *rig) ServeHTTP(w http.ResponseWriter, req *http.Request) { (*r.server.Load())(w, req) }

func newRigWithoutServer(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, memory: newMemory(t), ca: newCA(t, pkitest.CAOptions{})}
	r.src = Source{Issuer: issuerOf("corp", r.ca.Certificate)}.withDefaults()
	r.updater = New(Options{Store: r.memory, Builder: r.memory, Jitter: func() float64 { return 0.5 },
		Log:      slog.New(slog.NewTextHandler(&r.log, nil)),
		OnChange: func(c revocation.CRLChange) { r.swaps = append(r.swaps, c) }}).updater
	return r
}

// serve says what the server does from now on.
func (r *rig) serve(h http.HandlerFunc) { r.server.Store(&h) }

// refresh does one refresh as the loop would.
func (r *rig) refresh() Result {
	r.t.Helper()
	if r.track.state.URL == "" {
		r.track = newTrack(r.src, r.memory.SourceState(r.src.Scope()), r.memory.CRLInfo(r.src.Scope()))
	}
	result, t := r.updater.refresh(r.t.Context(), r.src, r.track, trip{})
	r.track = t
	return result
}

// hold refreshes once with a good CRL, number 5 with serials 1 and 2.
func (r *rig) hold() {
	r.t.Helper()
	r.serve(serveBytes(r.crl(5, 1, 2)))
	if res := r.refresh(); !res.Changed {
		r.t.Fatalf("the first CRL was not taken: %+v", res)
	}
	r.wantHeld("5", "01", "02")
}

func (r *rig) wantHeld(number string, serials ...string) {
	r.t.Helper()
	gotNumber, gotSerials := r.memory.held(r.src.Scope())
	if gotNumber != number || !slices.Equal(gotSerials, serials) {
		r.t.Errorf("held is CRL %q with %v, want %q with %v", gotNumber, gotSerials, number, serials)
	}
}

// crl makes a CRL with a number and serials; it is the newer, the higher its number.
func (r *rig) crl(number int64, serials ...int64) []byte {
	r.t.Helper()
	return makeCRL(r.t, r.ca, number, serials...)
}

func makeCRL(t testing.TB, ca *pkitest.CA, number int64, serials ...int64) []byte {
	t.Helper()
	o := pkitest.CRLOptions{Number: big.NewInt(number), ThisUpdate: time.Now().Add(time.Duration(number-100) * time.Second)}
	for _, s := range serials {
		o.Entries = append(o.Entries, x509.RevocationListEntry{SerialNumber: big.NewInt(s), RevocationTime: time.Now().Add(-time.Hour)})
	}
	der, err := ca.CRL(o)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newCA(t testing.TB, o pkitest.CAOptions) *pkitest.CA {
	t.Helper()
	ca, err := pkitest.NewCA(o)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func issuerOf(name string, cert *x509.Certificate) revocation.Issuer {
	return revocation.Issuer{Name: name, ID: revocation.IssuerIDOf(cert), Certificate: cert}
}

func serveBytes(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pkix-crl")
		w.Write(body)
	}
}

// serveTagged answers conditional requests as a good server does.
func serveTagged(tag string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		serveBytes(body)(w, r)
	}
}

// lockedBuffer is a log that goroutines write and the test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
