package responder_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// TestWhatOCSPSays is the table of the decision page. Times are offsets from now.
func TestWhatOCSPSays(t *testing.T) {
	const validity, day = 10 * time.Minute, 24 * time.Hour
	type said struct {
		error      ocspder.ResponseStatus
		status     revocation.Status
		reason     revocation.Reason
		this, next time.Duration
		extended   bool
	}
	for name, row := range map[string]struct {
		st     func(now time.Time) revocation.CertStatus
		policy responder.NotIssuedPolicy
		want   said
	}{
		"good by a CRL: its thisUpdate, the validity": {
			st:   crlStatus(revocation.Good, revocation.BecauseNotListed, -time.Hour, day, true),
			want: said{status: revocation.Good, this: -time.Hour, next: validity}},
		"good by a CRL that ends soon: its nextUpdate": {
			st:   crlStatus(revocation.Good, revocation.BecauseNotListed, -time.Hour, time.Minute, true),
			want: said{status: revocation.Good, this: -time.Hour, next: time.Minute}},
		"good in the grace after nextUpdate: the end of the grace": {
			st:   crlStatus(revocation.Good, revocation.BecauseNotListed, -time.Hour, time.Minute, false),
			want: said{status: revocation.Good, this: -time.Hour, next: time.Minute}},
		"good by a CRL a little ahead of the clock: now": {
			st:   crlStatus(revocation.Good, revocation.BecauseNotListed, time.Minute, day, true),
			want: said{status: revocation.Good, next: validity}},
		"good of an administered issuer: now": {
			st: func(time.Time) revocation.CertStatus {
				return revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseNotListed, Fresh: true}
			},
			want: said{status: revocation.Good, next: validity}},
		"revoked by a fresh CRL: its times": {
			st:   crlStatus(revocation.Revoked, revocation.BecauseCRL, -time.Hour, 5*time.Minute, true),
			want: said{status: revocation.Revoked, reason: revocation.Superseded, this: -time.Hour, next: 5 * time.Minute}},
		"revoked by a stale CRL: now and the validity": {
			st:   crlStatus(revocation.Revoked, revocation.BecauseCRL, -3*day, -2*day, false),
			want: said{status: revocation.Revoked, reason: revocation.Superseded, next: validity}},
		"revoked by a CRL without nextUpdate: now and the validity": {
			st: func(now time.Time) revocation.CertStatus {
				st := crlStatus(revocation.Revoked, revocation.BecauseCRL, -3*day, 0, false)(now)
				st.NextUpdate, st.ValidUntil = time.Time{}, time.Time{}
				return st
			},
			want: said{status: revocation.Revoked, reason: revocation.Superseded, next: validity}},
		"revoked by an administrator: now": {
			st:   func(time.Time) revocation.CertStatus { return revokedNow() },
			want: said{status: revocation.Revoked, reason: revocation.KeyCompromise, next: validity}},
		"evidence that ended this very second: tryLater": {
			st:   crlStatus(revocation.Good, revocation.BecauseNotListed, -time.Hour, 0, true),
			want: said{error: ocspder.TryLater}},
		"not issued, by default: a signed unknown": {
			st:   unknown(revocation.BecauseNotIssued),
			want: said{status: revocation.Unknown, next: validity}},
		"not issued, as revoked: extended-revoke": {
			st: unknown(revocation.BecauseNotIssued), policy: responder.NotIssuedRevoked,
			want: said{status: revocation.Revoked, reason: revocation.CertificateHold, next: validity, extended: true}},
		"not issued, as unauthorized": {
			st: unknown(revocation.BecauseNotIssued), policy: responder.NotIssuedUnauthorized,
			want: said{error: ocspder.Unauthorized}},
		"unknown issuer: unauthorized": {st: unknown(revocation.BecauseUnknownIssuer), want: said{error: ocspder.Unauthorized}},
		"stale: tryLater":              {st: unknown(revocation.BecauseStale), want: said{error: ocspder.TryLater}},
		"no CRL: tryLater":             {st: unknown(revocation.BecauseNoCRL), want: said{error: ocspder.TryLater}},
		"not yet valid: tryLater":      {st: unknown(revocation.BecauseNotYetValid), want: said{error: ocspder.TryLater}},
		"out of scope: tryLater":       {st: unknown(revocation.BecauseOutOfScope), want: said{error: ocspder.TryLater}},
		"fenced: tryLater":             {st: unknown(revocation.BecauseFenced), want: said{error: ocspder.TryLater}},
		"a reason not known: tryLater": {st: unknown(""), want: said{error: ocspder.TryLater}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				w := newWorld(t, func(_ *responder.Options, i *responder.Issuer) { i.NotIssued = row.policy })
				now := time.Now()
				w.book.set("\x01", row.st(now))
				r := w.read(t, w.post(w.request("\x01")))
				if r.Status != row.want.error {
					t.Fatalf("got %v, want %v", r.Status, row.want.error)
				}
				if r.Status != ocspder.Successful {
					return
				}
				s := r.Singles[0]
				got := said{status: s.Status, reason: s.Reason, this: s.ThisUpdate.Sub(now), next: s.NextUpdate.Sub(now), extended: extended(r)}
				if got != row.want {
					t.Errorf("got %+v, want %+v", got, row.want)
				}
				if got.extended && !s.RevokedAt.Equal(time.Unix(0, 0)) {
					t.Errorf("not issued, revoked at %v, want 1970 (RFC 6960 §2.2)", s.RevokedAt)
				}
			})
		})
	}
}

func crlStatus(status revocation.Status, because revocation.Because, this, next time.Duration, fresh bool) func(time.Time) revocation.CertStatus {
	return func(now time.Time) revocation.CertStatus {
		st := revocation.CertStatus{Status: status, Because: because, Fresh: fresh,
			ThisUpdate: now.Add(this), NextUpdate: now.Add(next), ValidUntil: now.Add(next)}
		if status == revocation.Revoked {
			st.Reason, st.RevokedAt = revocation.Superseded, now.Add(this)
		}
		return st
	}
}

func unknown(because revocation.Because) func(time.Time) revocation.CertStatus {
	return func(time.Time) revocation.CertStatus { return revocation.CertStatus{Because: because} }
}

func extended(r *ocspder.Response) bool {
	for i := range r.Extensions {
		if r.Extensions[i].IsExtendedRevoke() {
			return !r.Extensions[i].Critical
		}
	}
	return false
}

func TestAnAnswerEndsWithTheCertificateOfItsSigner(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := time.Now().Add(time.Minute)
		w.delegate = must(w.ca.IssueOCSPSigner(pkitest.LeafOptions{NotAfter: end}))
		w.config.Signers = []*responder.Signer{signerOf(t, w.delegate, w.issuer)}
		w.responder.SetIssuers([]responder.Issuer{w.config})
		if r := w.read(t, w.post(w.request("\x01"))); !r.Singles[0].NextUpdate.Equal(end) {
			t.Errorf("nextUpdate %v, the signer ends at %v", r.Singles[0].NextUpdate, end)
		}
		time.Sleep(time.Minute)
		wantError(t, w.post(w.request("\x01")), ocspder.TryLater)
	})
}

func signerOf(t *testing.T, pair *pkitest.Pair, issuer revocation.Issuer) *responder.Signer {
	t.Helper()
	s, _, err := responder.NewSigner(pair.Certificate, pair.Key, issuer, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWithoutASignerTheAnswerIsTryLater(t *testing.T) {
	w := newWorld(t, func(_ *responder.Options, i *responder.Issuer) { i.Signers = nil })
	wantError(t, w.post(w.request("\x01")), ocspder.TryLater)
	wantError(t, w.post(w.request("\x01", "\x02")), ocspder.TryLater)
}

func TestAnIssuerIsItsNameAndItsKey(t *testing.T) {
	w, other := newWorld(t), newWorld(t) // one name, two keys
	if !bytes.Equal(w.ca.Certificate.RawSubject, other.ca.Certificate.RawSubject) {
		t.Fatal("the two CAs should share a name")
	}
	wantError(t, w.post(other.request("\x01")), ocspder.Unauthorized)

	other.book.set("\x01", revokedNow())
	both := responder.New(responder.Options{Source: byIssuer{w.issuer.ID: w.book, other.issuer.ID: other.book}})
	both.SetIssuers([]responder.Issuer{w.config, other.config})
	w.responder, other.responder = both, both
	if got := w.status(t, w.post(w.request("\x01"))); got != revocation.Good {
		t.Errorf("serial 1 of the first: %v, want good", got)
	}
	if got := other.status(t, other.post(other.request("\x01"))); got != revocation.Revoked {
		t.Errorf("serial 1 of the other: %v, want revoked", got)
	}
	mixed := must(ocspder.EncodeRequest([]ocspder.CertID{w.id("\x01"), other.id("\x01")}, nil))
	wantError(t, w.post(mixed), ocspder.Unauthorized)
}

type byIssuer map[revocation.IssuerID]*book

func (b byIssuer) Status(id revocation.IssuerID, s revocation.Serial, now time.Time) revocation.CertStatus {
	return b[id].Status(id, s, now)
}

func TestEveryHashAlgorithmNamesTheIssuer(t *testing.T) {
	w := newWorld(t)
	for _, hash := range ocspder.Hashes() {
		id := must(ocspder.CertIDFor(hash, w.ca.Certificate, "\x01"))
		r := w.read(t, w.post(must(ocspder.EncodeRequest([]ocspder.CertID{id}, nil))))
		if r.Status != ocspder.Successful || !bytes.Equal(r.Singles[0].CertID.Raw, id.Raw) {
			t.Errorf("%v: %v, CertID %x, asked for %x", hash, r.Status, r.Singles[0].CertID.Raw, id.Raw)
		}
		odd := ocspder.CertID{Raw: bytes.Clone(id.Raw)} // the same hashes by an algorithm nobody knows
		odd.Raw[bytes.Index(odd.Raw, []byte{0x06})+5] ^= 0x40
		wantError(t, w.post(must(ocspder.EncodeRequest([]ocspder.CertID{odd}, nil))), ocspder.Unauthorized)
	}
}
