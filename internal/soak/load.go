package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// load looks serials up at a steady rate, whatever the store does, and sees that each answer is of one CRL.
type load struct {
	swaps   *swaps
	every   time.Duration // of each worker
	first   bool          // its threads go before all others of the machine
	serials [2][]revocation.Serial

	mu     sync.Mutex // guards what follows
	ended  bool
	name   string
	took   map[string][]sample
	order  []string
	faults []error
	wg     sync.WaitGroup
}

// sample is one lookup: how long it took, and how long after it was due it was done.
type sample struct{ took, late time.Duration }

// workers share the rate. Each has a thread, since what the scheduler adds to a lookup counts too.
const workers = 4

// asked is how many serials of each CRL are asked for.
const asked = 200_000

func newLoad(s *swaps, rate int, first bool) *load {
	l := &load{swaps: s, first: first, every: workers * time.Second / time.Duration(rate), took: map[string][]sample{}}
	for i, o := range s.crls {
		for range min(asked, o.Entries) {
			serial, err := pkitest.BigCRLSerial(o, rand.IntN(o.Entries))
			if err != nil {
				panic(err)
			}
			l.serials[i] = append(l.serials[i], revocation.Serial(serial))
		}
	}
	return l
}

func (l *load) start() {
	l.phase("warm")
	for range workers {
		l.wg.Go(l.work)
	}
}

func (l *load) stop() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	l.wg.Wait()
}

// phase counts what follows under a name.
func (l *load) phase(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.name = name; !slices.Contains(l.order, name) {
		l.order = append(l.order, name)
	}
}

func (l *load) work() {
	runtime.LockOSThread()
	if l.first {
		if err := realtime(); err != nil {
			l.mu.Lock()
			l.faults = append(l.faults, fmt.Errorf("-realtime: %w", err))
			l.mu.Unlock()
		}
	}
	var mine []sample
	ev := revocation.Evidence{CRLs: make([]revocation.CRLFinding, 0, 4)}
	newest := 0
	for due, name := time.Now(), "warm"; ; due = due.Add(l.every) {
		sleepUntil(due)
		parity := rand.IntN(2)
		serial := l.serials[parity][rand.IntN(len(l.serials[parity]))]
		begin := time.Now()
		l.swaps.store.Evidence(l.swaps.issuer, serial, &ev)
		end := time.Now()
		fault := l.check(&ev, parity, &newest)
		if mine = append(mine, sample{end.Sub(begin), end.Sub(due)}); fault == nil && len(mine) < 100 {
			continue
		}
		l.mu.Lock()
		l.took[name] = append(l.took[name], mine...)
		if fault != nil && len(l.faults) < 10 {
			l.faults = append(l.faults, fault)
		}
		ended := l.ended
		name = l.name
		l.mu.Unlock()
		if mine = mine[:0]; ended {
			return
		}
	}
}

// check sees that an answer is wholly of one CRL, and of none that is older than one seen before.
func (l *load) check(ev *revocation.Evidence, parity int, newest *int) error {
	if len(ev.CRLs) != 1 {
		return fmt.Errorf("%d CRLs were consulted", len(ev.CRLs))
	}
	n := 0
	for _, b := range []byte(ev.CRLs[0].Info.Number) {
		n = n<<8 | int(b)
	}
	if n < *newest || ev.CRLs[0].Listed != (n%2 == parity) {
		return fmt.Errorf("CRL %d after CRL %d: a serial of those with lowest bit %d is listed: %v", n, *newest, parity, ev.CRLs[0].Listed)
	}
	*newest = n
	return nil
}

// report prints a row for each phase.
func (l *load) report() error {
	l.stop()
	fmt.Printf("%-8s %9s   %s\n", "", "lookups", "lookup p50 · p99 · p99.9 · max, and from when it was due")
	for _, name := range l.order[1:] {
		of := l.took[name]
		fmt.Printf("%-8s %9d   %s   %s\n", name, len(of), quantiles(of, func(s sample) time.Duration { return s.took }),
			quantiles(of, func(s sample) time.Duration { return s.late }))
	}
	fmt.Println(peakMemory())
	return errors.Join(l.faults...)
}

func quantiles(of []sample, what func(sample) time.Duration) string {
	list := make([]time.Duration, len(of))
	for i := range of {
		list[i] = what(of[i])
	}
	slices.Sort(list)
	var text []string
	for _, q := range []float64{0.5, 0.99, 0.999, 1} {
		text = append(text, fmt.Sprintf("%.1f", float64(list[min(int(q*float64(len(list))), len(list)-1)].Nanoseconds())/1000))
	}
	return strings.Join(text, " · ") + " µs"
}

func peakMemory() string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") {
			return "peak memory " + strings.TrimSpace(strings.TrimPrefix(line, "VmHWM:"))
		}
	}
	return ""
}
