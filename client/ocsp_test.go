package client_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// book is the source of a responder: what it was told, and good to everything else.
type book struct {
	mu   sync.Mutex
	says map[revocation.Serial]revocation.Status
}

func (b *book) Status(_ revocation.IssuerID, serial revocation.Serial, now time.Time) revocation.CertStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	st, ok := b.says[serial]
	if !ok {
		return revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseNotListed, Fresh: true}
	}
	return revocation.CertStatus{Status: st, Because: revocation.BecauseAdmin, Reason: revocation.KeyCompromise, RevokedAt: now.Add(-time.Hour), Fresh: true}
}

// ocspServer is veto's own responder for the CA, with a signer of the CA's or of somebody else's.
func ocspServer(t *testing.T, p *pki, b *book, signer *pkitest.CA) (url string, asked *atomic.Int64) {
	t.Helper()
	issuer := revocation.Issuer{Name: "corp", ID: revocation.IssuerIDOf(p.issuer), Certificate: p.issuer}
	pair, err := signer.IssueOCSPSigner(pkitest.LeafOptions{Name: "ocsp"})
	if err != nil {
		t.Fatal(err)
	}
	s, _, err := responder.NewTrustedSigner(pair.Certificate, pair.Key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r := responder.New(responder.Options{Source: b})
	r.SetIssuers([]responder.Issuer{{Issuer: issuer, Signers: []*responder.Signer{s}, Validity: time.Hour}})
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked.Add(1)
		r.ServeHTTP(w, q)
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestOCSPAsksVerifiesAndKeeps(t *testing.T) {
	p := newPKI(t)
	bob, err := revocation.SerialFromBig(p.bob.Certificate.SerialNumber)
	if err != nil {
		t.Fatal(err)
	}
	b := &book{says: map[revocation.Serial]revocation.Status{bob: revocation.Revoked}}
	url, asked := ocspServer(t, p, b, p.ca)
	for _, nonce := range []bool{false, true} {
		asked.Store(0)
		c, err := client.NewOCSP(client.OCSPOptions{URL: url, Nonce: nonce})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			good, err := c.Check(t.Context(), p.alice.Certificate, p.issuer)
			if err != nil || good.Status != revocation.Good || good.From != url {
				t.Errorf("nonce %v: alice: got %+v, %v, want good", nonce, good, err)
			}
			gone, err := c.Check(t.Context(), p.bob.Certificate, p.issuer)
			if err != nil || gone.Status != revocation.Revoked || gone.Reason != revocation.KeyCompromise {
				t.Errorf("nonce %v: bob: got %+v, %v, want revoked for keyCompromise", nonce, gone, err)
			}
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("nonce %v: %d requests for two certificates", nonce, n)
		}
	}
}

func TestOCSPBelievesNobodyElse(t *testing.T) {
	p, other := newPKI(t), newPKI(t)
	url, _ := ocspServer(t, p, &book{}, other.ca)
	c, err := client.NewOCSP(client.OCSPOptions{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Check(t.Context(), p.alice.Certificate, p.issuer)
	if err == nil || got != (client.Answer{}) || revocation.RuleOf(err, "") != "signature" {
		t.Errorf("an answer signed by another CA's delegate: got %+v, %v, want unknown and a refusal of the signature of the delegate", got, err)
	}
}

func TestOCSPSharesARequest(t *testing.T) {
	p := newPKI(t)
	url, asked := ocspServer(t, p, &book{}, p.ca)
	c, err := client.NewOCSP(client.OCSPOptions{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	// One caller that gives up takes nobody else's answer away.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Check(ctx, p.alice.Certificate, p.issuer); err == nil {
		t.Log("the answer came before the context was looked at")
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got, err := c.Check(t.Context(), p.alice.Certificate, p.issuer); err != nil || got.Status != revocation.Good {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := asked.Load(); n >= 20 {
		t.Errorf("%d requests for one certificate", n)
	}
}

func TestOCSPWithoutAResponderIsAnError(t *testing.T) {
	p := newPKI(t)
	c, err := client.NewOCSP(client.OCSPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Check(t.Context(), p.alice.Certificate, p.issuer); err == nil || got.Status != revocation.Unknown {
		t.Errorf("got %+v, %v, want an error: the certificate names no responder", got, err)
	}
}
