package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vetopki/veto/api"
	mirror "github.com/vetopki/veto/client"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
)

// fataler is a test, or one run of a property.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// mirrorRig is a server with its HTTP API, without fetching: CRLs come into its store by put. Its issuers: corp with a CRL and a delta CRL,
// users with a CRL of end entities only, home administered here, and spare, which is configured or not.
type mirrorRig struct {
	t         fataler
	dir       string
	rows      int // of the change log
	store     *store.Store
	judge     *judge
	directory *directory
	operator  *operator
	mirrored  *mirrored
	api       *api.API
	server    *httptest.Server
	http      atomic.Pointer[http.Handler]
	number    int
	spare     bool
	grace     time.Duration
}

var rigCAs = func() map[string]*x509.Certificate {
	m := map[string]*x509.Certificate{}
	for _, name := range []string{"corp", "users", "home", "spare", "stranger"} {
		ca, err := pkitest.NewCA(pkitest.CAOptions{Name: name})
		if err != nil {
			panic(err)
		}
		m[name] = ca.Certificate
	}
	return m
}()

const (
	corpURL, deltaURL, usersURL = "http://crl.test/corp.crl", "http://crl.test/corp+.crl", "http://crl.test/users.crl"
)

// onlyUsers is an issuing distribution point with onlyContainsUserCerts (RFC 5280 §5.2.5).
var onlyUsers = []byte{0x30, 0x03, 0x81, 0x01, 0xff}

func newMirrorRig(t fataler, rows int) *mirrorRig {
	t.Helper()
	base := "/dev/shm" // what is tested is not the disk
	if _, err := os.Stat(base); err != nil {
		base = ""
	}
	dir, err := os.MkdirTemp(base, "veto-mirror-")
	if err != nil {
		t.Fatal(err)
	}
	r := &mirrorRig{t: t, dir: dir, rows: rows}
	r.start("data")
	return r
}

// start opens a data directory and serves it, at the address served before.
func (r *mirrorRig) start(data string) {
	r.t.Helper()
	var err error
	if r.store, err = store.Open(filepath.Join(r.dir, data), store.Options{ChangeRows: r.rows}); err != nil {
		r.t.Fatal(err)
	}
	r.judge, r.directory = newJudge(r.store), newDirectory(r.store)
	r.mirrored = newMirrored(r.judge, r.directory)
	r.operator = &operator{store: r.store, directory: r.directory, responder: responder.New(responder.Options{Source: r.judge}),
		purged: func([]revocation.IssuerID, ...revocation.Serial) {}}
	r.configure()
	r.api, err = api.New(api.Options{Source: r.judge, Directory: r.directory, Refresher: r.operator, Pusher: r.operator, Admin: r.operator,
		Acceptor: r.operator, Feed: feed{r.store, r.directory}, Mirrored: r.mirrored, Ready: r.directory.Ready, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	handler := r.api.Handler()
	r.http.Store(&handler)
	if r.server == nil {
		r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { (*r.http.Load()).ServeHTTP(w, q) }))
	}
}

// restart stops the server and starts it with a data directory.
func (r *mirrorRig) restart(data string) {
	down := http.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	r.http.Store(&down)
	r.api.Drain()
	r.server.CloseClientConnections()
	r.api.Close()
	r.store.Close()
	r.start(data)
}

func (r *mirrorRig) close() {
	r.api.Drain()
	r.server.CloseClientConnections()
	r.server.Close()
	r.api.Close()
	r.store.Close()
	os.RemoveAll(r.dir)
}

func rigScope(issuer, url string) revocation.ScopeID {
	return revocation.ScopeIDOf(revocation.IssuerIDOf(rigCAs[issuer]), url)
}

// configure puts the configuration in force, as service.putInForce does.
func (r *mirrorRig) configure() {
	issuers := []config.Issuer{
		{Name: "corp", CRLs: []config.CRL{{URL: corpURL, Delta: deltaURL}}, Refresh: config.Refresh{StaleGrace: r.grace}},
		{Name: "users", CRLs: []config.CRL{{URL: usersURL}}}, {Name: "home"}}
	if r.spare {
		issuers = append(issuers, config.Issuer{Name: "spare"})
	}
	var known []knownIssuer
	scopes := map[revocation.IssuerID][]store.Scope{}
	for i := range issuers {
		c := &issuers[i]
		c.Certificate, c.Certificates = rigCAs[c.Name], []*x509.Certificate{rigCAs[c.Name]}
		k := knownIssuer{config: *c, keys: keysOf(*c)}
		k.Issuer = k.keys[0]
		for _, crl := range c.CRLs {
			k.sources = append(k.sources, sourceOf(k.Issuer, *c, crl, config.Egress{}))
			scopes[k.ID] = append(scopes[k.ID], k.sources[0].scope())
		}
		known = append(known, k)
	}
	r.store.SetScopes(scopes)
	r.judge.configure(issuers)
	r.directory.configure(known)
	r.mirrored.configured()
}

// crl is a CRL to put in force.
type crl struct {
	issuer, url string
	base        int // of a delta CRL
	lasts       time.Duration
	entries     map[string]revocation.Reason
}

// put puts a CRL in force; its number is the next one.
func (r *mirrorRig) put(c crl) {
	r.t.Helper()
	r.number++
	ca := rigCAs[c.issuer]
	id, scope := revocation.IssuerIDOf(ca), rigScope(c.issuer, c.url)
	now := time.Now().UTC().Truncate(time.Second)
	info := &revocation.CRLInfo{Issuer: id, Scope: scope, URL: c.url, Number: numberOf(r.number), ThisUpdate: now.Add(-time.Hour),
		NextUpdate: now.Add(c.lasts), Entries: len(c.entries), CRLIssuer: ca.RawSubject}
	copy(info.SHA256[:], fmt.Sprint("CRL ", r.number))
	if c.base > 0 {
		info.BaseNumber = numberOf(c.base)
	}
	if c.issuer == "users" {
		info.IDP, info.OnlyKind = onlyUsers, revocation.EndEntity
	}
	build, err := r.store.NewBuild(id, scope)
	if err != nil {
		r.t.Fatal(err)
	}
	for serial, reason := range c.entries {
		if err := build.Add(&revocation.Record{Serial: []byte(serial), RevokedAt: now.Unix() - int64(serial[0]), Reason: reason}); err != nil {
			r.t.Fatal(err)
		}
	}
	signed, err := r.store.TempFile()
	if err != nil {
		r.t.Fatal(err)
	}
	signed.Close()
	change, err := build.Commit(info, signed.Name(), revocation.SourceState{}, store.CommitOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.operator.crlChanged(change)
}

func numberOf(n int) revocation.CRLNumber { return revocation.CRLNumber(big.NewInt(int64(n)).Bytes()) }

func (r *mirrorRig) revoke(issuer, serial string, reason revocation.Reason) {
	_, _, _, err := r.operator.Revoke(context.Background(), api.RevokeRequest{Issuer: revocation.IssuerIDOf(rigCAs[issuer]), Serial: revocation.Serial(serial),
		Want: revocation.AdminRecord{Entry: revocation.Entry{Reason: reason}, RecordedAt: time.Now().UTC().Truncate(time.Second), By: "alice"}})
	_ = err // what contradicts a record is refused: that is no change
}

func (r *mirrorRig) release(issuer, serial string) {
	_, _, _, err := r.operator.Release(context.Background(), api.ReleaseRequest{Issuer: revocation.IssuerIDOf(rigCAs[issuer]), Serial: revocation.Serial(serial),
		By: "bob", Now: time.Now()})
	_ = err // so is the release of what is not on hold
}

// certificate is one of an issuer; that it is signed is the caller's word.
func certificateOf(issuer, serial string, isCA bool) *x509.Certificate {
	return &x509.Certificate{Version: 3, SerialNumber: revocation.Serial(serial).Big(), RawIssuer: rigCAs[issuer].RawSubject,
		BasicConstraintsValid: true, IsCA: isCA}
}

// running is a mirror that runs.
type running struct {
	*mirror.Mirror
	stop context.CancelFunc
	done chan error
}

func (r *mirrorRig) mirror(o mirror.MirrorOptions) *running {
	r.t.Helper()
	return runMirror(r.t, r.server.URL, o)
}

func runMirror(t fataler, url string, o mirror.MirrorOptions) *running {
	t.Helper()
	o.URL = url
	m, err := mirror.NewMirror(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	x := &running{m, cancel, make(chan error, 1)}
	go func() { x.done <- m.Run(ctx) }()
	return x
}

// end stops a mirror and waits for it.
func (x *running) end() {
	x.stop()
	<-x.done
}

// soon is how long a test waits for what is to happen: only for a failure.
const soon = 30 * time.Second

// eventually waits until what a mirror says is what it should be; differs says what is not, "" when nothing is.
func (r *mirrorRig) eventually(m *running, differs func() string) {
	r.t.Helper()
	late := time.After(soon)
	for {
		changed := m.Changed()
		was := differs()
		if was == "" {
			return
		}
		select {
		case <-changed:
		case <-late:
			r.t.Fatalf("%s; the mirror: %+v, the server is at %d", was, m.Status(), r.store.Generation())
		}
	}
}

func testRig(t *testing.T, rows int) *mirrorRig {
	r := newMirrorRig(t, rows)
	t.Cleanup(r.close)
	return r
}
