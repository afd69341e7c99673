package responder_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vetopki/veto/internal/lane"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// TestGetIsPostForRandomCertIDs asks about random CertIDs by GET, in one of the ways clients write base64 into a path, and by POST,
// octet by octet over TCP: the answers say the same. VETO_CERTIDS says how many; a million takes a few minutes.
func TestGetIsPostForRandomCertIDs(t *testing.T) {
	count := 2000
	if text := os.Getenv("VETO_CERTIDS"); text != "" {
		count = must(strconv.Atoi(text))
	}
	w := newWorld(t)
	server := httptest.NewServer(w.responder)
	defer server.Close()
	const workers = 4
	var group sync.WaitGroup
	for worker := range workers {
		conn := dial(t, server)
		if worker%2 == 0 {
			conn = dialLane(t, w)
		}
		random := rand.New(rand.NewPCG(uint64(worker), uint64(count)))
		group.Go(func() {
			for range count / workers {
				request := randomRequest(w, random)
				path := randomPath(random, request)
				byGet, err := conn.exchange("GET " + path + " HTTP/1.1\r\nHost: ocsp.test\r\n\r\n")
				if err != nil {
					t.Errorf("GET %s: %v", path, err)
					return
				}
				byPost, err := conn.exchange(fmt.Sprintf("POST /ocsp HTTP/1.1\r\nHost: ocsp.test\r\nContent-Type: application/ocsp-request\r\nContent-Length: %d\r\n\r\n%s", len(request), request))
				if err != nil || said(byGet) != said(byPost) {
					t.Errorf("GET %s\n%x, POST\n%x, %v", path, byGet, byPost, err)
					return
				}
			}
		})
	}
	group.Wait()
}

// onLane answers as cmd/veto has it: simple requests at once, others by net/http.
type onLane struct{ *responder.Responder }

func (l onLane) Respond(b []byte, r *lane.Request) ([]byte, bool) {
	return l.AppendHTTP(b, r.Post, r.Target, r.Body)
}

func dialLane(t *testing.T, w *world) *tcp {
	t.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	s := &lane.Server{Handler: onLane{w.responder}, HTTP: &http.Server{Handler: w.responder}}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	t.Cleanup(func() {
		s.Shutdown(context.Background())
		<-ended
	})
	conn := must(net.Dial("tcp", listener.Addr().String()))
	t.Cleanup(func() { conn.Close() })
	return &tcp{conn, bufio.NewReader(conn)}
}

// said is an answer without what differs when it was signed twice, because the cache had no room for it.
func said(body []byte) string {
	r, err := ocspder.ParseResponse(body)
	if err != nil {
		return err.Error()
	}
	text := r.Status.String()
	for _, s := range r.Singles {
		text += fmt.Sprintf(" %x %v %v", s.CertID.Raw, s.Status, s.NextUpdate.Sub(s.ThisUpdate))
	}
	return text
}

// randomRequest asks about a serial of 1 to 20 octets by one of the hash algorithms; one in four of an issuer nobody knows.
func randomRequest(w *world, random *rand.Rand) []byte {
	content := make([]byte, 1+random.IntN(20))
	for i := range content {
		content[i] = byte(random.Uint32())
	}
	if len(content) > 1 {
		content[0] = 1 + content[0]&0x7e
	}
	hashes := ocspder.Hashes()
	id := must(ocspder.CertIDFor(hashes[random.IntN(len(hashes))], w.ca.Certificate, must(revocation.SerialFromDER(content))))
	if random.IntN(4) == 0 {
		at := bytes.Index(id.Raw, id.NameHash)
		id.Raw[at+random.IntN(len(id.NameHash))] ^= 1 + byte(random.Uint32()%255)
	}
	return must(ocspder.EncodeRequest([]ocspder.CertID{id}, nil))
}

func randomPath(random *rand.Rand, request []byte) string {
	text := base64.StdEncoding.EncodeToString(request)
	if random.IntN(2) == 0 {
		text = strings.TrimRight(text, "=")
	}
	ways := map[rune][]string{'+': {"+", "%2B", "%2b", "%20"}, '/': {"/", "%2F", "%2f"}, '=': {"=", "%3D", "%3d"}}
	var b strings.Builder
	b.WriteString([]string{"/", "//", "/ocsp/", "/ocsp//"}[random.IntN(4)])
	for _, c := range text {
		if w := ways[c]; w != nil {
			b.WriteString(w[random.IntN(len(w))])
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// exchange sends a request and returns the body of its answer, which must be a 200.
func (c *tcp) exchange(request string) ([]byte, error) {
	if _, err := io.WriteString(c.conn, request); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s", res.Status)
	}
	return body, err
}
