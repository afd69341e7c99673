package responder_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// mailbox is a Relay with one response of the CA's own responder.
type mailbox struct {
	id      []byte // DER of the CertID it is about
	relayed responder.Relayed
}

func (m *mailbox) Relayed(_ revocation.IssuerID, id *ocspder.CertID) (responder.Relayed, bool) {
	return m.relayed, bytes.Equal(m.id, id.Raw)
}

// fill makes what the CA's responder says of serial 1.
func (m *mailbox) fill(w *world, status revocation.Status, this, next time.Duration) {
	now, id := time.Now().Truncate(time.Second), w.id("\x01")
	m.id = id.Raw
	m.relayed = responder.Relayed{Status: status, ThisUpdate: now.Add(this), NextUpdate: now.Add(next)}
	single := ocspder.SingleResponse{CertID: id, Status: status, ThisUpdate: m.relayed.ThisUpdate, NextUpdate: m.relayed.NextUpdate}
	if status == revocation.Revoked {
		m.relayed.Entry = revocation.Entry{RevokedAt: now.Add(-time.Hour), Reason: revocation.Superseded}
		single.RevokedAt, single.Reason = m.relayed.Entry.RevokedAt, m.relayed.Entry.Reason
	}
	tbs := ocspder.AppendTBS(nil, &ocspder.ResponseData{ResponderKeyHash: must(ocspder.KeyHash(w.ca.Certificate)), ProducedAt: now.Add(this),
		Singles: []ocspder.SingleResponse{single}})
	sum := sha256.Sum256(tbs)
	m.relayed.DER = ocspder.Assemble(tbs, must(hex.DecodeString("300a06082a8648ce3d040302")), must(w.ca.Key.Sign(nil, sum[:], crypto.SHA256)), nil)
}

// status is the decision that rests on the response.
func (m *mailbox) status() revocation.CertStatus {
	return revocation.CertStatus{Status: m.relayed.Status, Because: revocation.BecauseUpstream, Source: revocation.SourceUpstream, Fresh: true,
		ThisUpdate: m.relayed.ThisUpdate, NextUpdate: m.relayed.NextUpdate, ValidUntil: m.relayed.NextUpdate,
		RevokedAt: m.relayed.Entry.RevokedAt, Reason: m.relayed.Entry.Reason}
}

func newRelayWorld(t *testing.T, change ...func(*responder.Options, *responder.Issuer)) (*world, *mailbox) {
	m := &mailbox{}
	w := newWorld(t, append([]func(*responder.Options, *responder.Issuer){func(o *responder.Options, i *responder.Issuer) {
		o.Relay, i.Relay = m, true
	}}, change...)...)
	m.fill(w, revocation.Good, -time.Minute, time.Hour)
	w.book.set("\x01", m.status())
	return w, m
}

// wantRelayed checks that an answer is the CA's, octet by octet.
func wantRelayed(t *testing.T, fact string, rec *httptest.ResponseRecorder, m *mailbox, want bool) {
	t.Helper()
	if rec.Code != http.StatusOK || bytes.Equal(rec.Body.Bytes(), m.relayed.DER) != want {
		t.Errorf("%s: HTTP %d, relayed is %v, want %v", fact, rec.Code, !want, want)
	}
}

func TestWhatTheCASignedIsGivenOn(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, m := newRelayWorld(t)
		for range 2 { // made, and from the cache
			wantRelayed(t, "POST", w.post(w.request("\x01")), m, true)
			rec := w.get(w.request("\x01"))
			wantRelayed(t, "GET", rec, m, true)
			sum, h := sha256.Sum256(m.relayed.DER), rec.Header()
			if h.Get("ETag") != `"`+hex.EncodeToString(sum[:])+`"` || h.Get("Last-Modified") != m.relayed.ThisUpdate.UTC().Format(http.TimeFormat) ||
				h.Get("Expires") != m.relayed.NextUpdate.UTC().Format(http.TimeFormat) || h.Get("Cache-Control") != "max-age=60, public, no-transform, must-revalidate" {
				t.Errorf("headers %v", h)
			}
			if again := w.get(w.request("\x01"), "If-None-Match", h.Get("ETag")); again.Code != http.StatusNotModified {
				t.Errorf("a client that has it gets %d", again.Code)
			}
			if since := w.get(w.request("\x01"), "If-Modified-Since", time.Now().Add(-30*time.Second).UTC().Format(http.TimeFormat)); since.Code != http.StatusOK {
				t.Error("a client with a copy from before we had it gets 304: its copy may be of an older answer")
			}
		}
		if n := w.book.timesAsked("\x01"); n != 1 {
			t.Errorf("the source was asked %d times", n)
		}
	})
}

func TestWhatIsNotGivenOn(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, m := newRelayWorld(t)
		wantRelayed(t, "two certificates", w.post(w.request("\x01", "\x02")), m, false)
		wantRelayed(t, "a nonce", w.post(w.withNonce("\x01", "0123456789abcdef")), m, false)
		wantRelayed(t, "another serial", w.post(w.request("\x02")), m, false)
		sha1 := must(ocspder.CertIDFor(crypto.SHA1, w.ca.Certificate, "\x01"))
		wantRelayed(t, "another hash", w.post(must(ocspder.EncodeRequest([]ocspder.CertID{sha1}, nil))), m, false)

		for fact, st := range map[string]revocation.CertStatus{
			"an administrator's word": revokedNow(),
			"a CRL's word":            crlStatus(revocation.Good, revocation.BecauseNotListed, -time.Minute, time.Hour, true)(time.Now()),
			"an older answer of the CA": func() revocation.CertStatus {
				st := m.status()
				st.ThisUpdate = st.ThisUpdate.Add(time.Second)
				return st
			}(),
			"another status by the same CA":   func() revocation.CertStatus { st := m.status(); st.Status = revocation.Revoked; return st }(),
			"a decision that rests on no CRL": unknown(revocation.BecauseNoCRL)(time.Now()),
		} {
			w.book.set("\x01", st)
			w.responder.Purge(w.issuer.ID, "\x01")
			wantRelayed(t, fact, w.post(w.request("\x01")), m, false)
		}
		w.book.set("\x01", m.status())
		w.config.Relay = false
		w.responder.SetIssuers([]responder.Issuer{w.config})
		w.responder.Purge(w.issuer.ID, "\x01")
		wantRelayed(t, "an issuer that signs all itself", w.post(w.request("\x01")), m, false)
	})
}

func TestARevocationOutlivesTheAnswerThatToldIt(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, m := newRelayWorld(t)
		m.fill(w, revocation.Revoked, -time.Minute, time.Hour)
		w.book.set("\x01", m.status())
		wantRelayed(t, "within its time", w.post(w.request("\x01")), m, true)
		time.Sleep(time.Hour)
		st := m.status()
		st.Fresh = false
		w.book.set("\x01", st)
		rec := w.post(w.request("\x01"))
		wantRelayed(t, "past its time", rec, m, false)
		if got := w.status(t, rec); got != revocation.Revoked {
			t.Errorf("past its time: %s", got)
		}
	})
}

func TestWithoutASignerTheCAsAnswersServe(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, m := newRelayWorld(t, func(_ *responder.Options, i *responder.Issuer) { i.Signers = nil })
		wantRelayed(t, "a request", w.post(w.request("\x01")), m, true)
		wantRelayed(t, "a nonce", w.post(w.withNonce("\x01", "0123456789abcdef")), m, true)
		wantError(t, w.post(w.request("\x02")), ocspder.TryLater)
		w.book.set("\x01", revokedNow())
		w.responder.Purge(w.issuer.ID, "\x01")
		wantError(t, w.post(w.request("\x01")), ocspder.TryLater)
	})
}

func TestAChangeOvertakesARelayedAnswer(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w, m := newRelayWorld(t)
		wantRelayed(t, "before", w.post(w.request("\x01")), m, true)
		w.book.set("\x01", revokedNow())
		w.responder.Purge(w.issuer.ID, "\x01")
		if got := w.status(t, w.post(w.request("\x01"))); got != revocation.Revoked {
			t.Errorf("after it was revoked: %s", got)
		}
		w.book.set("\x01", m.status())
		w.responder.Purge(w.issuer.ID, "\x01")
		w.book.before = func() { // while the answer is made
			w.book.before = nil
			w.book.set("\x01", revokedNow())
			w.responder.Purge(w.issuer.ID, "\x01")
		}
		if got := w.status(t, w.post(w.request("\x01"))); got != revocation.Revoked {
			t.Errorf("revoked while it was made: %s", got)
		}
	})
}

func TestARelayedAnswerIsBelievedByWhoeverBelievesTheCA(t *testing.T) {
	w, m := newRelayWorld(t)
	rec := w.post(w.request("\x01"))
	wantRelayed(t, "a request", rec, m, true)
	resp := must(ocspder.ParseResponse(rec.Body.Bytes()))
	if err := w.ca.Certificate.CheckSignature(x509.ECDSAWithSHA256, resp.TBS, resp.Signature); err != nil {
		t.Error(err)
	}
}
