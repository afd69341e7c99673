package responder_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/bubble"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

func TestWhatHTTPAnswersItself(t *testing.T) {
	w := newWorld(t)
	request := w.request("\x01")
	for name, row := range map[string]struct {
		method, target string
		body           []byte
		header         []string
		code           int
		allow, closes  bool
	}{
		"PUT":                               {method: "PUT", target: "/ocsp", body: request, code: 405, allow: true},
		"DELETE":                            {method: "DELETE", target: "/", code: 405, allow: true},
		"POST of 10,001 octets":             {method: "POST", target: "/ocsp", body: make([]byte, 10_001), code: 413, closes: true},
		"POST as a form":                    {method: "POST", target: "/ocsp", body: request, header: []string{"Content-Type", "application/x-www-form-urlencoded"}, code: 415},
		"POST without a type":               {method: "POST", target: "/ocsp", body: request, header: []string{"Content-Type", ""}, code: 415},
		"POST elsewhere":                    {method: "POST", target: "/elsewhere", body: request, code: 404},
		"GET of nothing":                    {method: "GET", target: "/", code: 200},
		"GET of nothing at /ocsp":           {method: "GET", target: "/ocsp", code: 200},
		"GET of nothing at /ocsp/":          {method: "GET", target: "/ocsp/", code: 200},
		"POST at the root":                  {method: "POST", target: "/", body: request, code: 200},
		"POST at /ocsp/":                    {method: "POST", target: "/ocsp/", body: request, code: 200},
		"POST with a parameter of the type": {method: "POST", target: "/", body: request, header: []string{"Content-Type", "Application/OCSP-Request; v=1"}, code: 200},
	} {
		t.Run(name, func(t *testing.T) {
			rec := w.do(row.method, row.target, row.body, row.header...)
			if rec.Code != row.code || (rec.Header().Get("Allow") == "GET, HEAD, POST") != row.allow || (rec.Header().Get("Connection") == "close") != row.closes {
				t.Errorf("got %d, header %v; want %+v", rec.Code, rec.Header(), row.code)
			}
			if rec.Code != 200 && rec.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q of an HTTP error", rec.Header().Get("Cache-Control"))
			}
		})
	}
}

func TestWhatIsMalformed(t *testing.T) {
	w := newWorld(t)
	request := w.request("\x01")
	noise := make([]byte, 200)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for name, rec := range map[string]*httptest.ResponseRecorder{
		"POST of nothing":            w.post(nil),
		"POST of one octet":          w.post([]byte{0x30}),
		"POST of 10,000 zeros":       w.post(make([]byte, 10_000)),
		"POST of noise":              w.post(noise),
		"POST of a cut request":      w.post(request[:len(request)-1]),
		"POST of a request and more": w.post(append(bytes.Clone(request), 0)),
		"POST of the base64":         w.post([]byte(strings.TrimPrefix(getPath(request), "/ocsp/"))),
		"POST of a GET's path":       w.post([]byte(getPath(request))),
		"GET of a word":              w.do("GET", "/favicon.ico", nil),
		"GET of dot segments":        w.do("GET", "/ocsp/../x", nil),
		"GET of a cut request":       w.get(request[:len(request)-1]),
		"GET of the URL-safe kind":   w.do("GET", "/ocsp/-_-_", nil),
		"GET with a line feed":       w.do("GET", strings.Replace(getPath(request), "/ocsp/M", "/ocsp/M%0A", 1), nil),
		"GET with a carriage return": w.do("GET", getPath(request)+"%0D", nil),
		"GET escaped twice":          w.do("GET", strings.ReplaceAll(getPath(request), "%", "%25"), nil),
		"GET with padding inside":    w.do("GET", "/ocsp/MA==MA==", nil),
		"GET of 9,000 octets":        w.do("GET", "/"+strings.Repeat("A", 9000), nil),
		"GET after two more slashes": w.do("GET", "/ocsp//"+strings.TrimPrefix(getPath(request), "/ocsp"), nil),
		"POST of 17 CertIDs":         w.post(w.request(serials(17)...)),
		"GET of a request of 9 CertIDs and one octet too many": w.get(append(w.request(serials(9)...), 0)),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, rec, ocspder.MalformedRequest) })
	}
}

func serials(n int) (list []revocation.Serial) {
	for i := range n {
		list = append(list, revocation.Serial(rune(1+i)))
	}
	return list
}

// wantError checks the five octets, HTTP 200 and that no cache may keep them (RFC 9919 §7.2).
func wantError(t *testing.T, rec *httptest.ResponseRecorder, status ocspder.ResponseStatus) {
	t.Helper()
	if rec.Code != 200 || !bytes.Equal(rec.Body.Bytes(), ocspder.ErrorResponse(status)) {
		t.Fatalf("got HTTP %d, %x; want %v", rec.Code, rec.Body.Bytes(), status)
	}
	for name, want := range map[string]string{"Content-Type": "application/ocsp-response", "Content-Length": "5",
		"Cache-Control": "no-store", "Pragma": "no-cache", "Etag": "", "Expires": ""} {
		if got := rec.Header().Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestHeadersOfAGoodAnswer(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		thisUpdate := time.Now().Add(-time.Hour)
		w.book.set("\x01", revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseNotListed, Fresh: true,
			ThisUpdate: thisUpdate, NextUpdate: time.Now().Add(time.Hour), ValidUntil: time.Now().Add(time.Hour)})
		rec := w.get(w.request("\x01"))
		r := w.read(t, rec)
		wantHeaders(t, rec, map[string]string{
			"Content-Type":   "application/ocsp-response",
			"Content-Length": fmt.Sprint(rec.Body.Len()),
			"Last-Modified":  thisUpdate.UTC().Format(http.TimeFormat),
			"Expires":        r.Singles[0].NextUpdate.Format(http.TimeFormat),
			"Etag":           fmt.Sprintf(`"%x"`, sha256.Sum256(rec.Body.Bytes())),
			"Cache-Control":  "max-age=60, public, no-transform, must-revalidate",
			"Pragma":         "",
		})
		post := w.post(w.request("\x01"))
		wantHeaders(t, post, map[string]string{"Cache-Control": "max-age=60, private, no-transform, must-revalidate"})
		if !bytes.Equal(post.Body.Bytes(), rec.Body.Bytes()) {
			t.Error("POST and GET were signed separately")
		}
		nonce := w.get(w.withNonce("\x01", "0123456789abcdef"))
		wantHeaders(t, nonce, map[string]string{"Cache-Control": "no-store", "Etag": "", "Expires": "", "Last-Modified": ""})
		head := w.do("HEAD", getPath(w.request("\x01")), nil)
		if head.Body.Len() != 0 {
			t.Errorf("HEAD has a body of %d octets", head.Body.Len())
		}
		wantHeaders(t, head, map[string]string{"Content-Length": rec.Header().Get("Content-Length"), "Etag": rec.Header().Get("Etag")})
	})
}

func wantHeaders(t *testing.T, rec *httptest.ResponseRecorder, want map[string]string) {
	t.Helper()
	for name, v := range want {
		if got := rec.Header().Get(name); got != v {
			t.Errorf("%s: %q, want %q", name, got, v)
		}
	}
}

func TestMaxAgeEndsBeforeNextUpdate(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.book.set("\x01", revocation.CertStatus{Status: revocation.Good, Because: revocation.BecauseNotListed, Fresh: true,
			ThisUpdate: time.Now().Add(-time.Hour), ValidUntil: time.Now().Add(30 * time.Second)})
		wantHeaders(t, w.get(w.request("\x01")), map[string]string{"Cache-Control": "max-age=29, public, no-transform, must-revalidate"})
		time.Sleep(10 * time.Second)
		wantHeaders(t, w.get(w.request("\x01")), map[string]string{"Cache-Control": "max-age=19, public, no-transform, must-revalidate"})
		time.Sleep(20 * time.Second)
		wantError(t, w.get(w.request("\x01")), ocspder.TryLater)
	})
}

func TestConditionalRequests(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		w := newWorld(t)
		request := w.request("\x01")
		first := w.get(request)
		etag := first.Header().Get("Etag")
		later := time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat)
		time.Sleep(3 * time.Second)
		for name, row := range map[string]struct {
			header []string
			code   int
		}{
			"the ETag":                      {[]string{"If-None-Match", etag}, 304},
			"the ETag made weak by a proxy": {[]string{"If-None-Match", "W/" + etag}, 304},
			"the ETag among others":         {[]string{"If-None-Match", `"x", ` + etag}, 304},
			"any ETag":                      {[]string{"If-None-Match", "*"}, 304},
			"another ETag":                  {[]string{"If-None-Match", `"x"`}, 200},
			"another ETag and a late date":  {[]string{"If-None-Match", `"x"`, "If-Modified-Since", later}, 200},
			"a date after it was made":      {[]string{"If-Modified-Since", later}, 304},
			"the second it was made in":     {[]string{"If-Modified-Since", first.Header().Get("Last-Modified")}, 200},
			"a date that is none":           {[]string{"If-Modified-Since", "yesterday"}, 200},
		} {
			rec := w.get(request, row.header...)
			if rec.Code != row.code {
				t.Errorf("%s: %d, want %d", name, rec.Code, row.code)
			}
			if row.code == 304 && (rec.Body.Len() > 0 || rec.Header().Get("Etag") != etag || rec.Header().Get("Cache-Control") == "") {
				t.Errorf("%s: 304 with %d octets and header %v", name, rec.Body.Len(), rec.Header())
			}
		}
		if rec := w.do("POST", "/ocsp", request, "If-None-Match", etag); rec.Code != 200 {
			t.Errorf("POST with the ETag: %d, want 200", rec.Code)
		}
		w.book.set("\x01", revokedNow())
		w.responder.Purge(w.issuer.ID, "\x01")
		if rec := w.get(request, "If-None-Match", etag); rec.Code != 200 || w.status(t, rec) != revocation.Revoked {
			t.Errorf("after the revocation: %d", rec.Code)
		}
	})
}

func TestNonces(t *testing.T) {
	w := newWorld(t)
	for n, echoed := range map[int]bool{1: false, 15: false, 16: true, 32: true, 33: false, 128: false} {
		nonce := strings.Repeat("n", n)
		r := w.read(t, w.post(w.withNonce("\x01", nonce)))
		if got := string(r.Nonce()); (got == nonce) != echoed || (got == "") == echoed {
			t.Errorf("a nonce of %d octets came back as %q, want it echoed: %t", n, got, echoed)
		}
	}
	plain := w.post(w.request("\x01"))
	if r := w.read(t, plain); r.Nonce() != nil {
		t.Errorf("a request without nonce got %x", r.Nonce())
	}
	one, two := w.post(w.withNonce("\x01", "0123456789abcdef")), w.post(w.withNonce("\x01", "0123456789abcdef"))
	if bytes.Equal(one.Body.Bytes(), two.Body.Bytes()) {
		t.Error("an answer with a nonce was given out twice")
	}
}

func TestSeveralCertIDsAreAnsweredInOrder(t *testing.T) {
	w := newWorld(t)
	w.book.set("\x02", revokedNow())
	r := w.read(t, w.post(w.request("\x01", "\x02", "\x03")))
	if len(r.Singles) != 3 {
		t.Fatalf("%d SingleResponses, want 3", len(r.Singles))
	}
	for i, want := range []revocation.Status{revocation.Good, revocation.Revoked, revocation.Good} {
		if got := r.Singles[i]; got.Status != want || got.CertID.Serial != revocation.Serial(rune(1+i)) {
			t.Errorf("answer %d: %v for serial %v, want %v", i, got.Status, got.CertID.Serial, want)
		}
	}
	w.book.set("\x03", revocation.CertStatus{Because: revocation.BecauseStale})
	wantError(t, w.post(w.request("\x01", "\x02", "\x03")), ocspder.TryLater)
}

func TestAPanicIsAnInternalError(t *testing.T) {
	w := newWorld(t)
	w.book.before = func() { panic("a fault of ours") }
	wantError(t, w.post(w.request("\x01")), ocspder.InternalError)
	wantError(t, w.get(w.withNonce("\x01", "0123456789abcdef")), ocspder.InternalError)
	w.book.before = nil
	if got := w.status(t, w.post(w.request("\x01"))); got != revocation.Good {
		t.Errorf("after the panic: %v", got)
	}
}

func TestMetricsCollectTogether(t *testing.T) {
	w := newWorld(t)
	w.post(w.request("\x01"))
	w.post(w.request("\x01"))
	w.post(nil)
	got := gather(t, w.responder)
	for name, want := range map[string]float64{
		`veto_ocsp_responses_total{good}`:              2,
		`veto_ocsp_responses_total{malformed_request}`: 1,
		`veto_ocsp_cache_lookups_total{hit}`:           1,
		`veto_ocsp_cache_lookups_total{miss}`:          1,
		`veto_ocsp_signer_not_after_seconds{devices}`:  float64(w.delegate.Certificate.NotAfter.Unix()),
	} {
		if got[name] != want {
			t.Errorf("%s = %v, want %v", name, got[name], want)
		}
	}
}
