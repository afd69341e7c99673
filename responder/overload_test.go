package responder_test

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// TestASlowKeyFailsFast: two slots and three places to wait; the sixth request is told to try later at once, and the
// waiters when their time is up.
func TestASlowKeyFailsFast(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, d := withDevice(t, func(o *responder.Options) { o.MaxSigning, o.MaxWaiting, o.SignTimeout = 2, 3, time.Second })
		d.delay = make(chan struct{})
		statuses := make([]ocspder.ResponseStatus, 6)
		var group sync.WaitGroup
		for i := range statuses {
			group.Go(func() {
				r := must(ocspder.ParseResponse(w.post(w.withNonce(revocation.Serial(rune(1+i)), "0123456789abcdef")).Body.Bytes()))
				statuses[i] = r.Status
			})
			synctest.Wait()
		}
		if statuses[5] != ocspder.TryLater {
			t.Errorf("the sixth request: %v, want tryLater at once", statuses[5])
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		close(d.delay)
		group.Wait()
		want := fmt.Sprint([]ocspder.ResponseStatus{0, 0, 3, 3, 3, 3})
		if got := fmt.Sprint(statuses); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		if most := d.most.Load(); most != 2 {
			t.Errorf("%d signatures at once, want 2", most)
		}
		if got := gather(t, w.responder)["veto_ocsp_overloaded_total"]; got != 4 {
			t.Errorf("%v overloads counted, want 4", got)
		}
	})
}

// TestAStampedeSignsOnce: a hundred ask for one certificate while the key is slow.
func TestAStampedeSignsOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, d := withDevice(t, func(*responder.Options) {})
		d.delay = make(chan struct{})
		var group sync.WaitGroup
		for i := range 100 {
			group.Go(func() {
				ask := w.post
				if i%2 == 0 {
					ask = func(b []byte) *httptest.ResponseRecorder { return w.get(b) }
				}
				if got := w.status(t, ask(w.request("\x01"))); got != revocation.Good {
					t.Errorf("got %v", got)
				}
			})
		}
		synctest.Wait()
		if n := d.signing.Load(); n != 1 {
			t.Errorf("%d signatures in the making, want 1", n)
		}
		close(d.delay)
		group.Wait()
		if asked := w.book.timesAsked("\x01"); asked != 1 {
			t.Errorf("the source was asked %d times, want once", asked)
		}
	})
}

// TestAMissWaitsForNoOtherSerial: while the signature for one certificate hangs, another is signed for.
func TestAMissWaitsForNoOtherSerial(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, d := withDevice(t, func(*responder.Options) {})
		d.delay = make(chan struct{})
		var first revocation.Status
		var group sync.WaitGroup
		group.Go(func() { first = w.status(t, w.post(w.request("\x01"))) })
		synctest.Wait()
		hanging := d.delay
		d.delay = nil
		for _, ask := range []func([]byte) *httptest.ResponseRecorder{w.post, func(b []byte) *httptest.ResponseRecorder { return w.get(b) }} {
			if got := w.status(t, ask(w.request("\x02"))); got != revocation.Good {
				t.Errorf("another certificate: %v", got)
			}
		}
		if first != revocation.Unknown {
			t.Error("the first was answered before its signature was made")
		}
		close(hanging)
		group.Wait()
		if first != revocation.Good {
			t.Errorf("the first: %v", first)
		}
	})
}

// TestWhoWouldWaitTooLongIsToldAtOnce: a signature takes a second, of those who come together some are signed for within a quarter of
// the time a request may wait, and the others need not wait to learn that they are not.
func TestWhoWouldWaitTooLongIsToldAtOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, d := withDevice(t, func(o *responder.Options) { o.MaxSigning, o.SignTimeout = 1, 10*time.Second })
		d.takes = time.Second
		w.status(t, w.post(w.withNonce("\x01", "0123456789abcdef"))) // tells how long it takes
		var mu sync.Mutex
		waited := map[ocspder.ResponseStatus][]time.Duration{}
		var group sync.WaitGroup
		began := time.Now()
		for i := range 10 {
			group.Go(func() {
				r := must(ocspder.ParseResponse(w.post(w.withNonce(revocation.Serial(rune(1+i)), "0123456789abcdef")).Body.Bytes()))
				mu.Lock()
				defer mu.Unlock()
				waited[r.Status] = append(waited[r.Status], time.Since(began))
			})
			synctest.Wait()
		}
		group.Wait()
		want := map[ocspder.ResponseStatus][]time.Duration{ocspder.TryLater: make([]time.Duration, 7),
			ocspder.Successful: {time.Second, 2 * time.Second, 3 * time.Second}}
		if fmt.Sprint(waited) != fmt.Sprint(want) {
			t.Errorf("waited %v, want %v", waited, want)
		}
	})
}
