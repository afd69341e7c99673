package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// until asks again and again until something is so. It waits between, but no test depends on how long.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(soon); !is(); {
		if time.Now().After(late) {
			t.Fatalf("it never came to be: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// start runs a command line until the test ends, and returns what it says.
func start(t *testing.T, args ...string) *syncedBuffer {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	said := &syncedBuffer{}
	code := make(chan int, 1)
	go func() { code <- run(ctx, args, io.Discard, said) }()
	t.Cleanup(func() {
		cancel()
		if got := <-code; got != exitYes {
			t.Errorf("veto %s ended with %d: %s", strings.Join(args, " "), got, said.String())
		} else if t.Failed() {
			t.Log(said.String())
		}
	})
	return said
}

func TestSyncKeepsTheACLOfHAProxy(t *testing.T) {
	fake := newFakeHAProxy(t)
	r := testRig(t, 0)
	entries := map[string]revocation.Reason{}
	for i := range 300 { // more than one line of commands
		entries[string([]byte{1, byte(i >> 8), byte(i)})] = 4
	}
	r.put(crl{issuer: "corp", url: corpURL, lasts: time.Hour, entries: entries})
	r.revoke("home", "\x55", revocation.Superseded)
	r.revoke("corp", "\x00\x80", revocation.CertificateHold)
	start(t, "sync", "haproxy", "--server", r.server.URL, "--issuer", "corp", "--socket", fake.socket, "--acl", "revoked.acl")
	until(t, "what a CRL lists is held", func() bool { return fake.holds("01012B") && fake.holds("010000") && fake.holds("80") })
	if fake.holds("55") {
		t.Error("a serial of another issuer is held")
	}
	r.revoke("corp", "\x0a\x0b", revocation.Superseded)
	until(t, "a revocation", func() bool { return fake.holds("0A0B") })
	r.release("corp", "\x00\x80")
	until(t, "a release", func() bool { return !fake.holds("80") })
	fake.restart()
	r.revoke("corp", "\x0c", revocation.Superseded) // what is heard next shows that it is another process
	until(t, "everything again after a restart", func() bool { return fake.holds("01012B") && fake.holds("0A0B") && fake.holds("0C") })
	r.put(crl{issuer: "corp", url: corpURL, lasts: time.Hour, entries: map[string]revocation.Reason{"\x07": 1}})
	until(t, "another CRL", func() bool { return fake.holds("07") && !fake.holds("01012B") && fake.holds("0C") })
}

// TestSyncKeepsTheACLOfARealHAProxy: the runtime API is what HAProxy says it is.
func TestSyncKeepsTheACLOfARealHAProxy(t *testing.T) {
	needPeer(t, "haproxy")
	dir := t.TempDir()
	socket, acl := filepath.Join(dir, "s"), filepath.Join(dir, "revoked.acl")
	if err := os.WriteFile(acl, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global\n stats socket %[1]s level admin\ndefaults\n mode http\n timeout client 5s\n timeout server 5s\n timeout connect 5s\n"+
		"frontend f\n bind unix@%[2]s\n http-request deny deny_status 403 if { req.hdr(serial) -f %[3]s }\n http-request return status 200\n",
		socket, filepath.Join(dir, "f"), acl)
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := exec.CommandContext(t.Context(), "haproxy", "-db", "-f", file)
	var said bytes.Buffer
	proxy.Stdout, proxy.Stderr = &said, &said
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Process.Kill(); proxy.Wait() })
	r := testRig(t, 0)
	entries := map[string]revocation.Reason{}
	for i := range 1000 {
		entries[string([]byte{1, byte(i >> 8), byte(i)})] = 4
	}
	r.put(crl{issuer: "corp", url: corpURL, lasts: time.Hour, entries: entries})
	r.revoke("corp", "\x55", revocation.CertificateHold)
	until(t, "HAProxy is up", func() bool { _, err := os.Stat(socket); return err == nil })
	start(t, "sync", "haproxy", "--server", r.server.URL, "--issuer", "corp", "--socket", socket, "--acl", acl)
	s := haproxySync{socket: socket}
	holds := func(serial string) bool {
		answer, err := s.ask(t.Context(), "get acl "+acl+" "+serial)
		return err == nil && strings.Contains(answer, "match=yes")
	}
	until(t, "what a CRL lists is held", func() bool { return holds("0103E7") && holds("55") })
	r.release("corp", "\x55")
	r.revoke("corp", "\x0a\x0b", revocation.Superseded)
	until(t, "changes", func() bool { return holds("0A0B") && !holds("55") })
	r.put(crl{issuer: "corp", url: corpURL, lasts: time.Hour, entries: map[string]revocation.Reason{"\x07": 1}})
	until(t, "another CRL", func() bool { return holds("07") && !holds("0103E7") && holds("0A0B") })
	if t.Failed() {
		t.Log(said.String())
	}
}

func TestSyncKeepsAFileOfCRLs(t *testing.T) {
	r := testRig(t, 0)
	var mu sync.Mutex // guards served
	served := map[string]string{}
	put := func(issuer string) string {
		ca, err := pkitest.NewCA(pkitest.CAOptions{Name: issuer})
		if err != nil {
			t.Fatal(err)
		}
		der, err := ca.CRL(pkitest.CRLOptions{})
		if err != nil {
			t.Fatal(err)
		}
		text := string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))
		text += text // of an issuer with two CRLs
		mu.Lock()
		served["/crl/"+issuer+".pem"] = text
		mu.Unlock()
		r.put(crl{issuer: issuer, url: map[string]string{"corp": corpURL, "users": usersURL}[issuer], lasts: time.Hour})
		return text
	}
	public := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if text, ok := served[q.URL.Path]; ok {
			io.WriteString(w, text)
			return
		}
		http.Error(w, "the CRL held is stale", http.StatusServiceUnavailable)
	}))
	defer public.Close()
	dir := t.TempDir()
	out, reloads := filepath.Join(dir, "crls.pem"), filepath.Join(dir, "reloads")
	is := func(want string) func() bool {
		return func() bool { b, err := os.ReadFile(out); return err == nil && string(b) == want }
	}
	corp, users := put("corp"), put("users")
	said := start(t, "sync", "file", "--server", r.server.URL, "--public", public.URL, "--issuer", "corp", "--issuer", "users", "--out", out,
		"--reload", "echo reloaded >>"+reloads)
	until(t, "the file", is(corp+users))
	corp = put("corp")
	until(t, "a new CRL", is(corp+users))
	mu.Lock()
	delete(served, "/crl/users.pem") // it expired: the file stays as it is until it is there again
	mu.Unlock()
	put("corp")
	r.revoke("corp", "\x01", revocation.Superseded)
	if !is(corp + users)() {
		t.Error("a file was written that lacks a CRL")
	}
	mu.Lock()
	served["/crl/users.pem"] = "<html>not a CRL</html>" // nor is what is none taken for one
	mu.Unlock()
	put("corp")
	until(t, "that it is none", func() bool { return strings.Contains(said.String(), "is --public the public listener?") })
	if !is(corp + users)() {
		t.Error("what is no CRL was written")
	}
	mu.Lock()
	corp = served["/crl/corp.pem"]
	mu.Unlock()
	users = put("users")
	until(t, "the CRL that was missing", is(corp+users))
	r.revoke("corp", "\x02", revocation.Superseded)
	until(t, "that an administrator revoked what no CRL has", func() bool { return strings.Contains(said.String(), "changed the status of 02 of corp") })
	until(t, "three reloads", func() bool {
		b, err := os.ReadFile(reloads)
		return err == nil && string(b) == strings.Repeat("reloaded\n", 3)
	})
}
