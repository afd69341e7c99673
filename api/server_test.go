package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vetopki/veto/api"
)

func TestOverARealConnection(t *testing.T) {
	s := newServer(t, nil)
	server := httptest.NewServer(s.api.Handler())
	t.Cleanup(server.Close)

	head, err := http.Head(server.URL + "/v1/status/corp/0a")
	if err != nil {
		t.Fatal(err)
	}
	head.Body.Close()
	if head.StatusCode != 200 || head.ContentLength < 100 {
		t.Errorf("HEAD: %d, Content-Length %d", head.StatusCode, head.ContentLength)
	}
	for _, c := range []struct {
		fact, path, body string
		code             int
	}{
		{"a status request", "/v1/status", `{"queries":[{"issuer":"corp","serial":"0a"}]}`, 200},
		{"a revoke", corpRevocations, `{"serial":"0b"}`, 201},
		{"a revoke of unknown length, too large", corpRevocations, `{"comment":"` + strings.Repeat("a", 300<<10) + `"}`, 413},
		{"the connection after it", corpRevocations, `{"serial":"0b"}`, 200},
	} {
		r, _ := http.NewRequestWithContext(t.Context(), "POST", server.URL+c.path, io.NopCloser(strings.NewReader(c.body))) // chunked
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+adminToken)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", c.fact, err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != c.code {
			t.Errorf("%s: %d: %s", c.fact, answer.StatusCode, body)
		}
	}
}

// TestABodyCutOffChangesNothing sends less than Content-Length announces and hangs up its side.
func TestABodyCutOffChangesNothing(t *testing.T) {
	s := newServer(t, nil)
	server := httptest.NewServer(s.api.Handler())
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: veto\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: 100\r\n\r\n{\"serial\":\"0b\"}", corpRevocations, adminToken)
	conn.(*net.TCPConn).CloseWrite()
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode < 400 {
		t.Errorf("code %d", answer.StatusCode)
	}
	if o := decode[api.StatusObject](t, s.do(t, "GET", "/v1/status/corp/0b", ""), 200); o.Status != "good" {
		t.Errorf("status %+v", o)
	}
}
