package lane_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vetopki/veto/internal/lane"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers with what was asked, and leaves the path /other to net/http. Both of its halves say the same.
type echo struct{}

func (echo) text(post bool, target string, body []byte) string {
	return fmt.Sprintf("post %t, %s, %q", post, target, body)
}

func (e echo) Respond(b []byte, r *lane.Request) ([]byte, bool) {
	if string(r.Target) == "/other" {
		return b, false
	}
	text := e.text(r.Post, string(r.Target), r.Body)
	return fmt.Appendf(b, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-By: lane\r\nContent-Length: %d\r\n\r\n%s", len(text), text), true
}

func (e echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	target := r.URL.EscapedPath()
	if r.URL.RawPath != "" {
		target = r.URL.RawPath
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("X-By", "net/http")
	io.WriteString(w, e.text(r.Method == http.MethodPost, target, body))
}

// serve runs a Server on loopback until the test ends.
func serve(t testing.TB, change func(*lane.Server)) (addr string, s *lane.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = &lane.Server{Handler: echo{}, HTTP: &http.Server{Handler: echo{}}}
	change(s)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve ended by %v", err)
		}
	})
	return l.Addr().String(), s
}

// client sends exactly the octets it is told to.
type client struct {
	net.Conn
	reader *bufio.Reader
}

func dial(t testing.TB, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &client{c, bufio.NewReader(c)}
}

// ask sends octets and returns the response, its body read.
func (c *client) ask(octets string) (*http.Response, string, error) {
	if _, err := io.WriteString(c, octets); err != nil {
		return nil, "", err
	}
	method, _, _ := strings.Cut(octets, " ")
	res, err := http.ReadResponse(c.reader, &http.Request{Method: method}) // one to HEAD has no body
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

const (
	get  = "GET /a/b%2F+c= HTTP/1.1\r\nHost: a.test:80\r\n\r\n"
	post = "POST /ocsp HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/ocsp-request\r\nContent-Length: 5\r\n\r\nhello"
)

func TestSimpleRequestsAreAnsweredAtOnce(t *testing.T) {
	addr, _ := serve(t, func(*lane.Server) {})
	c := dial(t, addr)
	for _, row := range []struct{ request, want string }{
		{get, `post false, /a/b%2F+c=, ""`},
		{post, `post true, /ocsp, "hello"`},
		{"GET //x HTTP/1.1\r\nhost: [::1]:8080\r\nUser-Agent: Microsoft-CryptoAPI/10.0\r\nACCEPT: */*\r\nConnection: Keep-Alive\r\n" +
			"Accept-Encoding: gzip, deflate\r\nAccept-Language: de\r\nCache-Control: no-cache\r\nPragma: no-cache\r\nVia: 1.1 p\r\n" +
			"X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\nX-Real-IP: 192.0.2.1\r\nForwarded: for=x\r\n\r\n", `post false, //x, ""`},
	} {
		res, body, err := c.ask(row.request)
		if err != nil || res.StatusCode != 200 || res.Header.Get("X-By") != "lane" || body != row.want {
			t.Errorf("%q: %v, %q, %v", row.request, res, body, err)
		}
	}
}

// handedOver are requests for net/http: what comes of them is its affair.
var handedOver = map[string]string{
	"what the handler does not want":       "GET /other HTTP/1.1\r\nHost: a\r\n\r\n",
	"HEAD":                                 "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
	"HTTP/1.0":                             "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
	"no Host":                              "GET / HTTP/1.1\r\nAccept: a\r\n\r\n",
	"two Hosts":                            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
	"a strange Host":                       "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
	"an empty Host":                        "GET / HTTP/1.1\r\nHost: \r\n\r\n",
	"a query":                              "GET /?a HTTP/1.1\r\nHost: a\r\n\r\n",
	"an absolute URL":                      "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
	"an asterisk":                          "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
	"a broken escape":                      "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n",
	"a cut escape":                         "GET /%2 HTTP/1.1\r\nHost: a\r\n\r\n",
	"two spaces":                           "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
	"a condition":                          "GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\"\r\n\r\n",
	"a range":                              "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n",
	"a close":                              "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
	"an upgrade":                           "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
	"an unknown field":                     "GET / HTTP/1.1\r\nHost: a\r\nX-Unknown: a\r\n\r\n",
	"a space before the colon":             "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
	"a space before the name":              "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
	"a folded line":                        "GET / HTTP/1.1\r\nHost: a\r\nAccept: a\r\n b\r\n\r\n",
	"a bare line feed":                     "GET / HTTP/1.1\nHost: a\n\n",
	"a line feed in a value":               "GET / HTTP/1.1\r\nHost: a\r\nAccept: a\nHost: b\r\n\r\n",
	"a carriage return in a value":         "GET / HTTP/1.1\r\nHost: a\r\nAccept: a\rb\r\n\r\n",
	"a field without colon":                "GET / HTTP/1.1\r\nHost: a\r\nAccept\r\n\r\n",
	"a GET with a body":                    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
	"two requests at once":                 get + get,
	"a POST without length":                "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\n\r\n",
	"a POST with two lengths":              "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
	"a POST with a sign":                   "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nContent-Length: +1\r\n\r\nx",
	"a POST with a leading zero":           "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nContent-Length: 01\r\n\r\nx",
	"a POST in chunks":                     "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
	"a POST with both":                     "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
	"a POST of another type":               "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
	"a POST without type":                  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
	"a POST of two types":                  "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
	"a POST that expects to be told":       "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/ocsp-request\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
	"a path of 2,048 octets":               "GET /" + strings.Repeat("a", 2047) + " HTTP/1.1\r\nHost: a\r\n\r\n",
	"noise":                                "\x16\x03\x01\x02\x00\r\n\r\n",
	"a request and the beginning of a one": get + "GET /",
}

// TestEverythingElseIsForNetHTTP: no octet is lost or answered twice, and what net/http refuses is refused.
func TestEverythingElseIsForNetHTTP(t *testing.T) {
	addr, _ := serve(t, func(*lane.Server) {})
	alone := serveAlone(t)
	for name, request := range handedOver {
		t.Run(name, func(t *testing.T) {
			c, d := dial(t, addr), dial(t, alone)
			if _, _, err := c.ask(get); err != nil { // the connection was in the lane before
				t.Fatal(err)
			}
			got, gotBody, gotErr := c.ask(request)
			want, wantBody, wantErr := d.ask(request)
			if (gotErr != nil) != (wantErr != nil) || gotBody != wantBody {
				t.Fatalf("got %q, %v; net/http alone %q, %v", gotBody, gotErr, wantBody, wantErr)
			}
			if gotErr == nil && (got.StatusCode != want.StatusCode || got.Header.Get("X-By") != want.Header.Get("X-By") || got.Close != want.Close) {
				t.Errorf("got %s %v, net/http alone %s %v", got.Status, got.Header, want.Status, want.Header)
			}
		})
	}
}

// TestARequestInPiecesIsAnswered by net/http, which goes on with the connection.
func TestARequestInPiecesIsAnswered(t *testing.T) {
	addr, _ := serve(t, func(*lane.Server) {})
	for _, request := range []string{get, post} {
		for cut := 1; cut < len(request); cut += 7 {
			c := dial(t, addr)
			io.WriteString(c, request[:cut])
			if res, _, err := c.ask(request[cut:]); err != nil || res.StatusCode != 200 {
				t.Fatalf("cut after %d octets: %v, %v", cut, res, err)
			}
			if res, _, err := c.ask(get); err != nil || res.StatusCode != 200 {
				t.Fatalf("the next request: %v, %v", res, err)
			}
		}
	}
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	addr, _ := serve(t, func(s *lane.Server) { s.IdleTimeout = 50 * time.Millisecond })
	c := dial(t, addr)
	if _, _, err := c.ask(get); err != nil {
		t.Fatal(err)
	}
	if _, err := c.reader.ReadByte(); err != io.EOF {
		t.Errorf("the idle connection: %v, want its end", err)
	}
}

// TestARequestThatNeverEndsIsCutOff: whoever sends one octet after the other gets the patience of net/http, not ours.
func TestARequestThatNeverEndsIsCutOff(t *testing.T) {
	addr, _ := serve(t, func(s *lane.Server) { s.HTTP.ReadHeaderTimeout = 50 * time.Millisecond })
	for _, request := range []string{get, post} {
		c := dial(t, addr)
		if _, _, err := c.ask(get); err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, request[:len(request)/3])
		if _, err := io.ReadAll(c.reader); err != nil { // what net/http says, then the end
			t.Errorf("a third of %q: %v", request, err)
		}
	}
}

// TestBeyondTheBoundAnIdleConnectionMakesRoom, and the new one is served.
func TestBeyondTheBoundAnIdleConnectionMakesRoom(t *testing.T) {
	addr, _ := serve(t, func(s *lane.Server) { s.MaxConns = 4 })
	var conns []*client
	for range 4 {
		c := dial(t, addr)
		if _, _, err := c.ask(get); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	for range 10 {
		if res, _, err := dial(t, addr).ask(get); err != nil || res.StatusCode != 200 {
			t.Fatalf("a connection beyond the bound: %v, %v", res, err)
		}
	}
	for i, c := range conns {
		if _, err := c.reader.ReadByte(); err != io.EOF {
			t.Errorf("connection %d is open: %v", i, err)
		}
	}
}

// TestConnectionsOfNetHTTPCountToo: when it has all, a new one is closed.
func TestConnectionsOfNetHTTPCountToo(t *testing.T) {
	addr, _ := serve(t, func(s *lane.Server) { s.MaxConns = 2 })
	var conns []*client
	for range 2 {
		c := dial(t, addr)
		if _, _, err := c.ask("GET /other HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	if res, _, err := dial(t, addr).ask(get); err == nil {
		t.Errorf("a third connection: %v", res)
	}
	conns[0].Close()
	for { // net/http takes note of the end when it takes it
		if res, _, err := dial(t, addr).ask(get); err == nil && res.StatusCode == 200 {
			return
		}
	}
}

// TestShutdownLetsAnAnswerBeWritten and closes the rest.
func TestShutdownLetsAnAnswerBeWritten(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	slow := &slowHandler{asked: make(chan struct{}), answer: make(chan struct{})}
	s := &lane.Server{Handler: slow, HTTP: &http.Server{Handler: echo{}}}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	idle, busy := dial(t, l.Addr().String()), dial(t, l.Addr().String())
	if _, _, err := idle.ask("GET /fast HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	io.WriteString(busy, get)
	<-slow.asked
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	if _, err := idle.reader.ReadByte(); err != io.EOF {
		t.Errorf("the idle connection: %v, want its end", err)
	}
	close(slow.answer)
	if res, err := http.ReadResponse(busy.reader, nil); err != nil || res.StatusCode != 200 {
		t.Errorf("the answer under way: %v, %v", res, err)
	}
	if err := <-down; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

// TestShutdownEndsWithItsContext: an answer that hangs is cut off.
func TestShutdownEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	slow := &slowHandler{asked: make(chan struct{}), answer: make(chan struct{})}
	s := &lane.Server{Handler: slow, HTTP: &http.Server{Handler: echo{}}}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	io.WriteString(dial(t, l.Addr().String()), get)
	<-slow.asked
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(ctx) }()
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	close(slow.answer)
	if err := <-down; err != nil && !errors.Is(err, context.Canceled) { // nil when the answer came before it looked
		t.Errorf("Shutdown: %v", err)
	}
}

// slowHandler says that it was asked and waits, but for /fast.
type slowHandler struct{ asked, answer chan struct{} }

func (h *slowHandler) Respond(b []byte, r *lane.Request) ([]byte, bool) {
	if !bytes.Equal(r.Target, []byte("/fast")) {
		close(h.asked)
		<-h.answer
	}
	return echo{}.Respond(b, r)
}
