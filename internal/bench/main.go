// Command bench measures the running binary over HTTP against the floor of net/http: a fixed answer of 500 octets from the
// same machine in the same run. Server and loader each have a core. It needs wrk and taskset.
//
//	go build -o veto ./cmd/veto && go run ./internal/bench -veto ./veto
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	binary := flag.String("veto", "./veto", "the binary to measure")
	seconds := flag.Int("seconds", 5, "length of one measurement")
	floor := flag.Bool("floor", false, "be the floor's server")
	flag.Parse()
	if *floor {
		log.Fatal(serveFloor())
	}
	if err := measureAll(*binary, *seconds); err != nil {
		log.Fatal(err)
	}
}

// serveFloor is the least that net/http does: one handler, a fixed answer of 500 octets.
func serveFloor() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	body := []byte(strings.Repeat("x", 500))
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/ocsp-response"}
		w.Write(body)
	}))
}

// measureAll starts both servers and prints a row for each kind of request, the floor before and after.
func measureAll(binary string, seconds int) error {
	dir, err := os.MkdirTemp("", "veto-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	floor, err := start(func(line string) bool { return strings.HasPrefix(line, "http://") }, self, "-floor")
	if err != nil {
		return fmt.Errorf("starting the floor: %w", err)
	}
	defer floor.stop()
	veto, err := start(func(line string) bool { return strings.Contains(line, "Ctrl-C") }, binary, "dev", "--quiet", "--data", dir)
	if err != nil {
		return fmt.Errorf("starting %s: %w", binary, err)
	}
	defer veto.stop()
	w := &workload{dir: dir, floor: strings.TrimSpace(floor.printed)}
	if err := w.prepare(veto.printed); err != nil {
		return err
	}
	var base float64
	for _, row := range w.rows() {
		rate, latency, err := load(row.url, row.script, seconds)
		if err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		if row.name == "floor" {
			base = rate
		}
		fmt.Printf("%-34s %9.0f req/s  %5.2f of the floor  %s\n", row.name, rate, rate/base, latency)
	}
	return nil
}

// server is a process on the first core.
type server struct {
	cmd     *exec.Cmd
	printed string // up to the line that says it is ready
}

func start(ready func(line string) bool, name string, args ...string) (*server, error) {
	cmd := exec.Command("taskset", append([]string{"-c", "0", name}, args...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.printed += lines.Text() + "\n"
		if ready(lines.Text()) {
			return s, nil
		}
	}
	s.stop()
	return nil, fmt.Errorf("it ended after printing %q", s.printed)
}

func (s *server) stop() {
	s.cmd.Process.Signal(os.Interrupt)
	time.AfterFunc(5*time.Second, func() { s.cmd.Process.Kill() })
	s.cmd.Wait()
}

var (
	rateLine    = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	quantile    = regexp.MustCompile(`(?m)^\s+(50|99)%\s+(\S+)`)
	failureLine = regexp.MustCompile(`(?m)(Socket errors|Non-2xx).*`)
)

// load runs wrk on the second core: 32 connections, one thread.
func load(url, script string, seconds int) (rate float64, latency string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds+20)*time.Second)
	defer cancel()
	args := []string{"-c", "1", "wrk", "-t1", "-c32", "--latency", fmt.Sprintf("-d%ds", seconds)}
	if script != "" {
		args = append(args, "-s", script)
	}
	out, err := exec.CommandContext(ctx, "taskset", append(args, url)...).Output()
	if err != nil {
		return 0, "", err
	}
	text := string(out)
	if failed := failureLine.FindString(text); failed != "" {
		return 0, "", fmt.Errorf("wrk says: %s", failed)
	}
	m := rateLine.FindStringSubmatch(text)
	if m == nil {
		return 0, "", fmt.Errorf("wrk printed %q", text)
	}
	fmt.Sscan(m[1], &rate)
	for _, q := range quantile.FindAllStringSubmatch(text, -1) {
		latency += " p" + q[1] + " " + q[2]
	}
	return rate, strings.TrimSpace(latency), nil
}

func writeFile(dir, name string, write func(io.Writer)) (string, error) {
	file := filepath.Join(dir, name)
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	write(f)
	return file, f.Close()
}
