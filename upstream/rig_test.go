package upstream

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/egress"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// book is a Store in memory.
type book struct {
	mu   sync.Mutex
	kept map[key]*revocation.UpstreamFinding
	full bool // nothing can be made durable
}

func (b *book) Upstream(issuer revocation.IssuerID, serial revocation.Serial) *revocation.UpstreamFinding {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kept[key{issuer, serial}]
}

func (b *book) SaveUpstream(issuer revocation.IssuerID, serial revocation.Serial, f revocation.UpstreamFinding) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return 0, revocation.ErrNotDurable
	}
	if b.kept == nil {
		b.kept = map[key]*revocation.UpstreamFinding{}
	}
	b.kept[key{issuer, serial}] = &f
	return 1, nil
}

func (b *book) ForgetUpstream(issuer revocation.IssuerID, serial revocation.Serial) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full {
		return 0, revocation.ErrNotDurable
	}
	delete(b.kept, key{issuer, serial})
	return 1, nil
}

// rig is a CA with an OCSP responder, on a network in memory, and a client that asks it. It lives in a synctest bubble.
type rig struct {
	t        *testing.T
	ca       *pkitest.CA
	delegate *pkitest.Pair
	issuer   Issuer
	store    *book
	client   *Client

	mu       sync.Mutex
	asked    []question                             // what the responder was asked
	answer   func(q question) ([]byte, int)         // a body and an HTTP status; default: says
	says     func(revocation.Serial) (single, bool) // default: good
	change   func(*response)                        // breaks a response
	dialed   []string
	changes  []revocation.Serial
	conns    chan net.Conn
	ended    chan struct{}
	stopping []func()
}

// question is one request that came to the responder.
type question struct {
	method, path string
	header       http.Header
	der          []byte
	request      *ocspder.Request
}

func (q question) serial() revocation.Serial { return q.request.CertIDs[0].Serial }

// single is what the responder says of a serial.
type single struct {
	status     revocation.Status
	reason     revocation.Reason
	this, next time.Duration // from now
}

// response is a response in the making.
type response struct {
	data     ocspder.ResponseData
	signer   crypto.Signer
	delegate []byte
	spoil    func(der []byte) []byte
}

// inBubble runs a test with a rig in a bubble.
func inBubble(t *testing.T, f func(r *rig), options ...func(*Options)) {
	bubble.Test(t, func(t *testing.T) {
		r := newRig(t, options...)
		defer r.stop()
		f(r)
	})
}

func newRig(t *testing.T, options ...func(*Options)) *rig {
	r := &rig{t: t, ca: must(pkitest.NewCA(pkitest.CAOptions{})), store: &book{}, conns: make(chan net.Conn), ended: make(chan struct{})}
	r.delegate = must(r.ca.IssueOCSPSigner(pkitest.LeafOptions{}))
	r.issuer = Issuer{Issuer: revocation.Issuer{Name: "corp", ID: revocation.IssuerIDOf(r.ca.Certificate), Certificate: r.ca.Certificate},
		URLs: []string{"http://ocsp.test/"}}
	o := Options{Store: r.store, Jitter: func() float64 { return 0.5 }, OnChange: func(_ revocation.IssuerID, s revocation.Serial) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.changes = append(r.changes, s)
	}}
	for _, f := range options {
		f(&o)
	}
	r.client = New(o)
	r.client.dial = r.dial
	r.use()
	r.start(func(ctx context.Context) error { return r.client.Run(ctx) })
	srv := &http.Server{Handler: http.HandlerFunc(r.serve)}
	r.start(func(ctx context.Context) error {
		context.AfterFunc(ctx, func() { srv.Close() })
		if err := srv.Serve(r); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	synctest.Wait()
	return r
}

// use puts the issuer, as it was changed, in force.
func (r *rig) use() { r.client.SetIssuers([]Issuer{r.issuer}) }

func (r *rig) start(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	r.stopping = append(r.stopping, func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
	})
}

func (r *rig) stop() {
	for _, f := range r.stopping {
		f()
	}
}

// The network: every host is the responder.

func (r *rig) dial(ctx context.Context, _, address string, _ egress.Rule) (net.Conn, error) {
	r.mu.Lock()
	r.dialed = append(r.dialed, address)
	r.mu.Unlock()
	if strings.HasPrefix(address, "down.") {
		return nil, errors.New("no route")
	}
	ours, theirs := net.Pipe()
	select {
	case r.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *rig) Accept() (net.Conn, error) {
	select {
	case c := <-r.conns:
		return c, nil
	case <-r.ended:
		return nil, net.ErrClosed
	}
}

func (r *rig) Close() error   { close(r.ended); return nil }
func (r *rig) Addr() net.Addr { return &net.TCPAddr{} }

func (r *rig) serve(w http.ResponseWriter, req *http.Request) {
	q := question{method: req.Method, path: req.URL.EscapedPath(), header: req.Header}
	if req.Method == http.MethodPost {
		q.der = must(io.ReadAll(req.Body))
	} else {
		q.der = must(base64.StdEncoding.DecodeString(must(url.PathUnescape(q.path[strings.LastIndex(q.path, "/")+1:]))))
	}
	q.request = must(ocspder.ParseRequest(q.der))
	r.mu.Lock()
	r.asked = append(r.asked, q)
	answer := r.answer
	r.mu.Unlock()
	if answer == nil {
		answer = func(q question) ([]byte, int) { return r.response(q), 200 }
	}
	body, status := answer(q)
	if status != 200 {
		http.Error(w, "no", status)
		return
	}
	w.Header().Set("Content-Type", "application/ocsp-response")
	w.Write(body)
}

// response answers a question as a responder does.
func (r *rig) response(q question) []byte {
	now, says := time.Now().Truncate(time.Second), single{status: revocation.Good, this: -time.Minute, next: time.Hour}
	r.mu.Lock()
	told, change := r.says, r.change
	r.mu.Unlock()
	if told != nil {
		var known bool
		if says, known = told(q.serial()); !known {
			return ocspder.ErrorResponse(ocspder.Unauthorized)
		}
	}
	s := ocspder.SingleResponse{CertID: q.request.CertIDs[0], Status: says.status, ThisUpdate: now.Add(says.this), NextUpdate: now.Add(says.next)}
	if says.status == revocation.Revoked {
		s.RevokedAt, s.Reason = revokedAt, says.reason
	}
	resp := &response{signer: r.delegate.Key, delegate: r.delegate.Certificate.Raw, data: ocspder.ResponseData{
		ProducedAt: now, Nonce: q.request.Nonce, Singles: []ocspder.SingleResponse{s}}}
	resp.by(r.delegate.Certificate)
	if change != nil {
		change(resp)
	}
	return resp.sign()
}

var revokedAt = time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC)

func (resp *response) by(signer *x509.Certificate) {
	resp.data.ResponderKeyHash = must(ocspder.KeyHash(signer))
}

// sign signs by ECDSA with SHA-256.
func (resp *response) sign() []byte {
	tbs := ocspder.AppendTBS(nil, &resp.data)
	sum := sha256.Sum256(tbs)
	signature := must(resp.signer.Sign(nil, sum[:], crypto.SHA256))
	der := ocspder.Assemble(tbs, must(hex.DecodeString("300a06082a8648ce3d040302")), signature, resp.delegate)
	if resp.spoil != nil {
		der = resp.spoil(der)
	}
	return der
}

// ask asks about a serial as a query does, waits until nothing happens any more, and returns what is known then.
func (r *rig) ask(serial revocation.Serial) *revocation.UpstreamFinding {
	r.client.Finding(r.issuer.ID, serial, time.Now(), true)
	synctest.Wait()
	return r.known(serial)
}

// known is what a query is told, the store's revocation before all.
func (r *rig) known(serial revocation.Serial) *revocation.UpstreamFinding {
	if f := r.store.Upstream(r.issuer.ID, serial); f != nil {
		return f
	}
	return r.client.Finding(r.issuer.ID, serial, time.Now(), false)
}

func (r *rig) wantStatus(fact string, serial revocation.Serial, want revocation.Status) {
	r.t.Helper()
	f := r.ask(serial)
	if f == nil || f.Status != want {
		r.t.Errorf("%s: got %+v, want %s; %s", fact, f, want, r.lastError())
	}
}

func (r *rig) lastError() string {
	report, _ := r.client.Report(r.issuer.ID, time.Now())
	return report.LastError
}

// times is how often the responder was asked.
func (r *rig) times() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.asked)
}

func (r *rig) lastAsked() question {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[len(r.asked)-1]
}

// set changes how the responder behaves.
func (r *rig) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *rig) saysAll(s single) {
	r.set(func() { r.says = func(revocation.Serial) (single, bool) { return s, true } })
}
