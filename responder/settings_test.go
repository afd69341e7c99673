package responder_test

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// byCRL is a status that rests on a CRL.
func byCRL(status revocation.Status, url string) revocation.CertStatus {
	now := time.Now()
	st := crlStatus(status, revocation.BecauseCRL, -time.Hour, time.Hour, true)(now)
	st.CRL = &revocation.CRLInfo{URL: url, Number: "\x10\x92", ThisUpdate: st.ThisUpdate, NextUpdate: st.NextUpdate}
	if status == revocation.Revoked {
		st.InvalidityDate = now.Add(-48 * time.Hour)
	}
	return st
}

func TestSingleExtensionsAreAnOption(t *testing.T) {
	const url = "http://pki.test/a.crl"
	for name, row := range map[string]struct {
		set  func(*responder.Issuer)
		st   revocation.CertStatus
		want func(st *revocation.CertStatus, now time.Time) []ocspder.Extension
	}{
		"none by default": {func(*responder.Issuer) {}, byCRL(revocation.Revoked, url), func(*revocation.CertStatus, time.Time) []ocspder.Extension { return nil }},
		"the CRL": {func(i *responder.Issuer) { i.CRLReference = true }, byCRL(revocation.Good, url), func(st *revocation.CertStatus, _ time.Time) []ocspder.Extension {
			return []ocspder.Extension{ocspder.CRLReference(url, "\x10\x92", st.ThisUpdate)}
		}},
		"the CRL of a file, without its place": {func(i *responder.Issuer) { i.CRLReference = true }, byCRL(revocation.Good, "file:///srv/a.crl"), func(st *revocation.CertStatus, _ time.Time) []ocspder.Extension {
			return []ocspder.Extension{ocspder.CRLReference("", "\x10\x92", st.ThisUpdate)}
		}},
		"no CRL where an administrator says so": {func(i *responder.Issuer) { i.CRLReference = true }, revokedNow(), func(*revocation.CertStatus, time.Time) []ocspder.Extension { return nil }},
		"no CRL of a certificate never issued": {func(i *responder.Issuer) {
			i.CRLReference, i.InvalidityDate, i.NotIssued = true, true, responder.NotIssuedRevoked
		},
			unknown(revocation.BecauseNotIssued)(time.Now()), func(*revocation.CertStatus, time.Time) []ocspder.Extension { return nil }},
		"the archive cutoff": {func(i *responder.Issuer) { i.ArchiveCutoff = 7 * 365 * 24 * time.Hour }, byCRL(revocation.Good, url), func(_ *revocation.CertStatus, produced time.Time) []ocspder.Extension {
			return []ocspder.Extension{ocspder.ArchiveCutoff(produced.Add(-7 * 365 * 24 * time.Hour))}
		}},
		"the invalidity date": {func(i *responder.Issuer) { i.InvalidityDate = true }, byCRL(revocation.Revoked, url), func(st *revocation.CertStatus, _ time.Time) []ocspder.Extension {
			return []ocspder.Extension{ocspder.InvalidityDate(st.InvalidityDate)}
		}},
		"all three": {func(i *responder.Issuer) { i.CRLReference, i.InvalidityDate, i.ArchiveCutoff = true, true, time.Hour }, byCRL(revocation.Revoked, url), func(st *revocation.CertStatus, produced time.Time) []ocspder.Extension {
			return []ocspder.Extension{ocspder.ArchiveCutoff(produced.Add(-time.Hour)), ocspder.CRLReference(url, "\x10\x92", st.ThisUpdate), ocspder.InvalidityDate(st.InvalidityDate)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *responder.Options, i *responder.Issuer) { row.set(i) })
			w.book.set("\x01", row.st)
			r := w.read(t, w.post(w.request("\x01")))
			if want := row.want(&row.st, r.ProducedAt); !reflect.DeepEqual(r.Singles[0].Extensions, want) {
				t.Errorf("got %v, want %v", r.Singles[0].Extensions, want)
			}
		})
	}
}

func TestTheSignerMayBeNamedByItsSubject(t *testing.T) {
	w := newWorld(t, func(_ *responder.Options, i *responder.Issuer) { i.ByName = true })
	r := must(ocspder.ParseResponse(w.post(w.request("\x01")).Body.Bytes()))
	if !bytes.Equal(r.ResponderName, w.delegate.Certificate.RawSubject) || r.ResponderKeyHash != nil {
		t.Errorf("responderID: name %x, key %x", r.ResponderName, r.ResponderKeyHash)
	}
}

// TestANonceMayBeIgnored: all clients get one answer, which HTTP caches may keep (RFC 9919 §3.2.1).
func TestANonceMayBeIgnored(t *testing.T) {
	w := newWorld(t, func(_ *responder.Options, i *responder.Issuer) { i.IgnoreNonce = true })
	first := w.get(w.withNonce("\x01", "0123456789abcdef"))
	if r := w.read(t, first); r.Nonce() != nil {
		t.Errorf("the nonce came back: %x", r.Nonce())
	}
	for _, rec := range [][]byte{w.get(w.withNonce("\x01", "another nonce ..")).Body.Bytes(), w.post(w.request("\x01")).Body.Bytes()} {
		if !bytes.Equal(first.Body.Bytes(), rec) {
			t.Error("two clients got two answers")
		}
	}
	wantHeaders(t, first, map[string]string{"Cache-Control": "max-age=60, public, no-transform, must-revalidate"})
}

// TestAnAnswerIsMadeAnewAfterFourDays, however long it is valid (BR §4.9.10).
func TestAnAnswerIsMadeAnewAfterFourDays(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		w := newWorld(t)
		w.delegate = must(w.ca.IssueOCSPSigner(pkitest.LeafOptions{NotAfter: time.Now().Add(30 * day)}))
		w.config.Signers, w.config.Validity = []*responder.Signer{signerOf(t, w.delegate, w.issuer)}, 10*day
		w.responder.SetIssuers([]responder.Issuer{w.config})
		first := w.post(w.request("\x01")).Body.Bytes()
		time.Sleep(4*day - time.Second)
		if again := w.post(w.request("\x01")).Body.Bytes(); !bytes.Equal(first, again) {
			t.Error("made anew before four days")
		}
		time.Sleep(time.Second)
		if again := w.post(w.request("\x01")).Body.Bytes(); bytes.Equal(first, again) {
			t.Error("not made anew after four days")
		}
	})
}

// TestEverySettingChangesAnswers: an answer must not outlive the setting it was made under. Every field of Issuer is changed in
// turn, so that a new one cannot be forgotten.
func TestEverySettingChangesAnswers(t *testing.T) {
	w := newWorld(t)
	changes := map[string]func(*responder.Issuer){
		"Issuer":           func(i *responder.Issuer) { i.Issuer.Name = "renamed" },
		"Signers":          func(i *responder.Issuer) { i.Signers = append(i.Signers, i.Signers[0]) },
		"ByName":           func(i *responder.Issuer) { i.ByName = true },
		"Validity":         func(i *responder.Issuer) { i.Validity = time.Hour },
		"NotIssued":        func(i *responder.Issuer) { i.NotIssued = responder.NotIssuedRevoked },
		"Relay":            func(i *responder.Issuer) { i.Relay = true },
		"IgnoreNonce":      func(i *responder.Issuer) { i.IgnoreNonce = true },
		"ArchiveCutoff":    func(i *responder.Issuer) { i.ArchiveCutoff = time.Hour },
		"CRLReference":     func(i *responder.Issuer) { i.CRLReference = true },
		"InvalidityDate":   func(i *responder.Issuer) { i.InvalidityDate = true },
		"RequestSignature": func(i *responder.Issuer) { i.RequestSignature = responder.VerifySignature },
		"Requestors":       func(i *responder.Issuer) { i.Requestors = &requestors{} },
	}
	fields := reflect.TypeFor[responder.Issuer]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		change := changes[name]
		if change == nil {
			t.Errorf("no row for the field %s: does Issuer.same look at it?", name)
			continue
		}
		w.responder.SetIssuers([]responder.Issuer{w.config})
		before := w.post(w.request("\x01")).Body.Bytes()
		changed := w.config
		change(&changed)
		w.responder.SetIssuers([]responder.Issuer{changed})
		if after := w.post(w.request("\x01")).Body.Bytes(); bytes.Equal(before, after) {
			t.Errorf("%s changed and the answer of before was given", name)
		}
	}
}
