package responder_test

import (
	"crypto"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// TestPresignedAnswersAreGivenWithoutASignature, by both names of the issuer, and made anew when they are due.
func TestPresignedAnswersAreGivenWithoutASignature(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, d := withDevice(t, func(*responder.Options) {})
		w.book.set("\x01", revokedNow())
		for _, want := range []bool{true, false} { // the second time there is nothing to do
			if made, more := w.responder.Presign(w.issuer.ID, "\x01"); made != want || !more {
				t.Fatalf("made %v, more %v", made, more)
			}
		}
		if asked := w.book.timesAsked("\x01"); asked != 2 {
			t.Errorf("decided %d times, want once for each hash", asked)
		}
		d.fault = errors.New("the token was pulled")
		for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256} {
			id := must(ocspder.CertIDFor(hash, w.ca.Certificate, "\x01"))
			if got := w.status(t, w.get(must(ocspder.EncodeRequest([]ocspder.CertID{id}, nil)))); got != revocation.Revoked {
				t.Errorf("by %v: %v", hash, got)
			}
		}
		d.fault = nil
		time.Sleep(6 * time.Minute)
		w.responder.Presign(w.issuer.ID, "\x01")
		if asked := w.book.timesAsked("\x01"); asked != 4 {
			t.Errorf("decided %d times after half of the answers' life, want twice more", asked)
		}
	})
}

func TestPresignStopsWhereItIsOfNoUse(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, d := withDevice(t, func(o *responder.Options) { o.CacheBytes = 1 << 20 })
		presign := func(n int) (more bool) {
			_, more = w.responder.Presign(w.issuer.ID, must(revocation.ParseSerial("dec:"+strconv.Itoa(n))))
			return more
		}
		if _, more := w.responder.Presign(revocation.IssuerID{}, "\x01"); more {
			t.Error("signed for an issuer that is not configured")
		}
		d.fault = errors.New("the token was pulled")
		if presign(0) {
			t.Error("went on although the key fails")
		}
		d.fault = nil
		n := 0
		for presign(n) {
			if n++; n > 10_000 {
				t.Fatal("went on although the cache is full")
			}
		}
		if n < 100 {
			t.Errorf("stopped after %d serials", n)
		}
		for _, pause := range []time.Duration{6 * time.Minute, time.Hour} { // due for renewal; out of date
			time.Sleep(pause)
			for i := range n {
				if made, more := w.responder.Presign(w.issuer.ID, must(revocation.ParseSerial("dec:"+strconv.Itoa(i)))); !made || !more {
					t.Fatalf("after %s serial %d of %d was not renewed in a full cache", pause, i, n)
				}
			}
			if presign(n) {
				t.Errorf("after %s there was room for more", pause)
			}
		}
	})
}
