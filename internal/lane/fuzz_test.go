package lane_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/vetopki/veto/internal/lane"
)

// FuzzLane: whatever comes on a connection, the lane before net/http says what net/http alone says, request for request.
func FuzzLane(f *testing.F) {
	f.Add([]byte(get))
	f.Add([]byte(post))
	f.Add([]byte(get + post + get))
	for _, request := range handedOver {
		f.Add([]byte(request))
	}
	together, _ := serve(f, func(*lane.Server) {})
	alone := serveAlone(f)
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

// serveAlone runs net/http on loopback until the test ends.
func serveAlone(t testing.TB) (addr string) { return serveHandlerAlone(t, echo{}) }

// said is what counts of a response.
type said struct {
	status      int
	body        string
	contentType string
}

// exchange sends octets, ends its side, and reads all responses.
func exchange(t *testing.T, addr string, in []byte) (list []said) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Write(in)
	c.(*net.TCPConn).CloseWrite()
	reader := bufio.NewReader(c)
	for {
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			return list
		}
		body, _ := io.ReadAll(res.Body)
		list = append(list, said{res.StatusCode, string(body), res.Header.Get("Content-Type")})
	}
}
