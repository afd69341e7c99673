package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// The test binary is also the real one: scripts run it as "veto".
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"veto": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"pki": scriptPKI, "publish": scriptPublish, "addresses": scriptAddresses, "await": scriptAwait, "expand": scriptExpand,
			"verifypki": scriptVerifyPKI, "peerpki": scriptPeerPKI, "forms": scriptForms, "exitcode": scriptExitCode, "delegate": scriptDelegate,
			"clockahead": scriptClockAhead,
		},
		Condition: func(cond string) (bool, error) {
			if tool, ok := strings.CutPrefix(cond, "peer:"); ok {
				return havePeer(tool)
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// havePeer says whether a program to test against is installed; in CI it must be.
func havePeer(tool string) (bool, error) {
	if _, err := exec.LookPath(tool); err != nil {
		if os.Getenv("CI") == "true" {
			return false, fmt.Errorf("CI needs %s: %w", tool, err)
		}
		return false, nil
	}
	return true, nil
}

// needPeer skips a test without a program to test against; in CI it fails.
func needPeer(t *testing.T, tool string) {
	t.Helper()
	if ok, err := havePeer(tool); err != nil {
		t.Fatal(err)
	} else if !ok {
		t.Skipf("%s is not installed", tool)
	}
}

// scriptPKI makes a CA "ca", a delegated signer "ocsp", leaves "good", "revoked" and "held", another CA "other" with a leaf
// "stranger", the CRL www/ca.crl and the token file admin.token. Serials go to $GOOD, $REVOKED and $HELD. After
// publish there is a leaf "cdp" too, whose CRL distribution point is $WWW/ca.crl.
func scriptPKI(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.Getenv("WORK")
	ca := must(ts, func() (*pkitest.CA, error) { return pkitest.NewCA(pkitest.CAOptions{Name: "Script CA"}) })
	other := must(ts, func() (*pkitest.CA, error) { return pkitest.NewCA(pkitest.CAOptions{Name: "Other CA"}) })
	signer := must(ts, func() (*pkitest.Pair, error) { return ca.IssueOCSPSigner(pkitest.LeafOptions{}) })
	stranger := must(ts, func() (*pkitest.Pair, error) { return other.Issue(pkitest.LeafOptions{}) })
	writePair(ts, dir, "ca", ca.Certificate, ca.Key)
	writePair(ts, dir, "other", other.Certificate, other.Key)
	writePair(ts, dir, "ocsp", signer.Certificate, signer.Key)
	writePair(ts, dir, "stranger", stranger.Certificate, stranger.Key)
	if www := ts.Getenv("WWW"); www != "" {
		cdp := must(ts, func() (*pkitest.Pair, error) { return ca.Issue(pkitest.LeafOptions{CRL: []string{www + "/ca.crl"}}) })
		writePair(ts, dir, "cdp", cdp.Certificate, cdp.Key)
	}
	var entries []x509.RevocationListEntry
	for name, reason := range map[string]int{"good": -1, "revoked": 1, "held": 6} {
		leaf := must(ts, func() (*pkitest.Pair, error) { return ca.Issue(pkitest.LeafOptions{Name: name + ".test"}) })
		writePair(ts, dir, name, leaf.Certificate, leaf.Key)
		serial, err := revocation.SerialFromBig(leaf.Certificate.SerialNumber)
		ts.Check(err)
		ts.Setenv(strings.ToUpper(name), serial.String())
		if reason >= 0 {
			entries = append(entries, x509.RevocationListEntry{SerialNumber: leaf.Certificate.SerialNumber,
				RevocationTime: time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC), ReasonCode: reason})
		}
	}
	ts.Check(os.MkdirAll(filepath.Join(dir, "www"), 0o755))
	writeCRL := func(name string, o pkitest.CRLOptions) {
		der := must(ts, func() ([]byte, error) { return ca.CRL(o) })
		ts.Check(os.WriteFile(filepath.Join(dir, name), der, 0o644))
	}
	now := time.Now().UTC().Truncate(time.Second)
	writeCRL("www/ca.crl", pkitest.CRLOptions{Number: big.NewInt(5), Entries: entries})
	writeCRL("older.crl", pkitest.CRLOptions{Number: big.NewInt(4), ThisUpdate: now.Add(-2 * time.Hour), Entries: entries})
	writeCRL("newer.crl", pkitest.CRLOptions{Number: big.NewInt(6), ThisUpdate: now, Entries: entries[:0]})
	writeCRL("stale.crl", pkitest.CRLOptions{Number: big.NewInt(3), ThisUpdate: now.Add(-2 * time.Hour), NextUpdate: now.Add(-time.Hour), Entries: entries})
	ts.Check(os.WriteFile(filepath.Join(dir, "admin.token"), []byte("correct-horse-battery-staple\n"), 0o600))
}

// scriptPublish serves a folder over HTTP until the script ends; its URL goes to $WWW.
func scriptPublish(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	srv := &http.Server{Handler: http.FileServer(http.Dir(ts.MkAbs(args[0])))}
	ended := make(chan struct{})
	go func() { defer close(ended); srv.Serve(l) }()
	ts.Defer(func() { srv.Close(); <-ended })
	ts.Setenv("WWW", "http://"+l.Addr().String())
}

// scriptAddresses waits for the addresses that serve prints into a file and sets $PUBLIC and $API.
func scriptAddresses(ts *testscript.TestScript, neg bool, args []string) {
	scriptAwait(ts, false, []string{args[0], "\napi "})
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		name, url, _ := strings.Cut(strings.TrimSpace(line), " ")
		ts.Setenv(strings.ToUpper(name), url)
	}
}

// scriptAwait waits until a file contains a text.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	for range 6000 { // a minute: the race detector on a busy machine is slow
		if b, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(b), args[1]) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	b, _ := os.ReadFile(ts.MkAbs(args[0]))
	ts.Fatalf("%s never contained %q; it has:\n%s", args[0], args[1], b)
}

// scriptExpand replaces $VARIABLES in files.
func scriptExpand(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o644))
	}
}

func must[T any](ts *testscript.TestScript, f func() (T, error)) T {
	v, err := f()
	ts.Check(err)
	return v
}

func writePair(ts *testscript.TestScript, dir, name string, cert *x509.Certificate, key any) {
	p := &playground{dir: dir}
	ts.Check(p.writePair(name, cert, key))
}

// startRun runs a command line in this process until the test ends and returns what it prints, and its log: to be read once it
// ended, or when the test fails.
func startRun(t *testing.T, args ...string) (out *io.PipeReader, log *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, w := io.Pipe()
	ended := make(chan int, 1)
	log = new(bytes.Buffer)
	go func() {
		ended <- run(ctx, args, w, log)
		w.Close()
	}()
	t.Cleanup(func() {
		cancel()
		go io.Copy(io.Discard, out)
		if code := <-ended; code != exitYes {
			t.Errorf("veto %s ended with %d: %s", args[0], code, log)
		}
	})
	return out, log
}

// startDev runs `veto dev` in this process and returns its tour; it ends with the test.
func startDev(t *testing.T, dir string) string {
	t.Helper()
	out, log := startRun(t, "dev", "--data", dir, "--quiet")
	var tour strings.Builder
	buf := make([]byte, 4096)
	for !strings.Contains(tour.String(), "Ctrl-C") {
		n, err := out.Read(buf)
		tour.Write(buf[:n])
		if err != nil {
			t.Fatalf("veto dev printed %q and then: %v; its log: %s", tour.String(), err, log)
		}
	}
	return tour.String()
}
