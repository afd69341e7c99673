package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/client"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// mirrors keeps many mirrors on one server, whose connections are cut and which is restarted, and sees that none misses a revocation.
type mirrors struct {
	binary, dir, config string
	ca                  *pkitest.CA
	server              *server
	cutter              *cutter
	all                 []*client.Mirror
	problems            atomic.Int64 // that mirrors told of
	revoked             int
	calm, cut           []time.Duration // from acknowledgement until every mirror knew
}

func runMirrors(args []string) error {
	flags := flag.NewFlagSet("mirrors", flag.ContinueOnError)
	m := &mirrors{}
	flags.StringVar(&m.binary, "veto", "./veto", "the binary to measure")
	count := flags.Int("mirrors", 200, "how many mirrors")
	last := flags.Duration("for", 10*time.Minute, "how long")
	every := flags.Duration("cut", 20*time.Second, "how often all connections are cut")
	restart := flags.Duration("restart", 2*time.Minute, "how often the server is restarted")
	rate := flags.Int("rate", 10, "revocations a second")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if err := m.begin(); err != nil {
		return err
	}
	defer os.RemoveAll(m.dir)
	defer func() { m.server.stop() }()
	defer m.cutter.close()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i := range *count {
		x, err := client.NewMirror(client.MirrorOptions{URL: m.cutter.url(), Poll: i%10 == 0, OnProblem: func(error) { m.problems.Add(1) }})
		if err != nil {
			return err
		}
		m.all = append(m.all, x)
		running.Go(func() { x.Run(ctx) })
	}
	for _, x := range m.all {
		<-x.Ready()
	}
	if err := m.disturb(*last, *every, *restart, time.Second/time.Duration(*rate)); err != nil {
		return err
	}
	return m.report(*last)
}

func (m *mirrors) begin() (err error) {
	if m.dir, err = os.MkdirTemp("", "veto-soak-"); err != nil {
		return err
	}
	if m.ca, err = pkitest.NewCA(pkitest.CAOptions{}); err != nil {
		return err
	}
	file := func(name, content string) string {
		path := filepath.Join(m.dir, name)
		err = errors.Join(err, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	m.config = file("veto.yaml", fmt.Sprintf("data_dir: data\npublic: {listen: '127.0.0.1:0'}\napi: {listen: '127.0.0.1:0'}\nadmin: {token_file: %s}\n"+
		"issuers: [{name: soak, certificate: %s}]\n", file("token", token), file("ca.pem", string(pkitest.CertificatePEM(m.ca.Certificate)))))
	if err != nil {
		return err
	}
	if m.server, err = serve(m.binary, m.config); err == nil {
		m.cutter, err = newCutter(m.server.api)
	}
	return err
}

// disturb revokes until the time is over, while connections are cut and the server is restarted.
func (m *mirrors) disturb(last, every, restart, pause time.Duration) error {
	end, nextCut, nextRestart := time.Now().Add(last), time.Now().Add(every), time.Now().Add(restart)
	for time.Now().Before(end) {
		began := time.Now()
		disturbed := false
		switch {
		case began.After(nextRestart):
			disturbed, nextRestart, nextCut = true, began.Add(restart), began.Add(every)
			m.server.stop()
			s, err := serve(m.binary, m.config)
			if err != nil {
				return err
			}
			m.server = s
			m.cutter.lead(s.api)
		case began.After(nextCut):
			disturbed, nextCut = true, began.Add(every)
			m.cutter.cut()
		}
		took, err := m.revoke()
		if err != nil {
			return err
		}
		if disturbed {
			m.cut = append(m.cut, took)
		} else {
			m.calm = append(m.calm, took)
		}
		time.Sleep(time.Until(began.Add(pause)))
	}
	return nil
}

// patience is how long a mirror has to learn of a revocation, also after a restart of the server.
const patience = 2 * time.Minute

// revoke revokes the next serial, and waits until every mirror says so.
func (m *mirrors) revoke() (time.Duration, error) {
	m.revoked++
	body := fmt.Sprintf(`{"serial":"%x","reason":"superseded"}`, m.serial(m.revoked))
	req, err := http.NewRequest(http.MethodPost, m.server.api+"/v1/issuers/soak/revocations", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode/100 != 2 {
		return 0, errors.Join(fmt.Errorf("revoking: HTTP %s: %s", resp.Status, bytes.TrimSpace(text)), err)
	}
	acknowledged, late := time.Now(), time.After(patience)
	for i, x := range m.all {
		for {
			changed := x.Changed()
			if m.knows(x, m.revoked) {
				break
			}
			select {
			case <-changed:
			case <-late:
				return 0, fmt.Errorf("mirror %d does not know of revocation %d after %s: %+v", i, m.revoked, patience, x.Status())
			}
		}
	}
	return time.Since(acknowledged), nil
}

func (m *mirrors) serial(n int) []byte { return big.NewInt(1<<40 + int64(n)).Bytes() }

func (m *mirrors) knows(x *client.Mirror, n int) bool {
	cert := &x509.Certificate{Version: 3, RawIssuer: m.ca.Certificate.RawSubject, SerialNumber: new(big.Int).SetBytes(m.serial(n))}
	a, err := x.Check(context.Background(), cert, m.ca.Certificate)
	return err == nil && a.Status == revocation.Revoked
}

// report looks for everything in every mirror once more.
func (m *mirrors) report(last time.Duration) error {
	for i, x := range m.all {
		for n := 1; n <= m.revoked; n++ {
			if !m.knows(x, n) {
				return fmt.Errorf("mirror %d lost revocation %d", i, n)
			}
		}
		if m.knows(x, m.revoked+1) {
			return fmt.Errorf("mirror %d knows of a revocation that there was not", i)
		}
	}
	fmt.Printf("%d mirrors, %s: %d revocations, none lost; connections lost and found again %d times\n", len(m.all), last, m.revoked, m.problems.Load())
	fmt.Printf("until every mirror knows: %s; just after a cut or a restart (%d): %s\n", spreadOf(m.calm), len(m.cut), spreadOf(m.cut))
	fmt.Printf("server: peak %d MB\n", peakOf(m.server.cmd.Process.Pid)>>20)
	return nil
}

func spreadOf(list []time.Duration) string {
	if len(list) == 0 {
		return "never"
	}
	slices.Sort(list)
	at := func(q float64) time.Duration { return list[min(int(q*float64(len(list))), len(list)-1)] }
	return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms, longest %.1f ms", ms(at(0.5)), ms(at(0.99)), ms(at(1)))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
