package upstream

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

var (
	good        = single{status: revocation.Good, this: -time.Minute, next: time.Hour}
	goodNow     = single{status: revocation.Good, next: time.Hour}
	onHold      = single{status: revocation.Revoked, reason: revocation.CertificateHold, this: -time.Minute, next: time.Hour}
	revoked     = single{status: revocation.Revoked, reason: revocation.KeyCompromise, this: -time.Minute, next: time.Hour}
	unknownHere = single{status: revocation.Unknown, this: -time.Minute, next: time.Hour}
)

func TestTheFirstQueryDoesNotWaitAndTheNextIsAnswered(t *testing.T) {
	inBubble(t, func(r *rig) {
		block := make(chan struct{})
		r.set(func() {
			r.answer = func(q question) ([]byte, int) { <-block; return r.response(q), 200 }
		})
		for range 100 { // many ask, one question is put
			if f := r.client.Finding(r.issuer.ID, "\x01", time.Now(), true); f != nil {
				t.Fatalf("known before it was asked: %+v", f)
			}
		}
		synctest.Wait()
		close(block)
		synctest.Wait()
		f := r.known("\x01")
		if f == nil || f.Status != revocation.Good || !f.NextUpdate.Equal(time.Now().Add(time.Hour)) || f.URL != "http://ocsp.test/" {
			t.Errorf("got %+v", f)
		}
		if n := r.times(); n != 1 {
			t.Errorf("the responder was asked %d times", n)
		}
		if report, on := r.client.Report(r.issuer.ID, time.Now()); !on || !report.LastAnswer.Equal(time.Now()) || report.Failures != 0 {
			t.Errorf("report %+v", report)
		}
	})
}

func TestNobodyIsAskedWhoIsNotWanted(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.client.Finding(r.issuer.ID, "\x01", time.Now(), false)
		r.client.Finding(revocation.IssuerID{1}, "\x01", time.Now(), true)
		synctest.Wait()
		if n := r.times(); n != 0 {
			t.Errorf("the responder was asked %d times", n)
		}
		if _, on := r.client.Report(revocation.IssuerID{1}, time.Now()); on {
			t.Error("there is a report on an issuer that is not configured")
		}
		r.wantStatus("one that is", "\x01", revocation.Good)
		r.client.SetIssuers(nil)
		if f := r.client.Finding(r.issuer.ID, "\x01", time.Now(), true); f != nil {
			t.Errorf("an issuer that is gone answers %+v", f)
		}
	})
}

func TestAConfigurationReadAgainDisturbsNothing(t *testing.T) {
	inBubble(t, func(r *rig) {
		before := (*r.client.issuers.Load())[r.issuer.ID]
		r.issuer.Certificate = must(x509.ParseCertificate(r.ca.Certificate.Raw))
		r.use()
		if (*r.client.issuers.Load())[r.issuer.ID] != before {
			t.Error("the same settings begin anew")
		}
		for name, change := range map[string]func(*Issuer){
			"URLs": func(i *Issuer) { i.URLs = []string{"http://other.test/"} }, "Nonce": func(i *Issuer) { i.Nonce = NonceSent },
			"Hash": func(i *Issuer) { i.Hash = crypto.SHA256 }, "Every": func(i *Issuer) { i.Every = time.Minute },
			"Timeout": func(i *Issuer) { i.Timeout = time.Second }, "Egress": func(i *Issuer) { i.Egress.Discovered = true },
			"Relay": func(i *Issuer) { i.Relay = true }, "Name": func(i *Issuer) { i.Name = "renamed" },
		} {
			before, changed := (*r.client.issuers.Load())[r.issuer.ID], r.issuer
			change(&changed)
			r.client.SetIssuers([]Issuer{changed})
			if (*r.client.issuers.Load())[r.issuer.ID] == before {
				t.Errorf("%s: another setting has no effect", name)
			}
			r.use()
		}
	})
}

func TestARevocationIsKeptAndTold(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.saysAll(revoked)
		f := r.ask("\x01")
		want := revocation.Entry{RevokedAt: revokedAt, Reason: revocation.KeyCompromise}
		if f == nil || f.Status != revocation.Revoked || f.Entry != want || r.store.Upstream(r.issuer.ID, "\x01") == nil {
			t.Errorf("got %+v; %s", f, r.lastError())
		}
		if !slices.Equal(r.changes, []revocation.Serial{"\x01"}) {
			t.Errorf("told of %v", r.changes)
		}
		again := New(Options{Store: r.store}) // after a restart
		again.SetIssuers([]Issuer{r.issuer})
		if f := again.store.Upstream(r.issuer.ID, "\x01"); f == nil || f.Entry != want {
			t.Errorf("after a restart: %+v", f)
		}
	})
}

// TestOnlyANewerGoodLiftsARevocation: by whoever answers, in whatever order, also when an old answer is replayed.
func TestOnlyANewerGoodLiftsARevocation(t *testing.T) {
	for _, row := range []struct {
		fact   string
		first  single
		second single
		want   revocation.Status
		rule   string
	}{
		{"a hold that is released", onHold, goodNow, revocation.Good, ""},
		{"a permanent one that is taken back", revoked, goodNow, revocation.Good, ""},
		{"good of the same time", onHold, single{status: revocation.Good, this: -time.Minute - 2*time.Minute, next: time.Hour}, revocation.Revoked, "rollback"},
		{"an older good", onHold, single{status: revocation.Good, this: -time.Hour, next: time.Hour}, revocation.Revoked, "rollback"},
		{"unknown, because the certificate expired", revoked, single{status: revocation.Unknown, next: time.Hour}, revocation.Revoked, "does not know"},
		{"an error", revoked, single{}, revocation.Revoked, "unauthorized"},
		{"a hold that becomes permanent", onHold, single{status: revocation.Revoked, reason: revocation.KeyCompromise, next: time.Hour}, revocation.Revoked, ""},
	} {
		t.Run(row.fact, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.saysAll(row.first)
				r.wantStatus("first", "\x01", revocation.Revoked)
				r.set(func() {
					r.says = func(revocation.Serial) (single, bool) { return row.second, row.second != single{} }
				})
				time.Sleep(2 * time.Minute)
				r.client.answers.get(key{r.issuer.ID, "\x01"}).renewAt = time.Now()
				r.wantStatus("second", "\x01", row.want)
				if got := r.lastError(); row.rule == "" && got != "" || !strings.Contains(got, row.rule) {
					t.Errorf("last error %q, want %q", got, row.rule)
				}
				if kept := r.store.Upstream(r.issuer.ID, "\x01"); (kept == nil) != (row.want == revocation.Good) ||
					kept != nil && row.rule == "" && kept.Entry.Reason != row.second.reason {
					t.Errorf("kept %+v", kept)
				}
				if row.rule == "" && len(r.changes) != 2 {
					t.Errorf("told of %v, want two changes", r.changes)
				}
			})
		})
	}
}

func TestARevocationThatCannotBeKeptCountsAllTheSame(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.store.full = true
		r.saysAll(revoked)
		r.wantStatus("while the disk is full", "\x01", revocation.Revoked)
		r.saysAll(single{status: revocation.Revoked, reason: revocation.KeyCompromise, next: time.Hour})
		r.store.full = false
		time.Sleep(31 * time.Minute)
		r.ask("\x01")
		if r.store.Upstream(r.issuer.ID, "\x01") == nil {
			t.Error("it was not kept when there was room again")
		}
	})
}

func TestARevocationThatCannotBeLiftedStands(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.saysAll(onHold)
		r.wantStatus("first", "\x01", revocation.Revoked)
		r.store.full = true
		r.saysAll(goodNow)
		time.Sleep(31 * time.Minute)
		r.wantStatus("while the disk is full", "\x01", revocation.Revoked)
		r.store.full = false
		time.Sleep(10 * time.Minute)
		r.wantStatus("when there is room again", "\x01", revocation.Good)
	})
}

func TestGoodThatBecomesUnknownIsTold(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.wantStatus("first", "\x01", revocation.Good)
		if len(r.changes) != 0 {
			t.Errorf("the first good changes nothing that was answered: %v", r.changes)
		}
		r.saysAll(unknownHere)
		time.Sleep(31 * time.Minute)
		r.wantStatus("then", "\x01", revocation.Unknown)
		if !slices.Equal(r.changes, []revocation.Serial{"\x01"}) {
			t.Errorf("told of %v", r.changes)
		}
	})
}

func TestAnswersAreRenewedAheadWhileTheSerialIsAskedFor(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.wantStatus("asked", "\x01", revocation.Good) // and asked again by nobody
		r.wantStatus("asked", "\x02", revocation.Good)
		r.wantStatus("asked again", "\x02", revocation.Good)
		time.Sleep(40 * time.Minute) // half the hour passed
		synctest.Wait()
		if n := r.times(); n != 3 || r.lastAsked().serial() != "\x02" {
			t.Errorf("asked %d times, last about %x", n, r.lastAsked().serial())
		}
		if f := r.known("\x02"); f.NextUpdate.Before(time.Now().Add(45 * time.Minute)) {
			t.Errorf("not renewed: %+v", f)
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if n := r.times(); n != 3 {
			t.Errorf("asked %d times, and nobody wanted to know", n)
		}
		if f := r.known("\x02"); f == nil || time.Now().Before(f.NextUpdate) {
			t.Errorf("what is known ended: %+v", f)
		}
		r.wantStatus("asked once more", "\x02", revocation.Good)
		if f := r.known("\x02"); !time.Now().Before(f.NextUpdate) {
			t.Errorf("not asked again: %+v", f)
		}
	})
}

func TestALongAnswerIsRenewedAsOftenAsEvery(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.issuer.Every = 10 * time.Minute
		r.use()
		r.saysAll(single{status: revocation.Good, this: -time.Minute, next: 7 * 24 * time.Hour})
		for range 60 {
			r.ask("\x01")
			time.Sleep(time.Minute)
		}
		if n := r.times(); n != 7 { // after 0, 9.5, 19, … minutes
			t.Errorf("asked %d times in an hour", n)
		}
	})
}

func TestABrokenResponderIsAskedLessAndLessOften(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.set(func() { r.answer = func(question) ([]byte, int) { return nil, 500 } })
		serials := 0
		for range 3600 { // each second another serial
			serials++
			r.ask(revocation.Serial([]byte{1, byte(serials >> 8), byte(serials)}))
			time.Sleep(time.Second)
		}
		if n := r.times(); n < 15 || n > 30 {
			t.Errorf("asked %d times in an hour, of %d serials", n, serials)
		}
		report, _ := r.client.Report(r.issuer.ID, time.Now())
		if report.Failures < 15 || report.LastError == "" || report.LastFailure.IsZero() {
			t.Errorf("report %+v", report)
		}
		r.set(func() { r.answer = nil })
		time.Sleep(maxBackoff + time.Minute)
		r.wantStatus("when it answers again", "\x01", revocation.Good)
		if report, _ := r.client.Report(r.issuer.ID, time.Now()); report.Failures != 0 || report.LastError != "" || !report.NotUntil.IsZero() {
			t.Errorf("report %+v", report)
		}
	})
}

func TestAnErrorAboutOneSerialDelaysNoOther(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.set(func() {
			r.says = func(s revocation.Serial) (single, bool) { return good, s != "\x01" }
		})
		for range 100 {
			r.ask("\x01")
			r.wantStatus("another serial", "\x02", revocation.Good)
			time.Sleep(time.Second)
		}
		if n := r.times(); n != 2 {
			t.Errorf("asked %d times: the refused one again and again?", n)
		}
		time.Sleep(retryLater)
		if r.ask("\x01"); r.times() != 3 {
			t.Errorf("asked %d times: never again?", r.times())
		}
	})
}

func TestRetryAfterIsHeeded(t *testing.T) {
	inBubble(t, func(r *rig) {
		busy := &statusRefused{Refusal: revocation.Refuse("http-status", "", "busy"), code: 503, retryAfter: 20 * time.Minute}
		a := (*r.client.issuers.Load())[r.issuer.ID]
		a.failed(time.Now(), busy, 0.5)
		time.Sleep(19 * time.Minute)
		if r.ask("\x01"); r.times() != 0 {
			t.Error("it was asked before")
		}
		time.Sleep(2 * time.Minute)
		r.wantStatus("after", "\x01", revocation.Good)
	})
}

func TestHowMuchIsAskedAtOnceIsBounded(t *testing.T) {
	inBubble(t, func(r *rig) {
		block := make(chan struct{})
		most, now := 0, 0
		r.set(func() {
			r.answer = func(q question) ([]byte, int) {
				r.set(func() { now++; most = max(most, now) })
				<-block
				r.set(func() { now-- })
				return r.response(q), 200
			}
		})
		for i := range 100 {
			r.client.Finding(r.issuer.ID, revocation.Serial([]byte{1, byte(i)}), time.Now(), true)
		}
		synctest.Wait()
		if dropped := testutil.ToFloat64(r.client.metrics.Dropped); dropped != 90 {
			t.Errorf("%v questions were dropped, 10 may wait", dropped)
		}
		close(block)
		synctest.Wait()
		if most != 2 || r.times() != 10 {
			t.Errorf("%d questions at once, %d in all; 2 and 10 were allowed", most, r.times())
		}
		if waiting := testutil.ToFloat64(r.client.metrics.Waiting); waiting != 0 {
			t.Errorf("%v still wait", waiting)
		}
	}, func(o *Options) { o.PerIssuer, o.MaxWaiting = 2, 10 })
}

func TestHowMuchIsAskedInASecondIsBounded(t *testing.T) {
	inBubble(t, func(r *rig) {
		for i := range 1000 {
			r.ask(revocation.Serial([]byte{1, byte(i >> 8), byte(i)}))
			time.Sleep(time.Millisecond)
		}
		if n := r.times(); n < 15 || n > 21 { // ten at once, and ten in the second
			t.Errorf("asked %d times", n)
		}
	}, func(o *Options) { o.PerSecond = 10 })
}

func TestHowManySerialsAreFollowedIsBounded(t *testing.T) {
	inBubble(t, func(r *rig) {
		for range 2 {
			for i := range 5 {
				r.ask(revocation.Serial([]byte{1, byte(i)}))
			}
		}
		if n := testutil.ToFloat64(r.client.metrics.Unfollowed); n != 2 {
			t.Errorf("%v are not followed, 3 of 5 may be", n)
		}
		time.Sleep(31 * time.Minute)
		synctest.Wait()
		if n := r.times(); n != 8 {
			t.Errorf("asked %d times, want 5 and 3 renewals", n)
		}
		r.wantStatus("one that is not followed, when it is asked for", "\x01\x04", revocation.Good)
		if n := r.times(); n != 9 {
			t.Errorf("asked %d times: not renewed when it was due and asked for", n)
		}
	}, func(o *Options) { o.MaxFollowed = 3 })
}

func TestMemoryIsBounded(t *testing.T) {
	inBubble(t, func(r *rig) {
		for i := range 2000 {
			r.ask(revocation.Serial([]byte{1, byte(i >> 8), byte(i)}))
		}
		if n := r.client.answers.len(); n > 60 {
			t.Errorf("%d answers of about 400 octets are in 20,000", n)
		}
	}, func(o *Options) { o.MaxBytes, o.PerSecond = 20_000, 1e6 })
}

func TestGETWhereItIsShortAndPOSTWhereNot(t *testing.T) {
	short, long := "http://ocsp.test/", "http://ocsp.test/"+strings.Repeat("a", 160)
	for _, row := range []struct {
		fact, url, method, path string
	}{
		{"a short URL", short, "GET", "/M"},
		{"a short URL with a path", "http://ocsp.test/ocsp", "GET", "/ocsp/M"},
		{"a long URL", long, "POST", "/aaa"},
		{"a URL with a query", "http://ocsp.test/?ca=1", "POST", "/"},
	} {
		t.Run(row.fact, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.issuer.URLs = []string{row.url}
				r.use()
				r.wantStatus("asked", "\x01\x02\xff\xfe", revocation.Good)
				q := r.lastAsked()
				if q.method != row.method || !strings.HasPrefix(q.path, row.path) || strings.ContainsAny(q.path, "+=") {
					t.Errorf("asked by %s %s", q.method, q.path)
				}
				if row.method == "POST" && q.header.Get("Content-Type") != "application/ocsp-request" {
					t.Errorf("header %v", q.header)
				}
				if len(row.url)+len(q.path) > 300 && row.method == "GET" {
					t.Errorf("a URL of %d octets", len(row.url)+len(q.path))
				}
			})
		})
	}
}

func TestAResponderThatTakesNoGETIsAskedByPOST(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.set(func() {
			r.answer = func(q question) ([]byte, int) {
				if q.method == http.MethodGet {
					return nil, 405
				}
				return r.response(q), 200
			}
		})
		r.wantStatus("the first", "\x01", revocation.Good)
		r.wantStatus("the second", "\x02", revocation.Good)
		if n := r.times(); n != 3 {
			t.Errorf("asked %d times, want GET, POST, POST", n)
		}
	})
}

func TestSeveralURLsAreAskedInTheirOrder(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.issuer.URLs = []string{"http://down.test/", "http://first.test/", "http://second.test/"}
		r.use()
		f := r.ask("\x01")
		if f == nil || f.URL != "http://first.test/" || !slices.Equal(r.dialed, []string{"down.test:80", "first.test:80"}) {
			t.Errorf("got %+v, dialed %v", f, r.dialed)
		}
		r.set(func() { r.answer = func(question) ([]byte, int) { return nil, 503 } })
		r.ask("\x02")
		if e := r.lastError(); !strings.Contains(e, "network") || !strings.Contains(e, "no route") {
			t.Errorf("last error %q", e)
		}
	})
}

func TestAnAnswerIsRelayedForExactlyTheCertIDItWasAskedBy(t *testing.T) {
	inBubble(t, func(r *rig) {
		id := must(ocspder.CertIDFor(crypto.SHA1, r.ca.Certificate, "\x01"))
		r.wantStatus("without relay", "\x01", revocation.Good)
		if der, _ := r.client.Signed(r.issuer.ID, "\x01", id.Raw); der != nil {
			t.Error("an answer is kept that is not to be relayed")
		}
		r.issuer.Relay = true
		r.use()
		time.Sleep(31 * time.Minute)
		r.wantStatus("with relay", "\x01", revocation.Good)
		der, f := r.client.Signed(r.issuer.ID, "\x01", id.Raw)
		resp, err := ocspder.ParseResponse(der)
		if err != nil || !bytes.Equal(resp.Singles[0].CertID.Raw, id.Raw) || f.Status != revocation.Good {
			t.Errorf("got %x, %+v, %v", der, f, err)
		}
		other := must(ocspder.CertIDFor(crypto.SHA256, r.ca.Certificate, "\x01"))
		if der, _ := r.client.Signed(r.issuer.ID, "\x01", other.Raw); der != nil {
			t.Error("another CertID gets the same answer")
		}
		r.set(func() { r.answer = func(question) ([]byte, int) { return nil, 500 } })
		time.Sleep(31 * time.Minute)
		r.ask("\x01")
		if der, _ := r.client.Signed(r.issuer.ID, "\x01", id.Raw); der == nil {
			t.Error("a failed renewal loses the answer")
		}
		r.issuer.Nonce = NonceSent
		r.set(func() { r.answer = nil })
		r.use()
		time.Sleep(time.Hour)
		r.wantStatus("with a nonce of ours", "\x01", revocation.Good)
		if der, _ := r.client.Signed(r.issuer.ID, "\x01", id.Raw); der != nil {
			t.Error("an answer with our nonce would be relayed to others")
		}
	})
}

func TestWhatIsUnderWayEndsWithRun(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		r := newRig(t)
		block := make(chan struct{})
		r.set(func() {
			r.answer = func(question) ([]byte, int) { <-block; return nil, 500 }
		})
		r.client.Finding(r.issuer.ID, "\x01", time.Now(), true)
		synctest.Wait()
		r.stopping[0]() // Run
		if f := r.ask("\x02"); f != nil || r.times() != 1 {
			t.Errorf("asked %d times, got %+v", r.times(), f)
		}
		if err := r.client.Run(t.Context()); err == nil {
			t.Error("it can be run again")
		}
		close(block)
		r.stopping[1]()
	})
}
