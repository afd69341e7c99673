package crlfetch

import (
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
)

// A bad answer names its rule, leaves the CRL in force, and is forgotten as soon as the server is well again.
func TestBadAnswersLeaveTheCRLInForce(t *testing.T) {
	type say struct {
		name  string
		rules []string // any of them
		says  string
		serve func(*rig) http.HandlerFunc
	}
	body := func(b []byte) func(*rig) http.HandlerFunc {
		return func(*rig) http.HandlerFunc { return serveBytes(b) }
	}
	status := func(code int) func(*rig) http.HandlerFunc {
		return func(*rig) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
		}
	}
	tests := []say{
		{"an HTML page with status 200", []string{"parse"}, "HTML page", body([]byte("<!DOCTYPE html><html><body>Sign in</body></html>"))},
		{"an empty body", []string{"truncated"}, "", body(nil)},
		{"a body of one octet", []string{"truncated"}, "", body([]byte{0x30})},
		{"a body of one odd octet", []string{"parse"}, "", body([]byte{'x'})},
		{"a CRL with an octet too many", []string{"parse"}, "follow", func(r *rig) http.HandlerFunc {
			return serveBytes(append(r.crl(6, 3), 0))
		}},
		{"a CRL of another issuer", []string{"issuer"}, "", func(r *rig) http.HandlerFunc {
			return serveBytes(makeCRL(r.t, newCA(r.t, pkitest.CAOptions{Name: "Another CA"}), 6, 3))
		}},
		{"a CRL of the same name with another key", []string{"key", "signature"}, "", func(r *rig) http.HandlerFunc {
			return serveBytes(makeCRL(r.t, newCA(r.t, pkitest.CAOptions{}), 6, 3))
		}},
		{"an older CRL", []string{"rollback"}, "", func(r *rig) http.HandlerFunc { return serveBytes(r.crl(4, 3)) }},
		{"the same number with other entries", []string{"equivocation", "rollback"}, "", func(r *rig) http.HandlerFunc {
			return serveBytes(r.crl(5, 3))
		}},
		{"an endless body", []string{"too-big"}, "max_bytes", func(r *rig) http.HandlerFunc {
			r.src.MaxBytes = 1 << 20
			return func(w http.ResponseWriter, _ *http.Request) {
				for block := make([]byte, 64<<10); ; {
					if _, err := w.Write(block); err != nil {
						return
					}
				}
			}
		}},
		{"a Content-Length of 5 GB", []string{"too-big"}, "5368709120", func(*rig) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "5368709120")
				w.WriteHeader(200)
				w.(http.Flusher).Flush()
			}
		}},
		{"a body shorter than its Content-Length", []string{"truncated"}, "connection ended", func(r *rig) http.HandlerFunc {
			crl := r.crl(6, 3)
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", fmt.Sprint(len(crl)))
				w.Write(crl[:len(crl)-1])
			}
		}},
		{"a chunked body that breaks off", []string{"truncated"}, "connection ended", func(r *rig) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Write(r.crl(6, 3)[:100])
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}
		}},
		{"no answer at all", []string{"network"}, "", func(*rig) http.HandlerFunc {
			return func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
		}},
		{"a gzipped CRL", []string{"encoding"}, "gzip", func(r *rig) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				z.Write(r.crl(6, 3))
				z.Close()
			}
		}},
		{"404", []string{"http-status"}, "404 Not Found", status(404)},
		{"500", []string{"http-status"}, "500", status(500)},
		{"206 to a request for everything", []string{"http-status"}, "206", status(206)},
		{"304 to an unconditional request", []string{"http-status"}, "304", status(304)},
		{"a redirect without a target", []string{"http-status"}, "302", status(302)},
		{"a redirect to another host", []string{"redirect"}, `"localhost"`, func(r *rig) http.HandlerFunc {
			return http.RedirectHandler(strings.Replace(r.src.URL, "127.0.0.1", "localhost", 1)+"?token=secret", 302).ServeHTTP
		}},
		{"a redirect loop", []string{"redirect"}, "3 times", func(r *rig) http.HandlerFunc {
			return http.RedirectHandler(r.src.URL, 301).ServeHTTP
		}},
		{"a redirect to a file", []string{"redirect"}, `"file"`, func(*rig) http.HandlerFunc {
			return http.RedirectHandler("file:///etc/passwd", 302).ServeHTTP
		}},
		{"a redirect with credentials", []string{"redirect"}, "credentials", func(r *rig) http.HandlerFunc {
			return http.RedirectHandler(strings.Replace(r.src.URL, "//", "//me:secret@", 1), 302).ServeHTTP
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			r.hold()
			r.serve(tt.serve(r))
			res := r.refresh()
			if res.Changed || res.NotModified || res.Err == nil {
				t.Fatalf("the refresh did not fail: %+v", res)
			}
			if rule := ruleOf(res.Err); !slices.Contains(tt.rules, rule) {
				t.Errorf("rule %q refused, want one of %q (%v)", rule, tt.rules, res.Err)
			}
			if !strings.Contains(res.Err.Error(), tt.says) || strings.Contains(res.Err.Error(), "secret") {
				t.Errorf("the error is %q, want %q in it and no secret", res.Err, tt.says)
			}
			r.wantHeld("5", "01", "02")
			st := r.memory.SourceState(r.src.Scope())
			if st.Failures != 1 || st.FailedAt.IsZero() || st.LastError != shorten(res.Err.Error()) || !st.NextFetch.Equal(res.Next) {
				t.Errorf("the state does not tell of the failure: %+v", st)
			}
			if len(r.swaps) != 1 {
				t.Errorf("%d swaps were reported, want the first only", len(r.swaps))
			}

			r.serve(serveBytes(r.crl(7, 1, 2, 3)))
			if res := r.refresh(); !res.Changed {
				t.Fatalf("the CRL after the failure was not taken: %v", res.Err)
			}
			r.wantHeld("7", "01", "02", "03")
			if st := r.memory.SourceState(r.src.Scope()); st.Failures != 0 || st.LastError != "" || !st.FailedAt.IsZero() {
				t.Errorf("the state still tells of a failure: %+v", st)
			}
		})
	}
}

func TestACRLCutAtAnyOctetIsRefused(t *testing.T) {
	r := newRig(t)
	r.hold()
	crl := r.crl(6, 3)
	for n := range crl {
		r.serve(serveBytes(crl[:n]))
		if res := r.refresh(); res.Err == nil || ruleOf(res.Err) != "truncated" {
			t.Fatalf("cut after %d of %d octets: %+v, want rule truncated", n, len(crl), res)
		}
	}
	r.wantHeld("5", "01", "02")
	if got := r.memory.SourceState(r.src.Scope()).Failures; got != len(crl) {
		t.Errorf("%d failures were counted, want %d", got, len(crl))
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	for _, value := range []string{"1800", time.Now().Add(30 * time.Minute).UTC().Format(http.TimeFormat)} {
		r := newRig(t)
		r.hold()
		r.serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		res := r.refresh()
		if wait := time.Until(res.Next); wait < 29*time.Minute || wait > 34*time.Minute {
			t.Errorf("Retry-After %q: the next fetch is in %s, want about half an hour", value, wait)
		}
		if !strings.Contains(res.Err.Error(), "503 Service Unavailable, and asks to come again in ") {
			t.Errorf("the error %q does not tell of Retry-After", res.Err)
		}
	}
}

func TestRetryAfterValues(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "-5": 0, "soon": 0, "1e9": 0, "99999999999999999999": 0,
		"Sun, 01 Nov 2026 12:10:00 GMT": 10 * time.Minute, "Sun, 01 Nov 2026 11:00:00 GMT": 0,
	}
	for value, want := range tests {
		if got := retryAfter(value, now); got != want {
			t.Errorf("retryAfter(%q) = %s, want %s", value, got, want)
		}
	}
}

func TestRedirectsToAllowedHostsAreFollowed(t *testing.T) {
	r := newRig(t)
	r.src.RedirectHosts = []string{"localhost"}
	crl := r.crl(5, 1)
	r.serve(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/ca.crl":
			http.Redirect(w, req, "/moved", 301)
		case "/moved":
			http.Redirect(w, req, strings.Replace("http://"+req.Host, "127.0.0.1", "LOCALHOST", 1)+"/there", 307)
		case "/there":
			http.Redirect(w, req, "/there/at-last", 302)
		default:
			serveBytes(crl)(w, req)
		}
	})
	if res := r.refresh(); !res.Changed {
		t.Fatalf("three allowed redirects were not followed: %v", res.Err)
	}
}

func TestHTTPS(t *testing.T) {
	r := newRigWithoutServer(t)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(r.ServeHTTP))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake that we refuse
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := r.listen()
	r.src.URL = secure.URL + "/ca.crl"
	r.serve(serveBytes(r.crl(5, 1)))

	if res := r.refresh(); res.Err == nil || ruleOf(res.Err) != "tls" {
		t.Errorf("a server of an unknown authority: %v, want rule tls", res.Err)
	}
	r.updater.fetcher.tls = secure.Client().Transport.(*http.Transport).TLSClientConfig
	if res := r.refresh(); !res.Changed {
		t.Errorf("a server of a known authority was refused: %v", res.Err)
	}
	r.serve(http.RedirectHandler(plain.URL+"/ca.crl", 302).ServeHTTP)
	if res := r.refresh(); res.Err == nil || ruleOf(res.Err) != "redirect" || !strings.Contains(res.Err.Error(), "https to http") {
		t.Errorf("a redirect from https to http: %v, want rule redirect", res.Err)
	}
	r.wantHeld("5", "01")
}
