package main

import (
	"bufio"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeHAProxy answers on a stats socket as HAProxy does, for one ACL.
type fakeHAProxy struct {
	socket   string
	listener net.Listener

	mu       sync.Mutex // guards what follows
	start    int        // which process it is
	version  int
	next     int
	versions map[int]map[string]bool
}

func newFakeHAProxy(t *testing.T) *fakeHAProxy {
	t.Helper()
	f := &fakeHAProxy{socket: filepath.Join(t.TempDir(), "s"), versions: map[int]map[string]bool{0: {}}}
	var err error
	if f.listener, err = net.Listen("unix", f.socket); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := f.listener.Accept()
			if err != nil {
				return
			}
			f.serve(conn)
		}
	}()
	t.Cleanup(func() { f.listener.Close(); <-done })
	return f
}

// serve answers one line and closes the connection, as HAProxy does without a prompt.
func (f *fakeHAProxy) serve(conn net.Conn) {
	defer conn.Close()
	line, _ := bufio.NewReaderSize(conn, 16<<10).ReadString('\n')
	if len(line) > 16<<10 {
		return
	}
	for command := range strings.SplitSeq(strings.TrimSpace(line), ";") {
		fmt.Fprint(conn, f.answer(strings.Fields(command))+"\n")
	}
}

func (f *fakeHAProxy) answer(w []string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	version := f.version
	if len(w) > 2 && strings.HasPrefix(w[2], "@") {
		fmt.Sscanf(w[2], "@%d", &version)
		w = append(w[:2:2], w[3:]...)
	}
	switch command := strings.Join(w[:min(2, len(w))], " "); {
	case command == "show info":
		return fmt.Sprintf("Name: HAProxy\nPid: %d\nStart_time_sec: %d\n", 100+f.start, f.start)
	case len(w) < 3 || w[2] != "revoked.acl":
		return "Unknown ACL identifier. Please use #<id> or <file>."
	case command == "prepare acl":
		f.next++
		f.versions[f.next] = map[string]bool{}
		return fmt.Sprintf("New version created: %d\n", f.next)
	case f.versions[version] == nil:
		return "Version number out of range."
	case command == "add acl" && len(w) == 4:
		f.versions[version][w[3]] = true
	case command == "del acl" && len(w) == 4:
		if !f.versions[version][w[3]] {
			return "Key not found."
		}
		delete(f.versions[version], w[3])
	case command == "commit acl":
		f.version = version
	default:
		return "Unknown command"
	}
	return ""
}

// restart makes another process of it, whose ACL is empty.
func (f *fakeHAProxy) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.start++
	f.version, f.versions = 0, map[int]map[string]bool{0: {}}
}

func (f *fakeHAProxy) holds(serial string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.versions[f.version][serial]
}
