package responder_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// requestors takes requests whose signature is the word "known".
type requestors struct{ asked int }

func (q *requestors) Verify(r *ocspder.Request, _ time.Time) error {
	q.asked++
	if string(r.Signature.Value) != "known" {
		return errors.New("not known")
	}
	return nil
}

// signedRequest asks for serials with a signature that is none.
func (w *world) signedRequest(signature string, serials ...revocation.Serial) []byte {
	plain := w.request(serials...)
	outer := 2
	if plain[1] >= 0x80 {
		outer += int(plain[1] & 0x7f)
	}
	sig := element(0x30, ecdsaWithSHA256, element(0x03, "\x00"+signature))
	return []byte(element(0x30, string(plain[outer:]), element(0xa0, sig)))
}

func TestSignaturesOfRequests(t *testing.T) {
	const ok = ocspder.Successful
	for name, row := range map[string]struct {
		policy                   responder.RequestSignature
		unsigned, known, unknown ocspder.ResponseStatus
	}{
		"ignored":  {responder.IgnoreSignature, ok, ok, ok},
		"verified": {responder.VerifySignature, ok, ok, ocspder.Unauthorized},
		"required": {responder.RequireSignature, ocspder.SigRequired, ok, ocspder.Unauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(_ *responder.Options, i *responder.Issuer) {
				i.RequestSignature, i.Requestors = row.policy, new(requestors)
			})
			for range 2 { // the second time, an answer is kept
				for request, want := range map[string]ocspder.ResponseStatus{
					string(w.signedRequest("known", "\x01")):           row.known,
					string(w.signedRequest("unknown", "\x01")):         row.unknown,
					string(w.request("\x01")):                          row.unsigned,
					string(w.request("\x01", "\x02")):                  row.unsigned,
					string(w.withNonce("\x01", "0123456789abcdef")):    row.unsigned,
					string(w.signedRequest("unknown", "\x01", "\x02")): row.unknown,
				} {
					if want != ok {
						wantError(t, w.post([]byte(request)), want)
						wantError(t, w.get([]byte(request)), want)
						continue
					}
					w.read(t, w.post([]byte(request)))
					w.read(t, w.get([]byte(request)))
				}
			}
		})
	}
}

func TestAnAnswerToASignedRequestIsForTheAskerAlone(t *testing.T) {
	w := newWorld(t, func(_ *responder.Options, i *responder.Issuer) {
		i.RequestSignature, i.Requestors = responder.RequireSignature, new(requestors)
	})
	wantHeaders(t, w.get(w.signedRequest("known", "\x01")), map[string]string{"Cache-Control": "max-age=60, private, no-transform, must-revalidate"})
}

// TestTheStrictestOfSeveralIssuersDecides about a request that asks about certificates of both.
func TestTheStrictestOfSeveralIssuersDecides(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	signer, _, err := responder.NewTrustedSigner(w.delegate.Certificate, w.delegate.Key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	known := new(requestors)
	w.responder.SetIssuers([]responder.Issuer{w.config, {Issuer: other.issuer, Signers: []*responder.Signer{signer},
		RequestSignature: responder.RequireSignature, Requestors: known}})
	both := must(ocspder.EncodeRequest([]ocspder.CertID{w.id("\x01"), other.id("\x01")}, nil))
	wantError(t, w.post(both), ocspder.SigRequired)
	if r := w.read(t, w.post(w.request("\x01"))); r.Status != ocspder.Successful {
		t.Errorf("the issuer that ignores signatures: %v", r.Status)
	}
	if known.asked != 0 {
		t.Errorf("%d unsigned requests were verified", known.asked)
	}
	if got := gather(t, w.responder)["veto_ocsp_responses_total{sig_required}"]; got != 1 {
		t.Errorf("%v answers sigRequired counted, want 1", got)
	}
}

func TestOnlyPlainRequestsAreFoundByTheirOctets(t *testing.T) {
	w := newWorld(t)
	hits := func() float64 { return gather(t, w.responder)["veto_ocsp_cache_lookups_total{hit}"] }
	for name, row := range map[string]struct {
		request []byte
		hit     float64
	}{
		"plain":             {w.request("\x01"), 1},
		"two certificates":  {w.request("\x01", "\x02"), 0},
		"with a nonce":      {w.withNonce("\x01", "0123456789abcdef"), 0},
		"with a preference": {w.preferring(sha256WithRSA), 0},
		"signed":            {w.signedRequest("known", "\x01"), 0},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			ask := func() {
				if method == http.MethodGet {
					w.get(row.request)
				} else {
					w.post(row.request)
				}
			}
			ask()
			before := hits()
			ask()
			if got := hits() - before; got != row.hit {
				t.Errorf("%s by %s: %v hits the second time, want %v", name, method, got, row.hit)
			}
			w.responder.Purge(w.issuer.ID, "\x01")
			before = hits()
			ask()
			if got := hits() - before; got != 0 {
				t.Errorf("%s by %s: found by its octets after Purge", name, method)
			}
		}
	}
}
