package main

import (
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
	"github.com/vetopki/veto/upstream"
)

// bench is a store with what answers from it, for one issuer.
type bench struct {
	*testing.T
	ca       *pkitest.CA
	id       revocation.IssuerID
	store    *store.Store
	judge    *judge
	operator *operator
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t}
	var err error
	if b.ca, err = pkitest.NewCA(pkitest.CAOptions{}); err != nil {
		t.Fatal(err)
	}
	b.id = revocation.IssuerIDOf(b.ca.Certificate)
	if b.store, err = store.Open(t.TempDir(), store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	b.judge = newJudge(b.store)
	b.judge.upstream = upstream.New(upstream.Options{Store: b.store})
	b.operator = &operator{store: b.store, directory: newDirectory(b.store), responder: responder.New(responder.Options{Source: b.judge}),
		purged: func([]revocation.IssuerID, ...revocation.Serial) {}}
	return b
}

// configure puts the settings of the issuer in force.
func (b *bench) configure(change func(*config.Issuer)) {
	i := config.Issuer{Name: "corp", Certificate: b.ca.Certificate, Certificates: []*x509.Certificate{b.ca.Certificate}, Inventory: config.InventoryOptional}
	change(&i)
	b.judge.configure([]config.Issuer{i})
	scopes := map[revocation.IssuerID][]store.Scope{b.id: nil}
	for _, c := range i.CRLs {
		scopes[b.id] = append(scopes[b.id], store.Scope{ID: revocation.ScopeIDOf(b.id, c.URL)})
	}
	b.store.SetScopes(scopes)
}

func withCRL(i *config.Issuer)    { i.CRLs = []config.CRL{{URL: "http://pki.test/ca.crl"}} }
func withAsking(i *config.Issuer) { i.Upstream = &config.Upstream{URLs: []string{"http://ocsp.test/"}} }

// takeCRL puts an empty CRL in force.
func (b *bench) takeCRL() {
	b.Helper()
	scope := revocation.ScopeIDOf(b.id, "http://pki.test/ca.crl")
	build, err := b.store.NewBuild(b.id, scope)
	if err != nil {
		b.Fatal(err)
	}
	f, err := b.store.TempFile()
	if err != nil {
		b.Fatal(err)
	}
	f.Close()
	now := time.Now().UTC().Truncate(time.Second)
	info := &revocation.CRLInfo{Issuer: b.id, Scope: scope, URL: "http://pki.test/ca.crl", Number: "\x01", ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour)}
	if _, err := build.Commit(info, f.Name(), revocation.SourceState{Issuer: b.id}, store.CommitOptions{}); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) want(fact string, serial revocation.Serial, status revocation.Status, because revocation.Because) {
	b.Helper()
	if st := b.judge.Status(b.id, serial, time.Now()); st.Status != status || st.Because != because {
		b.Errorf("%s: %s because %s, want %s because %s", fact, st.Status, st.Because, status, because)
	}
}

// TestWhatAResponderOnceRevokedStaysRevoked: also when it is not asked any more, until CRLs take its place.
func TestWhatAResponderOnceRevokedStaysRevoked(t *testing.T) {
	b := newBench(t)
	if _, err := b.store.SaveUpstream(b.id, "\x01", revocation.UpstreamFinding{Status: revocation.Revoked, ThisUpdate: time.Now().Add(-2 * time.Hour),
		NextUpdate: time.Now().Add(-time.Hour), Entry: revocation.Entry{RevokedAt: time.Now().Add(-3 * time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	b.configure(withAsking)
	b.want("it is asked", "\x01", revocation.Revoked, revocation.BecauseUpstream)
	b.want("another serial", "\x02", revocation.Unknown, revocation.BecauseNoCRL)
	b.configure(func(*config.Issuer) {})
	b.want("administered", "\x01", revocation.Revoked, revocation.BecauseUpstream)
	b.want("administered, another serial", "\x02", revocation.Good, revocation.BecauseNotListed)
	b.configure(withCRL)
	b.want("before the CRL came", "\x01", revocation.Revoked, revocation.BecauseUpstream)
	b.takeCRL()
	b.want("when the CRL speaks", "\x01", revocation.Good, revocation.BecauseNotListed)
	b.configure(func(i *config.Issuer) { withCRL(i); withAsking(i) })
	b.want("when both are asked", "\x01", revocation.Revoked, revocation.BecauseUpstream)
}

func TestOnlyWhatNothingElseAnswersIsAskedUpstream(t *testing.T) {
	for because, want := range map[revocation.Because]bool{revocation.BecauseNoCRL: true, revocation.BecauseStale: true, revocation.BecauseOutOfScope: true,
		revocation.BecauseNotYetValid: true, revocation.BecauseUpstream: true, revocation.BecauseNotListed: false, revocation.BecauseCRL: false,
		revocation.BecauseAdmin: false, revocation.BecauseNotIssued: false, revocation.BecauseFenced: false, revocation.BecauseRetained: false} {
		if got := wantsUpstream(&revocation.CertStatus{Because: because}); got != want {
			t.Errorf("%s: asked %v, want %v", because, got, want)
		}
	}
	if wantsUpstream(&revocation.CertStatus{Because: revocation.BecauseNoCRL, Source: revocation.SourceInventory}) {
		t.Error("no answer helps while the inventory is damaged")
	}
}

func TestASignerRevokedHereIsKnownWithoutItsOwnWord(t *testing.T) {
	b := newBench(t)
	b.configure(withAsking)
	if b.judge.revokedElsewhere(b.id, "\x01") {
		t.Error("nobody revoked it")
	}
	if _, err := b.store.SaveUpstream(b.id, "\x01", revocation.UpstreamFinding{Status: revocation.Revoked}); err != nil {
		t.Fatal(err)
	}
	if b.judge.revokedElsewhere(b.id, "\x01") {
		t.Error("its own responder said so")
	}
	if _, _, _, err := b.store.Revoke(b.id, "\x01", revocation.AdminRecord{RecordedAt: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if !b.judge.revokedElsewhere(b.id, "\x01") {
		t.Error("an administrator revoked it")
	}
}

func TestWithoutAnInventoryThatIsRequiredNothingCountsAsIssued(t *testing.T) {
	b := newBench(t)
	b.configure(func(*config.Issuer) {})
	b.want("optional", "\x01", revocation.Good, revocation.BecauseNotListed)
	b.configure(func(i *config.Issuer) { i.Inventory = config.InventoryRequired })
	b.want("required", "\x01", revocation.Unknown, revocation.BecauseNotIssued)
	if _, err := b.operator.PutInventory(t.Context(), api.InventoryRequest{Issuer: b.id, List: strings.NewReader("01\n"), Note: note()}); err != nil {
		t.Fatal(err)
	}
	b.want("in the list", "\x01", revocation.Good, revocation.BecauseNotListed)
	b.want("not in it", "\x02", revocation.Unknown, revocation.BecauseNotIssued)
}

func note() revocation.ChangeNote { return revocation.ChangeNote{By: "alice", At: time.Now()} }

// TestManySerialsAreAddedAtOnce: a few go beside the packed list, many into it.
func TestManySerialsAreAddedAtOnce(t *testing.T) {
	b := newBench(t)
	b.configure(func(*config.Issuer) {})
	if _, err := b.operator.PutInventory(t.Context(), api.InventoryRequest{Issuer: b.id, List: strings.NewReader("01"), Note: note()}); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{fewSerials - 1, fewSerials + 5} {
		var list strings.Builder
		for i := range n {
			fmt.Fprintf(&list, "0a%06x%06x\n", n, i)
		}
		c, err := b.operator.AddInventory(t.Context(), api.InventoryRequest{Issuer: b.id, List: strings.NewReader(list.String()), Note: note()})
		if err != nil || c.Added != uint64(n) {
			t.Errorf("%d serials: %+v, %v", n, c, err)
		}
	}
	if info, on := b.operator.Inventory(b.id); !on || info.Serials != 2*fewSerials+5 {
		t.Errorf("got %+v", info)
	}
	last, _ := revocation.ParseSerial(fmt.Sprintf("0a%06x%06x", fewSerials+5, fewSerials+4))
	b.want("the first", "\x01", revocation.Good, revocation.BecauseNotListed)
	b.want("the last", last, revocation.Good, revocation.BecauseNotListed)
	b.want("none of them", "\x02", revocation.Unknown, revocation.BecauseNotIssued)
}

// TestAnInventoryIsOfAllKeysOfACA: whichever key signed a certificate, its serial is in one list.
func TestAnInventoryIsOfAllKeysOfACA(t *testing.T) {
	b := newBench(t)
	next, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	nextID := revocation.IssuerIDOf(next.Certificate)
	put := func(id revocation.IssuerID, list string) {
		t.Helper()
		if _, err := b.operator.PutInventory(t.Context(), api.InventoryRequest{Issuer: id, List: strings.NewReader(list), Note: note()}); err != nil {
			t.Fatal(err)
		}
	}
	put(b.id, "01\n")
	both := config.Issuer{Name: "corp", Certificates: []*x509.Certificate{next.Certificate, b.ca.Certificate}}
	b.judge.configure([]config.Issuer{both})
	b.operator.directory.configure([]knownIssuer{{config: both, keys: keysOf(both), Issuer: keysOf(both)[0]}})
	for _, id := range []revocation.IssuerID{b.id, nextID} {
		for serial, want := range map[revocation.Serial]revocation.Status{"\x01": revocation.Good, "\x02": revocation.Unknown} {
			if st := b.judge.Status(id, serial, time.Now()); st.Status != want {
				t.Errorf("serial %x: %s because %s, want %s", serial, st.Status, st.Because, want)
			}
		}
	}
	put(nextID, "02\n") // replaces the list, whichever key is named
	b.want("after it was replaced", "\x01", revocation.Unknown, revocation.BecauseNotIssued)
	if info, on := b.operator.Inventory(nextID); !on || info.Serials != 1 || info.Issuer != b.id {
		t.Errorf("got %+v", info)
	}
}
