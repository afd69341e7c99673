package upstream

import (
	"crypto"
	"crypto/x509"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// TestWhatIsNotBelieved breaks one thing of a good response at a time: nothing is learnt of it, and the rule is named.
func TestWhatIsNotBelieved(t *testing.T) {
	for _, row := range []struct {
		fact   string
		issuer func(*Issuer)
		change func(*rig, *response)
		rule   string
	}{
		{"another serial", nil, func(r *rig, resp *response) {
			resp.data.Singles[0].CertID = must(ocspder.CertIDFor(crypto.SHA1, r.ca.Certificate, "\x02"))
		}, "match"},
		{"another issuer's certificate of the serial", nil, func(r *rig, resp *response) {
			resp.data.Singles[0].CertID = must(ocspder.CertIDFor(crypto.SHA1, must(pkitest.NewCA(pkitest.CAOptions{})).Certificate, "\x01"))
		}, "match"},
		{"a response that ended", nil, func(_ *rig, resp *response) {
			resp.data.Singles[0].ThisUpdate, resp.data.Singles[0].NextUpdate = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}, "expired"},
		{"a response that ended a moment ago", nil, func(_ *rig, resp *response) {
			resp.data.Singles[0].ThisUpdate, resp.data.Singles[0].NextUpdate = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Minute)
		}, "expired"},
		{"a response of tomorrow", nil, func(_ *rig, resp *response) {
			resp.data.Singles[0].ThisUpdate, resp.data.Singles[0].NextUpdate = time.Now().Add(24*time.Hour), time.Now().Add(25*time.Hour)
		}, "future"},
		{"one without end", nil, func(_ *rig, resp *response) { resp.data.Singles[0].NextUpdate = time.Time{} }, "dates"},
		{"a delegate of another CA", nil, func(_ *rig, resp *response) {
			pair := must(must(pkitest.NewCA(pkitest.CAOptions{})).IssueOCSPSigner(pkitest.LeafOptions{}))
			resp.signer, resp.delegate = pair.Key, pair.Certificate.Raw
			resp.by(pair.Certificate)
		}, "signature"},
		{"a delegate of an intermediate", nil, func(r *rig, resp *response) {
			middle := must(pkitest.NewCA(pkitest.CAOptions{Name: "Intermediate", Parent: r.ca}))
			pair := must(middle.IssueOCSPSigner(pkitest.LeafOptions{}))
			resp.signer, resp.delegate = pair.Key, pair.Certificate.Raw
			resp.by(pair.Certificate)
		}, "signer"},
		{"a leaf of the CA", nil, func(r *rig, resp *response) {
			pair := must(r.ca.Issue(pkitest.LeafOptions{}))
			resp.signer, resp.delegate = pair.Key, pair.Certificate.Raw
			resp.by(pair.Certificate)
		}, "signer"},
		{"a delegate whose time ended", nil, func(r *rig, resp *response) {
			pair := must(r.ca.IssueOCSPSigner(pkitest.LeafOptions{NotAfter: time.Now().Add(-time.Second)}))
			resp.signer, resp.delegate = pair.Key, pair.Certificate.Raw
			resp.by(pair.Certificate)
		}, "signer"},
		{"a delegate that is not sent along", nil, func(_ *rig, resp *response) { resp.delegate = nil }, "signer"},
		{"another key", nil, func(_ *rig, resp *response) { resp.signer = must(pkitest.NewKey(pkitest.P256)) }, "signature"},
		{"a flipped bit", nil, func(_ *rig, resp *response) {
			resp.spoil = func(der []byte) []byte { der[len(der)/3] ^= 1; return der }
		}, ""},
		{"something after it", nil, func(_ *rig, resp *response) {
			resp.spoil = func(der []byte) []byte { return append(der, 0) }
		}, "malformed"},
		{"a page of a captive portal", nil, func(_ *rig, resp *response) {
			resp.spoil = func([]byte) []byte { return []byte("<html>Please log in</html>") }
		}, "malformed"},
		{"nothing", nil, func(_ *rig, resp *response) { resp.spoil = func([]byte) []byte { return nil } }, "malformed"},
		{"too much", nil, func(_ *rig, resp *response) {
			resp.spoil = func([]byte) []byte { return make([]byte, MaxResponse+1) }
		}, "too-big"},
		{"an error", nil, func(_ *rig, resp *response) {
			resp.spoil = func([]byte) []byte { return ocspder.ErrorResponse(ocspder.TryLater) }
		}, "status"},
		{"another nonce", func(i *Issuer) { i.Nonce = NonceSent }, func(_ *rig, resp *response) {
			resp.data.Nonce = []byte("0123456789abcdef0123456789abcdef")
		}, "nonce"},
		{"no nonce where one is required", func(i *Issuer) { i.Nonce = NonceRequired }, func(_ *rig, resp *response) { resp.data.Nonce = nil }, "nonce"},
	} {
		t.Run(row.fact, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				if row.issuer != nil {
					row.issuer(&r.issuer)
					r.use()
				}
				r.wantStatus("before", "\x02", revocation.Good)
				r.set(func() { r.change = func(resp *response) { row.change(r, resp) } })
				if f := r.ask("\x01"); f != nil {
					t.Fatalf("it was believed: %+v", f)
				}
				if e := r.lastError(); e == "" || !strings.Contains(e, "["+row.rule) {
					t.Errorf("refused by %q, want rule %s", e, row.rule)
				}
				r.set(func() { r.change = nil })
				time.Sleep(retryLater)
				r.wantStatus("afterwards", "\x01", revocation.Good)
			})
		})
	}
}

func TestWhatIsBelieved(t *testing.T) {
	for _, row := range []struct {
		fact   string
		issuer func(*Issuer)
		change func(*rig, *response)
		want   revocation.Status
	}{
		{"a response of the CA itself", nil, func(r *rig, resp *response) {
			resp.signer, resp.delegate = r.ca.Key, nil
			resp.by(r.ca.Certificate)
		}, revocation.Good},
		{"one that names the issuer by SHA-256 too", nil, func(r *rig, resp *response) {
			s := resp.data.Singles[0]
			s.CertID, s.Status, s.RevokedAt = must(ocspder.CertIDFor(crypto.SHA256, r.ca.Certificate, "\x01")), revocation.Revoked, revokedAt
			resp.data.Singles = append(resp.data.Singles, s)
		}, revocation.Revoked},
		{"several statuses: the worst counts", nil, func(_ *rig, resp *response) {
			s := resp.data.Singles[0]
			s.Status = revocation.Unknown
			resp.data.Singles = append(resp.data.Singles, s)
		}, revocation.Unknown},
		{"other serials beside it", nil, func(r *rig, resp *response) {
			s := resp.data.Singles[0]
			s.CertID, s.Status, s.RevokedAt = must(ocspder.CertIDFor(crypto.SHA1, r.ca.Certificate, "\x07")), revocation.Revoked, revokedAt
			resp.data.Singles = append([]ocspder.SingleResponse{s}, resp.data.Singles...)
		}, revocation.Good},
		{"the nonce that was sent", func(i *Issuer) { i.Nonce = NonceRequired }, func(*rig, *response) {}, revocation.Good},
		{"no nonce where one was sent", func(i *Issuer) { i.Nonce = NonceSent }, func(_ *rig, resp *response) { resp.data.Nonce = nil }, revocation.Good},
		{"a nonce that nobody sent", nil, func(_ *rig, resp *response) { resp.data.Nonce = []byte("0123456789abcdef") }, revocation.Good},
		{"a revocation that ended a moment ago", nil, func(_ *rig, resp *response) {
			s := &resp.data.Singles[0]
			s.Status, s.RevokedAt, s.ThisUpdate, s.NextUpdate = revocation.Revoked, revokedAt, time.Now().Add(-2*time.Hour), time.Now().Add(-time.Minute)
		}, revocation.Revoked},
	} {
		t.Run(row.fact, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				if row.issuer != nil {
					row.issuer(&r.issuer)
					r.use()
				}
				r.set(func() { r.change = func(resp *response) { row.change(r, resp) } })
				r.wantStatus(row.fact, "\x01", row.want)
				if n := len(r.lastAsked().request.Nonce); (r.issuer.Nonce == NonceOff) != (n == 0) || n != 0 && n != 32 {
					t.Errorf("a nonce of %d octets was sent (RFC 9654 §2.1)", n)
				}
			})
		})
	}
}

func TestASignerThatIsRevokedHereIsNotBelieved(t *testing.T) {
	var revokedHere *x509.Certificate
	inBubble(t, func(r *rig) {
		revokedHere = r.delegate.Certificate
		if f := r.ask("\x01"); f != nil || !strings.Contains(r.lastError(), "is revoked") {
			t.Errorf("got %+v, %s", f, r.lastError())
		}
		revokedHere = nil
		time.Sleep(retryLater)
		r.wantStatus("when it is not", "\x01", revocation.Good)
	}, func(o *Options) {
		o.Revoked = func(_ revocation.IssuerID, serial revocation.Serial) bool {
			return revokedHere != nil && serial == must(revocation.SerialFromBig(revokedHere.SerialNumber))
		}
	})
}

func TestAResponderThatDoesNotAnswerIsGivenUp(t *testing.T) {
	inBubble(t, func(r *rig) {
		block := make(chan struct{})
		r.set(func() { r.answer = func(question) ([]byte, int) { <-block; return nil, 500 } })
		r.ask("\x01")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if e := r.lastError(); !strings.Contains(e, "within the timeout of 10s") {
			t.Errorf("last error %q", e)
		}
		close(block)
	})
}

func TestARedirectIsNotFollowed(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.set(func() { r.answer = func(question) ([]byte, int) { return nil, 302 } })
		r.ask("\x01")
		if e := r.lastError(); !strings.Contains(e, "[redirect") && !strings.Contains(e, "302") {
			t.Errorf("last error %q", e)
		}
	})
}

// TestAClockSetBackBelievesNoEndedAnswer: what is judged by is the time that is known to have come.
func TestAClockSetBackBelievesNoEndedAnswer(t *testing.T) {
	inBubble(t, func(r *rig) {
		if f := r.ask("\x01"); f != nil || !strings.Contains(r.lastError(), "[expired") {
			t.Errorf("got %+v, %s", f, r.lastError())
		}
	}, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(2 * time.Hour) } })
}
