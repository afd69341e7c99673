package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/internal/pkitest"
)

// overload asks for signatures, first as fast as they are made and then ten times as much, while an administrator goes on working:
// of a P-256 key over ten times the connections, each of which waits for its answer, and of an RSA key at ten times the rate, whether
// answers come or not. A P-256 key is too fast for the second on one core of a loader.
type overload struct {
	nonces        string // the script for wrk
	request       []byte // of POST, whole
	nonceAt       int    // where in it the 32 octets are that differ from request to request
	count         atomic.Uint64
	public, admin string
}

const (
	overloadFactor = 10
	clients        = 4096            // connections of the loader that waits for nobody
	patience       = 2 * time.Second // an answer that comes later is for nobody
	adminToken     = "a-token-for-the-overload-test"
)

// onSecondCore runs measureOverload where the server is not.
func onSecondCore(binary string, seconds int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command("taskset", "-c", "1", self, "-overload", "-pinned", "-veto", binary, fmt.Sprintf("-seconds=%d", seconds))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

func measureOverload(binary string, seconds int) error {
	err := overloaded(binary, pkitest.P256, func(o *overload, veto *server) error { return o.connections(veto, seconds) })
	if err != nil {
		return err
	}
	return overloaded(binary, pkitest.RSA2048, func(o *overload, _ *server) error { return o.rate(time.Duration(seconds) * time.Second) })
}

// overloaded starts veto serve on the first core with a CA of its own.
func overloaded(binary string, key pkitest.KeyKind, measure func(*overload, *server) error) error {
	dir, err := os.MkdirTemp("", "veto-overload-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o := new(overload)
	if err := o.prepare(dir, key); err != nil {
		return err
	}
	veto, err := start(func(line string) bool { return strings.HasPrefix(line, "api ") }, binary, "serve", "--config", filepath.Join(dir, "veto.yaml"))
	if err != nil {
		return fmt.Errorf("starting %s: %w", binary, err)
	}
	defer veto.stop()
	for line := range strings.Lines(veto.printed) {
		name, url, _ := strings.Cut(strings.TrimSpace(line), " http://")
		switch name {
		case "public":
			o.public = url
		case "api":
			o.admin = "http://" + url
		}
	}
	return measure(o, veto)
}

func (o *overload) prepare(dir string, kind pkitest.KeyKind) error {
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		return err
	}
	signer, err := ca.IssueOCSPSigner(pkitest.LeafOptions{Key: kind})
	if err != nil {
		return err
	}
	key, err := pkitest.KeyPEM(signer.Key)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"ca.pem": pkitest.CertificatePEM(ca.Certificate), "ocsp.pem": pkitest.CertificatePEM(signer.Certificate),
		"ocsp.key": key, "admin.token": []byte(adminToken), "veto.yaml": []byte(`data_dir: data
public: {listen: "127.0.0.1:0"}
api: {listen: "127.0.0.1:0"}
admin: {token_file: admin.token}
log: {level: error}
issuers: [{name: ca, certificate: ca.pem, ocsp: {signer: {certificate: ocsp.pem, key: ocsp.key}}}]
`)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	id, err := ocspder.CertIDFor(crypto.SHA1, ca.Certificate, "\x01")
	if err != nil {
		return err
	}
	nonce := bytes.Repeat([]byte{0xa5}, 32)
	der, err := ocspder.EncodeRequest([]ocspder.CertID{id}, nonce)
	if err != nil {
		return err
	}
	o.request = fmt.Appendf(nil, "POST /ocsp HTTP/1.1\r\nHost: ocsp.test\r\nContent-Type: application/ocsp-request\r\nContent-Length: %d\r\n\r\n%s", len(der), der)
	o.nonceAt = bytes.Index(o.request, nonce)
	o.nonces, err = writeNonceScript(dir, ca.Certificate)
	return err
}

// tally counts what came of the requests of one load.
type tally struct {
	signed, shed, late, failed, unasked atomic.Int64
}

// meanwhile has an administrator work while something is done, and prints how long he waited.
func (o *overload) meanwhile(do func() error) error {
	ctx, cancel := context.WithCancel(context.Background())
	var calls adminCalls
	var group sync.WaitGroup
	group.Go(func() { calls.run(ctx, o.admin) })
	err := do()
	cancel()
	group.Wait()
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%-34s %8d calls, %d failed, p50 %v, longest %v\n", "  administration meanwhile", len(calls.took), calls.failed,
		calls.quantile(0.5), calls.quantile(1))
	return err
}

// connections compares signatures over ten times the connections with the peak: by the server's own count, since to wrk a tryLater
// is an answer too.
func (o *overload) connections(veto *server, seconds int) error {
	signed := func(conns int) (rate float64, err error) {
		before, err := o.signatures()
		if err != nil {
			return 0, err
		}
		if _, err := load(veto, "http://"+o.public, o.nonces, seconds, conns); err != nil {
			return 0, err
		}
		after, err := o.signatures()
		return (after - before) / float64(seconds), err
	}
	peak, err := signed(few)
	if err != nil {
		return err
	}
	return o.meanwhile(func() error {
		good, err := signed(few * overloadFactor)
		if err != nil {
			return err
		}
		_, err = fmt.Printf("%-34s %8.0f signed/s at most, then %.0f: %.2f\n", "P-256, ten times the connections", peak, good, good/peak)
		return err
	})
}

// signatures is how many the server has made.
func (o *overload) signatures() (n float64, err error) {
	res, err := http.Get(o.admin + "/metrics")
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(text), "\nveto_ocsp_sign_seconds_count ")
	_, err = fmt.Sscan(after, &n)
	return n, err
}

// rate measures the peak, then what is signed for in time at ten times that rate.
func (o *overload) rate(length time.Duration) error {
	var calm, flood tally
	if err := o.load(few, length, 0, &calm); err != nil {
		return err
	}
	peak := float64(calm.signed.Load()) / length.Seconds()
	return o.meanwhile(func() error {
		if err := o.load(clients, length, peak*overloadFactor, &flood); err != nil {
			return err
		}
		good := float64(flood.signed.Load()) / length.Seconds()
		_, err := fmt.Printf("%-34s %8.0f signed/s at most, then %.0f within %v: %.2f; %d tryLater, %d late, %d failed, %d without a connection\n",
			"RSA-2048, ten times the rate", peak, good, patience, good/peak, flood.shed.Load(), flood.late.Load(), flood.failed.Load(), flood.unasked.Load())
		return err
	})
}

// load asks over a number of connections for some time: at a rate or, when it is zero, as soon as the last answer is there.
func (o *overload) load(conns int, length time.Duration, rate float64, t *tally) error {
	open := make([]net.Conn, conns)
	for i := range open {
		var err error
		if open[i], err = net.Dial("tcp", o.public); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), length) // only now: connecting takes its time
	defer cancel()
	turns := make(chan struct{})
	var group sync.WaitGroup
	for _, c := range open {
		group.Go(func() { o.ask(ctx, c, turns, t) })
	}
	if rate == 0 {
		close(turns)
		<-ctx.Done()
	} else {
		pace(ctx, rate, turns, &t.unasked)
	}
	group.Wait()
	return nil
}

// pace gives turns at a rate. A turn that nobody can take, because all wait for their answers, is a client that does not even get
// through.
func pace(ctx context.Context, rate float64, turns chan<- struct{}, unasked *atomic.Int64) {
	begin, given := time.Now(), 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for due := int(rate * time.Since(begin).Seconds()); given < due; given++ {
			select {
			case turns <- struct{}{}:
			default:
				unasked.Add(1)
			}
		}
	}
}

// ask asks whenever it is its turn, over one connection, until the time is over.
func (o *overload) ask(ctx context.Context, c net.Conn, turns <-chan struct{}, t *tally) {
	defer c.Close()
	reader, request := bufio.NewReader(c), bytes.Clone(o.request)
	for {
		select {
		case <-ctx.Done():
			return
		case <-turns:
		}
		if ctx.Err() != nil {
			return
		}
		binary.BigEndian.PutUint64(request[o.nonceAt:], o.count.Add(1))
		asked := time.Now()
		c.SetDeadline(asked.Add(10 * time.Second))
		body, err := exchange(c, reader, request)
		switch {
		case err != nil:
			t.failed.Add(1)
			return
		case time.Since(asked) > patience:
			t.late.Add(1)
		case len(body) == len(ocspder.ErrorResponse(ocspder.TryLater)):
			t.shed.Add(1)
		case ctx.Err() == nil:
			t.signed.Add(1)
		}
	}
}

func exchange(c net.Conn, reader *bufio.Reader, request []byte) ([]byte, error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(reader, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

// adminCalls are revocations and looks at the issuers, one after the other, ten a second.
type adminCalls struct {
	took   []time.Duration
	failed int
}

func (a *adminCalls) run(ctx context.Context, api string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for serial := 1; ; serial++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		method, url, body := http.MethodGet, api+"/v1/issuers", ""
		if serial%2 == 0 {
			method, url = http.MethodPost, api+"/v1/issuers/ca/revocations"
			body = fmt.Sprintf(`{"serial":"7f%06x","reason":"superseded"}`, serial)
		}
		began := time.Now()
		if err := call(method, url, body); err != nil {
			a.failed++
			fmt.Fprintln(os.Stderr, err)
		}
		a.took = append(a.took, time.Since(began))
	}
}

func call(method, url, body string) error {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Client{Timeout: 30 * time.Second}).Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s, %w", method, url, res.Status, err)
	}
	return nil
}

func (a *adminCalls) quantile(q float64) time.Duration {
	if len(a.took) == 0 {
		return 0
	}
	slices.Sort(a.took)
	return a.took[int(q*float64(len(a.took)-1))].Round(100 * time.Microsecond)
}
