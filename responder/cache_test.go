package responder_test

import (
	"bytes"
	"crypto"
	"errors"
	"net/http/httptest"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

func TestAnAnswerIsKeptUntilHalfItsLife(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first := w.post(w.request("\x01")).Body.Bytes()
		time.Sleep(5*time.Minute - time.Second)
		if again := w.post(w.request("\x01")).Body.Bytes(); !bytes.Equal(first, again) {
			t.Error("signed again before half of its life")
		}
		time.Sleep(time.Second)
		if again := w.post(w.request("\x01")).Body.Bytes(); bytes.Equal(first, again) {
			t.Error("not signed again at half of its life")
		}
	})
}

// TestAKeyThatFailsLeavesKeptAnswersInForce: an outage of the key is not seen by those who ask for what is kept, until it ends.
func TestAKeyThatFailsLeavesKeptAnswersInForce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, d := withDevice(t, func(*responder.Options) {})
		first := w.get(w.request("\x01")).Body.Bytes()
		d.fault = errors.New("the token was pulled")
		for _, wait := range []time.Duration{6 * time.Minute, 4*time.Minute - time.Second} {
			time.Sleep(wait)
			for range 3 {
				if again := w.get(w.request("\x01")).Body.Bytes(); !bytes.Equal(first, again) {
					t.Errorf("%v later the kept answer was not given: %x", wait, again)
				}
			}
		}
		time.Sleep(time.Second)
		wantError(t, w.get(w.request("\x01")), ocspder.TryLater)
		d.fault = nil
		w.status(t, w.get(w.request("\x01")))

		d.fault = errors.New("again")
		w.book.set("\x01", revokedNow())
		w.responder.Purge(w.issuer.ID, "\x01")
		wantError(t, w.get(w.request("\x01")), ocspder.TryLater) // a change makes the kept answer useless
	})
}

// TestARenewalHoldsNobodyUp: while one request waits for a slow key, the others are given the answer that still holds.
func TestARenewalHoldsNobodyUp(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, d := withDevice(t, func(*responder.Options) {})
		first := w.post(w.request("\x01")).Body.Bytes()
		w.get(w.request("\x01"))
		time.Sleep(6 * time.Minute)
		d.delay = make(chan struct{})
		var renewed []byte
		var group sync.WaitGroup
		group.Go(func() { renewed = w.post(w.request("\x01")).Body.Bytes() })
		synctest.Wait()
		for _, rec := range []*httptest.ResponseRecorder{w.post(w.request("\x01")), w.get(w.request("\x01"))} {
			if !bytes.Equal(rec.Body.Bytes(), first) {
				t.Errorf("during the renewal: %x", rec.Body)
			}
		}
		close(d.delay)
		group.Wait()
		if bytes.Equal(renewed, first) {
			t.Error("the request that renewed was given the old answer")
		}
		for _, rec := range []*httptest.ResponseRecorder{w.post(w.request("\x01")), w.get(w.request("\x01"))} {
			if !bytes.Equal(rec.Body.Bytes(), renewed) {
				t.Error("after the renewal the old answer was given")
			}
		}
	})
}

func TestPurgeReachesEveryForm(t *testing.T) {
	w := newWorld(t)
	var forms [][]byte
	for _, hash := range ocspder.Hashes() {
		id := must(ocspder.CertIDFor(hash, w.ca.Certificate, "\x01"))
		forms = append(forms, must(ocspder.EncodeRequest([]ocspder.CertID{id}, nil)))
	}
	all := func(want revocation.Status) {
		t.Helper()
		for _, request := range forms {
			for range 2 {
				if got := w.status(t, w.post(request)); got != want {
					t.Errorf("POST: %v, want %v", got, want)
				}
				if got := w.status(t, w.get(request)); got != want {
					t.Errorf("GET: %v, want %v", got, want)
				}
			}
		}
	}
	all(revocation.Good)
	w.book.set("\x01", revokedNow())
	all(revocation.Good) // nobody said it yet
	w.responder.Purge(w.issuer.ID, "\x01")
	all(revocation.Revoked)
	w.book.set("\x01", revocation.CertStatus{Status: revocation.Good, Fresh: true})
	w.responder.PurgeIssuer(w.issuer.ID)
	all(revocation.Good)
	w.responder.Purge(revocation.IssuerID{}, "\x01")
	w.responder.PurgeIssuer(revocation.IssuerID{})
}

// TestAnAnswerOvertakenByAPurgeIsNotGiven holds the source open, changes the serial, purges, and lets go: the answer made
// from the old evidence must reach neither the cache nor a client.
func TestAnAnswerOvertakenByAPurgeIsNotGiven(t *testing.T) {
	for name, request := range map[string]func(w *world) []byte{
		"one certificate": func(w *world) []byte { return w.request("\x01") },
		"with a nonce":    func(w *world) []byte { return w.withNonce("\x01", "0123456789abcdef") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w, d := withDevice(t, func(*responder.Options) {})
				d.delay = make(chan struct{})
				var early, late revocation.Status
				var group sync.WaitGroup
				group.Go(func() { early = w.status(t, w.post(request(w))) })
				synctest.Wait() // the evidence is read, the signature hangs
				w.book.set("\x01", revokedNow())
				w.responder.Purge(w.issuer.ID, "\x01")
				group.Go(func() { late = w.status(t, w.post(request(w))) }) // joins the flight that began before
				synctest.Wait()
				close(d.delay)
				group.Wait()
				if early != revocation.Revoked || late != revocation.Revoked {
					t.Errorf("early %v, late %v; want both revoked", early, late)
				}
				if got := w.status(t, w.post(request(w))); got != revocation.Revoked {
					t.Errorf("afterwards: %v", got)
				}
			})
		})
	}
}

// TestNoGoodAfterTheAcknowledgement is invariant 1: revokers change the book, purge and acknowledge; checkers ask in every
// form and note that no question begun after the acknowledgement was answered good.
func TestNoGoodAfterTheAcknowledgement(t *testing.T) {
	const count = 300
	w := newWorld(t)
	requests := make([][][]byte, count)
	serial := func(i int) revocation.Serial { return must(revocation.ParseSerial("dec:" + strconv.Itoa(1000+i))) }
	for i := range requests {
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
			id := must(ocspder.CertIDFor(hash, w.ca.Certificate, serial(i)))
			requests[i] = append(requests[i], must(ocspder.EncodeRequest([]ocspder.CertID{id}, nil)))
		}
		requests[i] = append(requests[i], w.withNonce(serial(i), "0123456789abcdef"))
	}
	var acknowledged [count]atomic.Bool
	var done atomic.Bool
	var checkers, revokers sync.WaitGroup
	for c := range 4 {
		checkers.Go(func() {
			for n := c; !done.Load(); n += 7 {
				i := n % count
				was := acknowledged[i].Load()
				request := requests[i][n%3]
				rec := w.post(request)
				if n%2 == 0 {
					rec = w.get(request)
				}
				if got := w.status(t, rec); was && got != revocation.Revoked {
					t.Errorf("serial %d was acknowledged as revoked, then answered %v", i, got)
					return
				}
			}
		})
	}
	for v := range 2 {
		revokers.Go(func() {
			for i := v; i < count; i += 2 {
				w.post(requests[i][0])
				w.book.set(serial(i), revokedNow())
				w.responder.Purge(w.issuer.ID, serial(i))
				acknowledged[i].Store(true)
			}
		})
	}
	revokers.Wait()
	done.Store(true)
	checkers.Wait()
	for i := range count {
		for _, request := range requests[i] {
			if got := w.status(t, w.post(request)); got != revocation.Revoked {
				t.Errorf("serial %d: %v at the end", i, got)
			}
		}
	}
}

func TestChangedIssuersDropTheirAnswers(t *testing.T) {
	w := newWorld(t)
	first := w.post(w.request("\x01")).Body.Bytes()
	w.responder.SetIssuers([]responder.Issuer{w.config})
	if again := w.post(w.request("\x01")).Body.Bytes(); !bytes.Equal(first, again) {
		t.Error("the same issuers dropped an answer")
	}
	w.delegate = must(w.ca.IssueOCSPSigner(pkitest.LeafOptions{Name: "new signer"}))
	w.config.Signers = []*responder.Signer{signerOf(t, w.delegate, w.issuer)}
	w.responder.SetIssuers([]responder.Issuer{w.config})
	w.status(t, w.post(w.request("\x01"))) // checks that the new signer signed it
	w.responder.SetIssuers(nil)
	wantError(t, w.post(w.request("\x01")), ocspder.Unauthorized)
	w.responder.SetIssuers([]responder.Issuer{w.config})
	w.book.set("\x01", revokedNow())
	w.responder.Purge(w.issuer.ID, "\x01")
	if got := w.status(t, w.post(w.request("\x01"))); got != revocation.Revoked {
		t.Errorf("after the issuer came back: %v", got)
	}
}

func TestTheCacheIsBoundedInBytes(t *testing.T) {
	const limit = 1 << 20
	w := newWorld(t, func(o *responder.Options, _ *responder.Issuer) { o.CacheBytes = limit })
	for i := range 2000 {
		w.post(w.request(must(revocation.ParseSerial("dec:" + strconv.Itoa(i)))))
	}
	if got := gather(t, w.responder)["veto_ocsp_cache_bytes"]; got > limit || got < limit/2 {
		t.Errorf("the cache holds %v octets, allowed are %d", got, limit)
	}
}
