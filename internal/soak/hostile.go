package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

const token = "a-token-for-the-soak-test"

// hostile sends long CRLs with a bad signature to a running binary.
type hostile struct {
	binary, dir string
	ca          *pkitest.CA
	octets      int64
}

func runHostile(args []string) error {
	flags := flag.NewFlagSet("hostile", flag.ContinueOnError)
	h := &hostile{}
	flags.StringVar(&h.binary, "veto", "./veto", "the binary to measure")
	flags.Int64Var(&h.octets, "octets", 200_000_000, "about how long each CRL is")
	flags.StringVar(&h.dir, "dir", "", "folder for the data directories; a temporary one when empty")
	only := flags.String("only", "", "measure only the CRL whose name begins so: ascending, descending, scattered, each, serials")
	memory := flags.String("ingest-memory", "16MiB", "ingest_memory of the binary")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if h.dir == "" {
		if h.dir, err = os.MkdirTemp("", "veto-soak-"); err != nil {
			return err
		}
		defer os.RemoveAll(h.dir)
	}
	if h.ca, err = pkitest.NewCA(pkitest.CAOptions{}); err != nil {
		return err
	}
	long := pkitest.BigCRLOptions{SerialOctets: revocation.MaxSerialOctets}
	descending, scattered, repeated, short := long, long, long, long
	descending.Descending, scattered.Shuffled, repeated.Repeats, short.SerialOctets = true, true, 1000, 3
	short.Repeats = 1 << 10
	for _, row := range []struct {
		name string
		o    pkitest.BigCRLOptions
	}{{"ascending serials of 64 octets", long}, {"descending", descending}, {"scattered", scattered}, {"each a thousand times", repeated}, {"serials of 3 octets", short}} {
		if !strings.HasPrefix(row.name, *only) {
			continue
		}
		if err := h.measure(row.name, *memory, row.o); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
	}
	return nil
}

// measure starts the binary afresh, so that its peak is of this CRL, and pushes.
func (h *hostile) measure(name, memory string, o pkitest.BigCRLOptions) error {
	o.BadSignature, o.Entries = true, int(h.octets/int64(o.SerialOctets+19))
	dir, err := os.MkdirTemp(h.dir, "run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := h.serve(dir, memory)
	if err != nil {
		return err
	}
	defer s.stop()
	pid := s.cmd.Process.Pid
	idle := peakOf(pid)
	room := make(chan int64)
	done := make(chan struct{})
	go func() { room <- mostRoom(pid, done) }()
	sent, answer, took, err := h.push(s.api, o)
	close(done)
	taken := <-room
	if err != nil {
		return err
	}
	if !strings.Contains(answer, `"signature"`) {
		return fmt.Errorf("it was answered %s", answer)
	}
	fmt.Printf("%-32s %5d MB, refused after %4.0f s; peak %d MB (idle %d MB), on disk beside the CRL itself %.2f of it\n", name, sent>>20, took.Seconds(),
		peakOf(pid)>>20, idle>>20, float64(taken)/float64(sent))
	return h.inspect(o)
}

// serve starts the binary with one issuer whose CRLs are pushed.
func (h *hostile) serve(dir, memory string) (s *server, err error) {
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		err = errors.Join(err, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	config := file("veto.yaml", fmt.Sprintf("data_dir: data\npublic: {listen: '127.0.0.1:0'}\napi: {listen: '127.0.0.1:0'}\nadmin: {token_file: %s}\n"+
		"ingest_memory: %s\nissuers:\n  - {name: soak, certificate: %s, crls: [{url: 'push:'}], refresh: {max_bytes: 1TiB}}\n",
		file("token", token), memory, file("ca.pem", string(pkitest.CertificatePEM(h.ca.Certificate)))))
	if err != nil {
		return nil, err
	}
	return serve(h.binary, config)
}

// push sends a CRL that is made on the way.
func (h *hostile) push(api string, o pkitest.BigCRLOptions) (sent int64, answer string, took time.Duration, err error) {
	body, err := h.stream(o)
	if err != nil {
		return 0, "", 0, err
	}
	start := time.Now()
	req, err := http.NewRequest(http.MethodPut, api+"/v1/issuers/soak/crl", body)
	if err != nil {
		return 0, "", 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/pkix-crl")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return body.n, string(text), time.Since(start), err
}

// inspect shows the same CRL to veto crl inspect.
func (h *hostile) inspect(o pkitest.BigCRLOptions) error {
	ca := filepath.Join(h.dir, "ca.pem")
	if err := os.WriteFile(ca, pkitest.CertificatePEM(h.ca.Certificate), 0o600); err != nil {
		return err
	}
	body, err := h.stream(o)
	if err != nil {
		return err
	}
	cmd := exec.Command(h.binary, "crl", "inspect", "/dev/stdin", "--issuer", ca)
	cmd.Stdin, cmd.SysProcAttr = body, ended
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "signature") {
		return fmt.Errorf("veto crl inspect: %w: %s", err, out)
	}
	fmt.Printf("%-32s veto crl inspect: %.0f s, peak %d MB\n", "", time.Since(start).Seconds(), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss>>10)
	return nil
}

// counter counts what is read.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// stream is a CRL that is made while it is read. Making its digest before takes longer than veto waits for an octet.
func (h *hostile) stream(o pkitest.BigCRLOptions) (*counter, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(pkitest.WriteBigCRL(w, h.ca, o)) }()
	begun := bufio.NewReaderSize(r, 64<<10)
	_, err := begun.Peek(1)
	return &counter{Reader: begun}, err
}

// mostRoom is the most that a process ever took on the disk in files of runs, which have no name.
func mostRoom(pid int, done <-chan struct{}) (most int64) {
	for {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		sum := int64(0)
		for _, link := range links {
			if name, err := os.Readlink(link); err == nil && strings.Contains(name, "/runs-") {
				if st, err := os.Stat(link); err == nil {
					sum += st.Size()
				}
			}
		}
		most = max(most, sum)
		select {
		case <-done:
			return most
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// peakOf is the most that a process ever had resident, in octets.
func peakOf(pid int) (octets int64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &octets); n == 1 {
			return octets << 10
		}
	}
	return 0
}
