package lane_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/lane"
)

// fieldEcho answers with the target and the fields that were sent. Both of its halves say the same.
type fieldEcho struct{}

func (fieldEcho) Respond(b []byte, r *lane.Request) ([]byte, bool) {
	h := http.Header{}
	for _, f := range r.Fields {
		h.Add(string(f.Name), string(f.Value))
	}
	text := fieldsSaid(string(r.Target), h)
	if !r.Remote.Addr().IsLoopback() {
		text = "from nowhere"
	}
	return fmt.Appendf(b, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-By: lane\r\nContent-Length: %d\r\n\r\n%s", len(text), text), true
}

func (fieldEcho) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	target := r.URL.RawPath
	if target == "" {
		target = r.URL.Path
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("X-By", "net/http")
	io.WriteString(w, fieldsSaid(target, r.Header))
}

// fieldsSaid is a target and fields as text. What net/http takes out, or adds, is left out.
func fieldsSaid(target string, h http.Header) string {
	var list []string
	for name, values := range h {
		if !slices.Contains([]string{"Connection", "Pragma", "Cache-Control"}, name) {
			list = append(list, fmt.Sprintf("%s=%q", name, values))
		}
	}
	slices.Sort(list)
	return target + " " + strings.Join(list, " ")
}

func withFields(s *lane.Server) {
	s.Fields, s.MaxRequest, s.Handler, s.HTTP = true, 4096, fieldEcho{}, &http.Server{Handler: fieldEcho{}}
}

const question = "GET /v1/authz/edge/a%2Fb?c=d&e HTTP/1.1\r\nHost: veto:8081\r\nX-SSL-Client-Cert: -----BEGIN%20CERT\r\nx-ssl-client-cert: again\r\n" +
	"User-Agent: Mozilla/5.0 (X11; rv:1)\r\nPragma: no-cache\r\nCookie: a=b; c=\"d\"\r\nX-Empty: \r\nConnection: keep-alive\r\n\r\n"

func TestAllFieldsArePassedOn(t *testing.T) {
	addr, _ := serve(t, withFields)
	const want = `/v1/authz/edge/a%2Fb Cookie=["a=b; c=\"d\""] User-Agent=["Mozilla/5.0 (X11; rv:1)"] X-Empty=[""] X-Ssl-Client-Cert=["-----BEGIN%20CERT" "again"]`
	c := dial(t, addr)
	for range 3 {
		res, body, err := c.ask(question)
		if err != nil || res.Header.Get("X-By") != "lane" || body != want {
			t.Fatalf("%v, %v\n%s\nwant\n%s", res, err, body, want)
		}
	}
}

// notWithFields are requests for net/http where fields are passed on.
var notWithFields = map[string]string{
	"POST":                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
	"a length":                "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
	"a body":                  "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
	"chunks":                  "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"an expectation":          "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
	"an upgrade":              "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n",
	"a named connection":      "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-SSL-Client-Cert\r\nX-SSL-Client-Cert: x\r\n\r\n",
	"a close":                 "GET / HTTP/1.1\r\nHost: a\r\nconnection: close\r\n\r\n",
	"TE":                      "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n",
	"trailers":                "GET / HTTP/1.1\r\nHost: a\r\nTrailer: X\r\n\r\n",
	"two Hosts":               "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n",
	"no Host":                 "GET / HTTP/1.1\r\nX: a\r\n\r\n",
	"a folded line":           "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n\tb\r\n\r\n",
	"a tab around":            "GET / HTTP/1.1\r\nHost: a\r\nX:\ta\t\r\n\r\n",
	"space after the value":   "GET / HTTP/1.1\r\nHost: a\r\nX: a \r\n\r\n",
	"space before the colon":  "GET / HTTP/1.1\r\nHost: a\r\nX-SSL-Client-Cert : a\r\n\r\n",
	"a name that is no token": "GET / HTTP/1.1\r\nHost: a\r\nX(Y): a\r\n\r\n",
	"an octet beyond ASCII":   "GET / HTTP/1.1\r\nHost: a\r\nX: \xe9\r\n\r\n",
	"a NUL":                   "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00\r\n\r\n",
	"a fragment":              "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n",
	"a broken query":          "GET /?%zz HTTP/1.1\r\nHost: a\r\n\r\n",
	"two at once":             question + question,
	"65 fields":               "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: a\r\n", 65) + "\r\n",
	"too long":                "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 5000) + "\r\n\r\n",
}

func TestWithFieldsTheRestIsForNetHTTP(t *testing.T) {
	addr, _ := serve(t, withFields)
	alone := serveHandlerAlone(t, fieldEcho{})
	for name, request := range notWithFields {
		t.Run(name, func(t *testing.T) {
			c, d := dial(t, addr), dial(t, alone)
			if _, _, err := c.ask(question); err != nil {
				t.Fatal(err)
			}
			got, gotBody, gotErr := c.ask(request)
			want, wantBody, wantErr := d.ask(request)
			if (gotErr != nil) != (wantErr != nil) || gotBody != wantBody {
				t.Fatalf("got %q, %v; net/http alone %q, %v", gotBody, gotErr, wantBody, wantErr)
			}
			if gotErr == nil && (got.StatusCode != want.StatusCode || got.Header.Get("X-By") != want.Header.Get("X-By")) {
				t.Errorf("got %s %v, net/http alone %s %v", got.Status, got.Header, want.Status, want.Header)
			}
		})
	}
}

// FuzzFields: whatever comes on a connection, the lane passes on what net/http does, field for field.
func FuzzFields(f *testing.F) {
	f.Add([]byte(question))
	for _, request := range notWithFields {
		f.Add([]byte(request))
	}
	together, _ := serve(f, withFields)
	alone := serveHandlerAlone(f, fieldEcho{})
	f.Fuzz(func(t *testing.T, in []byte) {
		got, want := exchange(t, together, in), exchange(t, alone, in)
		if len(got) != len(want) {
			t.Fatalf("%d responses, net/http alone gives %d:\n%v\n%v", len(got), len(want), got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("response %d: %+v, net/http alone %+v", i, got[i], want[i])
			}
		}
	})
}

func serveHandlerAlone(t testing.TB, h http.Handler) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-ended
	})
	return l.Addr().String()
}
