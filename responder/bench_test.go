package responder_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// sink is a ResponseWriter that keeps its header map, as net/http does for the time of a request.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

func bench(b *testing.B, w *world, method, path string, body []byte) {
	u, err := url.ParseRequestURI(path)
	if err != nil {
		b.Fatal(err)
	}
	reader := bytes.NewReader(body)
	req := &http.Request{Method: method, URL: u, Proto: "HTTP/1.1", Body: io.NopCloser(reader), ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/ocsp-request"}}}
	s := &sink{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		clear(s.header)
		w.responder.ServeHTTP(s, req)
	}
}

func BenchmarkCachedPost(b *testing.B) {
	w := newWorld(b)
	bench(b, w, "POST", "/ocsp", w.request("\x01\x02\x03\x04\x05\x06\x07\x08"))
}

func BenchmarkCachedGet(b *testing.B) {
	w := newWorld(b)
	bench(b, w, "GET", getPath(w.request("\x01\x02\x03\x04\x05\x06\x07\x08")), nil)
}

// BenchmarkNonce signs for each request with P-256.
func BenchmarkNonce(b *testing.B) {
	w := newWorld(b)
	bench(b, w, "POST", "/ocsp", w.withNonce("\x01", "0123456789abcdef"))
}

// BenchmarkCachedOnTheWire is a cached GET with its whole HTTP response.
func BenchmarkCachedOnTheWire(b *testing.B) {
	w := newWorld(b)
	target := []byte(getPath(w.request("\x01\x02\x03\x04\x05\x06\x07\x08")))
	buffer := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		w.responder.AppendHTTP(buffer, false, target, nil)
	}
}
