package api_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

const (
	adminToken = "correct-horse-battery-staple"
	readToken  = "only-looking-around-here"
)

// world is every port, in memory: the issuer corp, whose CRL lists the serial 0a, and home, administered here.
type world struct {
	corp, home     *pkitest.CA
	corpID, homeID revocation.IssuerID
	crl            *revocation.CRLInfo

	mu         sync.Mutex
	records    map[revocation.IssuerID]map[revocation.Serial]revocation.AdminRecord
	generation uint64
	adminErr   error                                              // of every change, when set
	refresh    func(context.Context) ([]api.RefreshResult, error) // when set
	push       func(context.Context, string, io.Reader) (api.RefreshResult, error)
	issued     map[revocation.IssuerID]*revocation.InventoryInfo
	notReady   string
	stale      bool
	accepted   api.AcceptRequest
	changes    []api.ChangeObject
	changed    chan struct{}
	audited    int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{issued: map[revocation.IssuerID]*revocation.InventoryInfo{}, records: map[revocation.IssuerID]map[revocation.Serial]revocation.AdminRecord{}, generation: 7}
	for name, ca := range map[string]**pkitest.CA{"corp": &w.corp, "home": &w.home} {
		made, err := pkitest.NewCA(pkitest.CAOptions{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		*ca = made
	}
	w.corpID, w.homeID = revocation.IssuerIDOf(w.corp.Certificate), revocation.IssuerIDOf(w.home.Certificate)
	now := time.Now().UTC().Truncate(time.Second)
	w.crl = &revocation.CRLInfo{Issuer: w.corpID, URL: "http://pki.test/corp.crl?a=1&b=2", Number: "\x04\x12",
		ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour), Entries: 1}
	return w
}

func (w *world) issuers() []revocation.Issuer {
	return []revocation.Issuer{{Name: "corp", ID: w.corpID, Certificate: w.corp.Certificate},
		{Name: "home", ID: w.homeID, Certificate: w.home.Certificate}}
}

func (w *world) Status(id revocation.IssuerID, serial revocation.Serial, now time.Time) revocation.CertStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	ev := revocation.Evidence{Generation: w.generation, Administered: id == w.homeID}
	switch {
	case id == w.corpID:
		info := *w.crl
		if w.stale {
			info.NextUpdate = now.Add(-time.Minute)
		}
		ev.CRLs = []revocation.CRLFinding{{Info: &info, Covers: info.Coverage(), Listed: serial == "\x0a",
			Entry: revocation.Entry{RevokedAt: w.crl.ThisUpdate, Reason: revocation.KeyCompromise}}}
	case id != w.homeID:
		return revocation.CertStatus{Because: revocation.BecauseUnknownIssuer, Generation: w.generation}
	}
	if r, ok := w.records[id][serial]; ok {
		ev.Admin = &r
	}
	return revocation.Decide(&ev, now)
}

// CertificateStatus answers by serial, but for CA certificates that nobody revoked, of which the CRL does not speak.
func (w *world) CertificateStatus(id revocation.IssuerID, c *x509.Certificate, now time.Time) revocation.CertStatus {
	serial, _ := revocation.SerialFromBig(c.SerialNumber)
	st := w.Status(id, serial, now)
	if c.IsCA && st.Status != revocation.Revoked {
		return revocation.CertStatus{Because: revocation.BecauseOutOfScope, Generation: st.Generation}
	}
	return st
}

// JudgedStatus is the same.
func (w *world) JudgedStatus(id revocation.IssuerID, c *verify.Judged, now time.Time) revocation.CertStatus {
	return w.CertificateStatus(id, c.Certificate, now)
}

func (w *world) Accept(_ context.Context, r api.AcceptRequest) ([]api.AcceptResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.adminErr != nil:
		return nil, w.adminErr
	case r.URL != "" && r.URL != w.crl.URL:
		return nil, revocation.Refuse("source", "", "the issuer has no CRL source with this URL")
	case w.crl.Retained == 0:
		return nil, revocation.ErrNoRetained
	}
	result := api.AcceptResult{URL: w.crl.URL, Outcome: "kept", Serials: w.crl.Retained, Generation: w.generation}
	if !r.Keep {
		result.Outcome, w.crl.Retained = "dropped", 0
	}
	w.accepted = r
	return []api.AcceptResult{result}, nil
}

// change adds a row to the change log.
func (w *world) change(c api.ChangeObject) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.generation++
	c.Generation = w.generation
	w.changes = append(w.changes, c)
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

func (w *world) Changes(since uint64, limit int) (rows []api.ChangeObject, newest uint64, complete bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.changes {
		if c.Generation > since && len(rows) < limit {
			rows = append(rows, c)
		}
	}
	return rows, w.generation, since <= w.generation && since >= w.generation-uint64(len(w.changes)), nil
}

func (w *world) Changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}

func (w *world) Audit(after uint64, limit int) (rows []api.AuditObject, err error) {
	for seq := after + 1; seq <= uint64(w.audited) && len(rows) < limit; seq++ {
		rows = append(rows, api.AuditObject{Seq: seq, By: "alice", Action: "created", Prev: fmt.Sprint(seq - 1)})
	}
	return rows, nil
}

func (w *world) Resolve(name string) (revocation.Issuer, bool) {
	for _, i := range w.issuers() {
		if i.Name == name || i.ID.String() == name {
			return i, true
		}
	}
	return revocation.Issuer{}, false
}

func (w *world) ByCertificate(c *x509.Certificate) (revocation.Issuer, bool) {
	for _, i := range w.issuers() {
		if bytes.Equal(i.Certificate.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(i.Certificate) == nil {
			return i, true
		}
	}
	return revocation.Issuer{}, false
}

func (w *world) Issuers() []api.IssuerReport {
	var list []api.IssuerReport
	for _, i := range w.issuers() {
		r := api.IssuerReport{Name: i.Name, IssuerID: i.ID.String(), Administered: i.Name == "home"}
		if !r.Administered {
			r.Sources = []api.SourceReport{{URL: w.crl.URL, CRLNumber: "1042", ThisUpdate: w.crl.ThisUpdate, Fresh: true, Freshness: "fresh"}}
		}
		list = append(list, r)
	}
	return list
}

func (w *world) Issuer(name string) (api.IssuerReport, bool) {
	issuer, ok := w.Resolve(name)
	for _, r := range w.Issuers() {
		if ok && r.Name == issuer.Name {
			return r, true
		}
	}
	return api.IssuerReport{}, false
}

func (w *world) Refresh(ctx context.Context, _ revocation.IssuerID) ([]api.RefreshResult, error) {
	if w.refresh != nil {
		return w.refresh(ctx)
	}
	return []api.RefreshResult{{URL: w.crl.URL, Outcome: "changed", Added: 2, CRLNumber: "1043", Generation: 8}}, nil
}

func (w *world) Push(ctx context.Context, _ revocation.IssuerID, source string, body io.Reader) (api.RefreshResult, error) {
	return w.push(ctx, source, body)
}

func (w *world) Revoke(_ context.Context, r api.RevokeRequest) (revocation.AdminRecord, revocation.Outcome, uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.adminErr != nil {
		return revocation.AdminRecord{}, 0, 0, w.adminErr
	}
	var standing *revocation.AdminRecord
	if s, ok := w.records[r.Issuer][r.Serial]; ok {
		standing = &s
	}
	next, outcome, err := standing.Amend(r.Want)
	if err == nil && outcome != revocation.Unchanged {
		w.generation++
		if w.records[r.Issuer] == nil {
			w.records[r.Issuer] = map[revocation.Serial]revocation.AdminRecord{}
		}
		w.records[r.Issuer][r.Serial] = next
	}
	return next, outcome, w.generation, err
}

func (w *world) Release(_ context.Context, r api.ReleaseRequest) (revocation.AdminRecord, revocation.Outcome, uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.adminErr != nil {
		return revocation.AdminRecord{}, 0, 0, w.adminErr
	}
	var standing *revocation.AdminRecord
	if s, ok := w.records[r.Issuer][r.Serial]; ok {
		standing = &s
	}
	next, err := standing.Release(r.By, r.Comment, r.Now)
	if err == nil {
		w.generation++
		w.records[r.Issuer][r.Serial] = next
	}
	return next, revocation.Lifted, w.generation, err
}

func (w *world) Revocations(id revocation.IssuerID, after revocation.Serial, limit int) ([]revocation.Listing, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var rows []revocation.Listing
	if id == w.corpID {
		rows = append(rows, revocation.Listing{Serial: "\x0a", Source: revocation.SourceCRL,
			Entry: revocation.Entry{RevokedAt: w.crl.ThisUpdate, Reason: revocation.KeyCompromise}})
	}
	for serial, r := range w.records[id] {
		if id == w.corpID && serial == "\x0a" {
			continue // the CRL's row stands for both
		}
		rows = append(rows, revocation.Listing{Serial: serial, Entry: r.Entry, Source: revocation.SourceAdmin, Released: r.Released,
			By: r.By, Comment: r.Comment})
	}
	slices.SortStableFunc(rows, func(a, b revocation.Listing) int { return strings.Compare(string(a.Serial), string(b.Serial)) })
	rows = slices.DeleteFunc(rows, func(l revocation.Listing) bool { return l.Serial <= after })
	return rows[:min(limit, len(rows))], nil
}

func (w *world) ready(time.Time) []api.IssuerReadiness {
	return []api.IssuerReadiness{{Issuer: "corp", Required: true, Ready: w.notReady == "", Problem: w.notReady},
		{Issuer: "home", Required: false, Ready: false, Problem: "not required"}}
}

// server is an API over a world, with what it logged.
type server struct {
	*world
	api *api.API
	log *syncBuffer
}

func newServer(t testing.TB, change func(*api.Options)) *server {
	t.Helper()
	s := &server{world: newWorld(t), log: &syncBuffer{}}
	o := api.Options{Source: s, Directory: s, Refresher: s.world, Pusher: s, Admin: s, Acceptor: s, Feed: s, Inventories: s, Ready: s.ready,
		AdminTokens: tokens(t, "alice "+adminToken), Log: slog.New(slog.NewTextHandler(s.log, nil)), Version: "test"}
	if change != nil {
		change(&o)
	}
	a, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	s.api = a
	return s
}

func tokens(t testing.TB, contents string) *api.TokenFile {
	t.Helper()
	f, err := api.NewTokenFile([]byte(contents))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// header is one request header, as "Name: value".
type header string

const asAlice header = "Authorization: Bearer " + adminToken

const jsonBody header = "Content-Type: application/json"

// do sends a request through the handler. A panic of a handler fails the test.
func (s *server) do(t testing.TB, method, target, body string, headers ...header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(string(h), ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.api.Handler().ServeHTTP(w, r)
	if strings.Contains(s.log.String(), "panic") {
		t.Fatalf("%s %s panicked: %s", method, target, s.log.String())
	}
	return w
}

// problem decodes a problem and checks what holds for all of them.
func problem(t testing.TB, w *httptest.ResponseRecorder) api.Problem {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("not a problem: %v: %s", err, w.Body)
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type %q of a problem", ct)
	}
	if p.Status != w.Code || p.Title == "" || p.Detail == "" || !strings.HasPrefix(p.Type, api.ProblemPrefix) {
		t.Errorf("problem is not complete: code %d, body %s", w.Code, w.Body)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a problem may be stored: Cache-Control %q", w.Header().Get("Cache-Control"))
	}
	return p
}

// wantProblem checks the status and kind of a problem.
func wantProblem(t testing.TB, w *httptest.ResponseRecorder, code int, kind string) api.Problem {
	t.Helper()
	if w.Code != code {
		t.Fatalf("code %d, want %d: %s", w.Code, code, w.Body)
	}
	p := problem(t, w)
	if p.Type != api.ProblemPrefix+kind {
		t.Fatalf("type %s, want %s: %s", p.Type, kind, w.Body)
	}
	return p
}

func decode[T any](t testing.TB, w *httptest.ResponseRecorder, code int) T {
	t.Helper()
	var v T
	if w.Code != code {
		t.Fatalf("code %d, want %d: %s", w.Code, code, w.Body)
	}
	if ct := w.Header().Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type %q", ct)
	}
	dec := json.NewDecoder(w.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("decoding: %v", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		t.Errorf("something follows the JSON: %v", err)
	}
	return v
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// lines are the admin lines logged since the last call.
func (s *syncBuffer) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for line := range strings.Lines(s.b.String()) {
		if strings.Contains(line, "msg=admin") {
			list = append(list, line)
		}
	}
	s.b.Reset()
	return list
}
