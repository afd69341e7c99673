package responder_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// TestEveryFormOfGetIsThePost sends requests whose base64 holds '+' and '//' as clients do, octet by octet over TCP, and
// compares the answer with that to POST.
func TestEveryFormOfGetIsThePost(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.responder)
	defer server.Close()
	conn := dial(t, server)
	rapid.Check(t, func(t *rapid.T) {
		serial := rapid.SliceOfN(rapid.ByteRange(0xf8, 0xff), 8, 20).Draw(t, "serial") // many '/' and '+'
		request := w.request(revocation.Serial(append([]byte{0x7b}, serial...)))
		text := base64.StdEncoding.EncodeToString(request)
		if rapid.Bool().Draw(t, "without padding") {
			text = strings.TrimRight(text, "=")
		}
		path := rapid.SampledFrom([]string{"/", "//", "/ocsp/", "/ocsp//"}).Draw(t, "mount") + escape(t, text)
		got := conn.get(t, path)
		want := w.post(request).Body.Bytes()
		if !bytes.Equal(got, want) {
			t.Fatalf("GET %s\n%x, POST\n%x", path, got, want)
		}
	})
}

// escape writes each of '+', '/', '=' in one of the ways clients do.
func escape(t *rapid.T, text string) string {
	ways := map[rune][]string{'+': {"+", "%2B", "%2b", "%20"}, '/': {"/", "%2F", "%2f"}, '=': {"=", "%3D", "%3d"}}
	var b strings.Builder
	for _, c := range text {
		if w := ways[c]; w != nil {
			b.WriteString(rapid.SampledFrom(w).Draw(t, "escape"))
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

func TestDoubleSlashesInsideBase64Survive(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.responder)
	defer server.Close()
	for shift := range 3 { // one of the three alignments puts the slashes side by side
		request := w.request(revocation.Serial("\x11\x11\x11"[:1+shift] + strings.Repeat("\xff", 12)))
		text := base64.StdEncoding.EncodeToString(request)
		if !strings.Contains(text, "//") {
			t.Fatalf("%s has no double slash", text)
		}
		r := must(ocspder.ParseResponse(dial(t, server).get(t, "/ocsp/"+text)))
		if r.Status != ocspder.Successful {
			t.Errorf("GET /ocsp/%s: %v", text, r.Status)
		}
	}
}

// tcp is a client that sends exactly the octets it is told to.
type tcp struct {
	conn   net.Conn
	reader *bufio.Reader
}

func dial(t *testing.T, server *httptest.Server) *tcp {
	t.Helper()
	conn := must(net.Dial("tcp", server.Listener.Addr().String()))
	t.Cleanup(func() { conn.Close() })
	return &tcp{conn, bufio.NewReader(conn)}
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func (c *tcp) get(t fataler, path string) []byte {
	t.Helper()
	body, err := c.exchange("GET " + path + " HTTP/1.1\r\nHost: ocsp.test\r\n\r\n")
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return body
}

func TestHTTP10AndAbsoluteURLsAreServed(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.responder)
	defer server.Close()
	for _, head := range []string{
		"GET " + getPath(w.request("\x01")) + " HTTP/1.0\r\n\r\n",
		"GET http://ocsp.test" + getPath(w.request("\x01")) + " HTTP/1.1\r\nHost: ocsp.test\r\n\r\n",
	} {
		c := dial(t, server)
		io.WriteString(c.conn, head)
		res, err := http.ReadResponse(c.reader, nil)
		if err != nil || res.StatusCode != 200 || res.ContentLength < 100 || res.Header.Get("Date") == "" {
			t.Errorf("%q: %+v, %v", head, res, err)
		}
	}
}

// TestAnEndlessBodyIsCutOff: 10,001 octets of a chunked body are enough to refuse it.
func TestAnEndlessBodyIsCutOff(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.responder)
	defer server.Close()
	body := new(zeros)
	body.left.Store(64 << 20)
	res, err := http.Post(server.URL, "application/ocsp-request", body)
	if err == nil {
		res.Body.Close()
		if res.StatusCode != 413 || !res.Close {
			t.Errorf("got %s, close %t; want 413 and close", res.Status, res.Close)
		}
	}
	if left := body.left.Load(); left < 32<<20 { // the transport may go on reading for a moment
		t.Errorf("%d octets were taken", 64<<20-left)
	}
}

type zeros struct{ left atomic.Int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left.Add(-int64(len(p))) <= 0 {
		return 0, io.EOF
	}
	clear(p)
	return len(p), nil
}

// TestRequestsOfOtherProjectsAreAnswered: the CAs are unknown here, so well-formed requests are unauthorized.
func TestRequestsOfOtherProjectsAreAnswered(t *testing.T) {
	dir := os.Getenv("VETO_CORPORA")
	if dir == "" {
		t.Skip("VETO_CORPORA is not set: no test data of other projects")
	}
	w := newWorld(t)
	for file, want := range map[string]ocspder.ResponseStatus{
		"pyca-x509/ocsp/req-multi-sha1.der":       ocspder.Unauthorized,
		"pyca-x509/ocsp/req-invalid-hash-alg.der": ocspder.Unauthorized,
		"pyca-x509/ocsp/req-ext-unknown-oid.der":  ocspder.Unauthorized,
		"pyca-x509/ocsp/req-duplicate-ext.der":    ocspder.MalformedRequest,
		"aws-lc-ocsp/ocsp_request_signed.der":     ocspder.Unauthorized,
		"rfc9919-examples/request.der":            ocspder.Unauthorized,
	} {
		request := must(os.ReadFile(filepath.Join(dir, file)))
		wantError(t, w.post(request), want)
		wantError(t, w.get(request), want)
	}
}
