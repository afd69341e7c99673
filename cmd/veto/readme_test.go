package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
)

// TestREADMECommandsWork runs the README's commands in its order, in a folder with the files it speaks of. Only the addresses
// are exchanged for free ones, and the two commands that another test stands for are left out.
func TestREADMECommandsWork(t *testing.T) {
	needPeer(t, "openssl")
	needPeer(t, "curl")
	commands := readmeCommands(t)
	if len(commands) < 10 {
		t.Fatalf("the README has %d commands: %q", len(commands), commands)
	}
	dir := t.TempDir()
	crl := readmeFiles(t, dir)
	www := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(crl) }))
	defer www.Close()
	addresses := strings.NewReplacer("--public :8080", "--public 127.0.0.1:0", "--api 127.0.0.1:8081", "--api 127.0.0.1:0",
		"http://pki.example.com", www.URL, "go build ./cmd/veto", "go build -o "+filepath.Join(dir, "veto")+" ./cmd/veto")
	var exports string
	for _, command := range commands {
		switch {
		case command == "go run ./cmd/veto dev": // see TestTourWorksAsPrinted
		case command == "go test ./...": // this very run
		case strings.HasPrefix(command, "go build"):
			runShell(t, "../..", addresses.Replace(command))
		case strings.HasPrefix(command, "export "):
			exports += command + "; "
		case strings.HasPrefix(command, "./veto serve"):
			public, apiURL := startShell(t, dir, addresses.Replace(command))
			awaitCRL(t, apiURL, "corp")
			addresses = strings.NewReplacer("http://127.0.0.1:8081", apiURL, "http://127.0.0.1:8080", public,
				"./veto revoke", "./veto revoke --server "+apiURL, "./veto hold", "./veto hold --server "+apiURL,
				"./veto release", "./veto release --server "+apiURL, "./veto check", "./veto check --server "+apiURL)
		default:
			runShell(t, dir, exports+addresses.Replace(command))
		}
	}
}

// readmeCommands are the lines indented by four spaces outside fences, continued lines joined.
func readmeCommands(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	continued, fenced := false, false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if fenced {
			continue
		}
		command, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if !ok {
			continue
		}
		command, more := strings.CutSuffix(command, "\\")
		if continued {
			commands[len(commands)-1] += strings.TrimSpace(command)
		} else {
			commands = append(commands, strings.TrimLeft(command, " "))
		}
		continued = more
	}
	return commands
}

// readmeFiles writes the files the README speaks of and returns the CA's CRL.
func readmeFiles(t *testing.T, dir string) []byte {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	check(err)
	signer, err := ca.IssueOCSPSigner(pkitest.LeafOptions{})
	check(err)
	device, err := ca.Issue(pkitest.LeafOptions{})
	check(err)
	crl, err := ca.CRL(pkitest.CRLOptions{Entries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(77), RevocationTime: time.Now()}}})
	check(err)
	p := &playground{dir: dir}
	check(p.writePair("ca", ca.Certificate, ca.Key))
	check(p.writePair("ocsp", signer.Certificate, signer.Key))
	check(p.writePair("device", device.Certificate, device.Key))
	check(os.WriteFile(p.file("ca.crl"), crl, 0o644))
	check(os.WriteFile(p.file("admin.token"), []byte("correct-horse-battery-staple\n"), 0o600))
	return crl
}

func runShell(t *testing.T, dir, command string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s\n%s\n%v", command, out, err)
	}
}

// startShell runs a serve command until the test ends and returns the addresses it prints.
func startShell(t *testing.T, dir, command string) (public, apiURL string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", "-c", "exec "+command)
	cmd.Dir = dir
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != exitYes {
			t.Errorf("%s ended with %d: %s", command, code, log.String())
		}
	})
	return readAddresses(t, out, log.String)
}
