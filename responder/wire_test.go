package responder_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// onWire is AppendHTTP's response as an HTTP client reads it; nil when HTTP is to answer itself.
func onWire(t *testing.T, w *world, post bool, target string, body []byte) (*http.Response, []byte) {
	t.Helper()
	out, ok := w.responder.AppendHTTP([]byte("kept"), post, []byte(target), body)
	if !bytes.HasPrefix(out, []byte("kept")) || (!ok && len(out) > 4) {
		t.Fatalf("what was there before: %q", out[:min(len(out), 20)])
	}
	if !ok {
		return nil, nil
	}
	reader := bufio.NewReader(bytes.NewReader(out[4:]))
	res := must(http.ReadResponse(reader, nil))
	read := must(io.ReadAll(res.Body))
	if reader.Buffered() > 0 {
		t.Errorf("%d octets after the response", reader.Buffered())
	}
	return res, read
}

// TestTheWireSaysWhatNetHTTPSays: both ways out have the same body and the same header.
func TestTheWireSaysWhatNetHTTPSays(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.book.set("\x02", revokedNow())
		w.book.set("\x03", revocation.CertStatus{Because: revocation.BecauseStale})
		w.book.set("\x04", revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseNotListed, Fresh: true,
			ThisUpdate: time.Now().Add(-time.Hour), ValidUntil: time.Now().Add(30 * time.Second)})
		for name, request := range map[string][]byte{
			"good":                 w.request("\x01"),
			"revoked":              w.request("\x02"),
			"stale":                w.request("\x03"),
			"soon to end":          w.request("\x04"),
			"several":              w.request("\x01", "\x02"),
			"a nonce":              w.withNonce("\x01", "0123456789abcdef"),
			"a signature":          w.signedRequest("known", "\x01"),
			"malformed":            []byte("no request"),
			"another CA's request": newWorld(t).request("\x01"),
		} {
			for _, post := range []bool{false, true} {
				how := fmt.Sprintf("%s, POST %t", name, post)
				target, body, method := getPath(request), []byte(nil), "GET"
				if post {
					target, body, method = "/ocsp", request, "POST"
				}
				for range 2 { // the second time from the cache
					want := w.do(method, target, body).Result()
					wantBody := must(io.ReadAll(want.Body))
					got, gotBody := onWire(t, w, post, target, body)
					if got == nil {
						t.Fatalf("%s: not answered", how)
					}
					if got.Header.Get("Date") != time.Now().UTC().Format(http.TimeFormat) {
						t.Errorf("%s: Date %q", how, got.Header.Get("Date"))
					}
					got.Header.Del("Date") // net/http adds it on the way out
					if name != "a nonce" && name != "several" && !bytes.Equal(gotBody, wantBody) {
						t.Errorf("%s: body\n%x, by net/http\n%x", how, gotBody, wantBody)
					}
					for _, h := range []http.Header{got.Header, want.Header} { // signed anew, an answer has another length
						if name == "a nonce" || name == "several" {
							h.Del("Content-Length")
							h.Del("Etag")
						}
					}
					if !maps.EqualFunc(got.Header, want.Header, slices.Equal) {
						t.Errorf("%s: header\n%v, by net/http\n%v", how, got.Header, want.Header)
					}
				}
			}
		}
	})
}

func TestTheWireLeavesToHTTPWhatIsNoOCSP(t *testing.T) {
	w := newWorld(t)
	for _, row := range []struct {
		post   bool
		target string
		body   []byte
	}{
		{false, "/", nil}, {false, "/ocsp", nil}, {false, "/ocsp/", nil}, {false, "//", nil},
		{true, "/elsewhere", w.request("\x01")}, {true, "/ocsp", make([]byte, responder.MaxBody+1)},
	} {
		if res, _ := onWire(t, w, row.post, row.target, row.body); res != nil {
			t.Errorf("%+v: answered %s", row.target, res.Status)
		}
	}
}

func TestAPanicOnTheWireIsAnInternalError(t *testing.T) {
	w := newWorld(t)
	w.book.before = func() { panic("a fault of ours") }
	_, body := onWire(t, w, true, "/ocsp", w.request("\x01"))
	if !bytes.Equal(body, ocspder.ErrorResponse(ocspder.InternalError)) {
		t.Errorf("got %x", body)
	}
	if got := gather(t, w.responder)["veto_ocsp_panics_total"]; got != 1 {
		t.Errorf("%v panics counted", got)
	}
}
