// Command bench measures the running binary over HTTP against the floor of net/http: a fixed answer of 500 octets from the
// same machine in the same run. Server and loader each have a core. It needs wrk and taskset.
//
//	go build -o veto ./cmd/veto && go run ./internal/bench -veto ./veto
//
// With -overload it measures what is left of the signing rate, and of administration, under ten times the load it can carry.
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
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	binary := flag.String("veto", "./veto", "the binary to measure")
	seconds := flag.Int("seconds", 5, "length of one measurement")
	rounds := flag.Int("rounds", 3, "measurements of each kind, the floor before each")
	size := flag.Int("body", 500, "octets of the floor's answer")
	same := flag.Bool("same", false, "send the floor the same requests, instead of the shortest there is")
	only := flag.String("only", "", "measure only what has this in its name")
	flood := flag.Bool("overload", false, "measure under ten times the load")
	pinned := flag.Bool("pinned", false, "be the loader of -overload, on the second core")
	floor := flag.Bool("floor", false, "be the floor's server")
	sign := flag.Bool("sign", false, "print how many seconds of processor time a P-256 signature takes")
	flag.Parse()
	if *floor {
		log.Fatal(serveFloor(*size))
	}
	if *sign {
		fmt.Println(signOnce())
		return
	}
	signal.Ignore(syscall.SIGPIPE) // whoever closes our output must not leave the servers running
	if *flood {
		run := measureOverload
		if !*pinned {
			run = onSecondCore
		}
		if err := run(*binary, *seconds); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := measureAll(*binary, *size, options{*rounds, *seconds, *same, *only}); err != nil {
		log.Fatal(err)
	}
}

// serveFloor is the least that net/http does: one handler, a fixed answer.
func serveFloor(size int) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	body := []byte(strings.Repeat("x", size))
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/ocsp-response"}
		w.Write(body)
	}))
}

// measureAll starts both servers, each on the first core, and measures.
func measureAll(binary string, size int, o options) error {
	dir, err := os.MkdirTemp("", "veto-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	floor, err := start(func(line string) bool { return strings.HasPrefix(line, "http://") }, self, "-floor", fmt.Sprintf("-body=%d", size))
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
	return w.report(floor, veto, o)
}

// options say what is measured and for how long.
type options struct {
	rounds, seconds int
	same            bool
	only            string
}

// report prints a row for each kind of request: medians over the rounds of its rate, of its rate against the floor measured
// right before it, and of the same by the server's processor time, which a busy neighbour disturbs less.
func (w *workload) report(floor, veto *server, o options) error {
	for _, row := range w.rows() {
		if !strings.Contains(row.name, o.only) {
			continue
		}
		script := ""
		if o.same {
			script = row.script
		}
		var rates, byRate, byCPU, bound []float64
		var last measurement
		for range o.rounds {
			base, err := load(floor, w.floor, script, o.seconds, few)
			if err != nil {
				return fmt.Errorf("floor: %w", err)
			}
			if last, err = load(veto, row.url, row.script, o.seconds, few); err != nil {
				return fmt.Errorf("%s: %w", row.name, err)
			}
			rates = append(rates, last.rate)
			byRate = append(byRate, last.rate/base.rate)
			byCPU = append(byCPU, base.cpu/last.cpu)
			if !row.signed {
				continue
			}
			signature, err := signTime()
			if err != nil {
				return fmt.Errorf("timing a signature: %w", err)
			}
			bound = append(bound, (signature+base.cpu)/last.cpu)
		}
		text := fmt.Sprintf("%-34s %8.0f req/s  %.2f of the floor  %.2f by processor time  %s",
			row.name, median(rates), median(byRate), median(byCPU), last.latency)
		if row.signed {
			text += fmt.Sprintf("  %.2f of signature + floor", median(bound))
		}
		if _, err := fmt.Println(text); err != nil {
			return err
		}
	}
	return nil
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
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
	totalLine   = regexp.MustCompile(`(\d+) requests in`)
	quantile    = regexp.MustCompile(`(?m)^\s+(50|99)%\s+(\S+)`)
	failureLine = regexp.MustCompile(`(?m)(Socket errors|Non-2xx).*`)
)

// measurement is one run of the loader.
type measurement struct {
	rate    float64 // requests a second
	cpu     float64 // seconds of the server's processor time a request
	latency string
}

// few is how many connections keep the server busy.
const few = 32

// load runs wrk on the second core, one thread.
func load(s *server, url, script string, seconds, conns int) (m measurement, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(seconds+20)*time.Second)
	defer cancel()
	args := []string{"-c", "1", "wrk", "-t1", fmt.Sprintf("-c%d", conns), "--latency", fmt.Sprintf("-d%ds", seconds)}
	if script != "" {
		args = append(args, "-s", script)
	}
	before, err := s.processorTime()
	if err != nil {
		return m, err
	}
	out, err := exec.CommandContext(ctx, "taskset", append(args, url)...).Output()
	if err != nil {
		return m, err
	}
	after, err := s.processorTime()
	if err != nil {
		return m, err
	}
	text := string(out)
	if failed := failureLine.FindString(text); failed != "" {
		return m, fmt.Errorf("wrk says: %s", failed)
	}
	found, total := rateLine.FindStringSubmatch(text), totalLine.FindStringSubmatch(text)
	if found == nil || total == nil {
		return m, fmt.Errorf("wrk printed %q", text)
	}
	var requests float64
	fmt.Sscan(found[1], &m.rate)
	fmt.Sscan(total[1], &requests)
	m.cpu = (after - before) / requests
	for _, q := range quantile.FindAllStringSubmatch(text, -1) {
		m.latency += " p" + q[1] + " " + q[2]
	}
	m.latency = strings.TrimSpace(m.latency)
	return m, nil
}

// processorTime is what the process has used of the processor, in seconds: user and system, proc(5).
func (s *server) processorTime() (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var user, system float64
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return (user + system) / 100, nil // in USER_HZ, which is 100 on Linux
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
