package crlfetch

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/revocation"
)

// Progress is how far a refresh came. The zero value: none is under way.
type Progress struct {
	Doing   string // downloading, choosing (among several CRLs), reading (and verifying), writing; "" nothing
	Octets  int64  // of the CRL that were downloaded, or read, so far
	Of      int64  // that there are; 0 when that is not known
	Entries int64  // read so far
}

// What a refresh does, one after the other.
const (
	idle int32 = iota
	downloading
	choosing
	reading
	writing
)

var doings = [...]string{"", "downloading", "choosing", "reading", "writing"}

// progress is the Progress of a refresh under way. A nil one is told and tells nothing.
type progress struct {
	doing               atomic.Int32
	octets, of, entries atomic.Int64
}

// begin begins something else.
func (p *progress) begin(doing int32) {
	if p == nil {
		return
	}
	if doing != writing { // which goes on with what was read
		p.octets.Store(0)
		p.of.Store(0)
		p.entries.Store(0)
	}
	p.doing.Store(doing)
}

// expect says how many octets there will be; what is not above zero says nothing.
func (p *progress) expect(octets int64) {
	if p != nil && octets > 0 {
		p.of.Store(octets)
	}
}

func (p *progress) octetsPassed(n int) {
	if p != nil {
		p.octets.Add(int64(n))
	}
}

func (p *progress) snapshot() Progress {
	return Progress{Doing: doings[p.doing.Load()], Octets: p.octets.Load(), Of: p.of.Load(), Entries: p.entries.Load()}
}

// counted counts entries on their way. The count of others is brought up to date now and then only: an entry takes 20 ns.
func (p *progress) counted(add func(*revocation.Record) error) func(*revocation.Record) error {
	const every = 1 << 10
	n := int64(0)
	return func(r *revocation.Record) error {
		if n++; n%every == 0 {
			p.entries.Store(n)
		}
		return add(r)
	}
}

// reader counts the octets that are read through it.
func (p *progress) reader(r io.Reader) io.Reader { return &progressReader{r, p} }

type progressReader struct {
	r io.Reader
	p *progress
}

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.p.octetsPassed(n)
	return n, err
}

// progressEvery is how often a refresh that takes long says in the log how far it came.
const progressEvery = 10 * time.Second

// reportProgress writes a line to the log now and then until the function it returns is called, which ends the progress.
func (a *attempt) reportProgress() (end func()) {
	done := make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() {
		t := time.NewTicker(progressEvery)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				a.logProgress(a.progress.snapshot())
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		reporting.Wait()
		a.progress.begin(idle)
	}
}

func (a *attempt) logProgress(p Progress) {
	a.log.LogAttrs(context.Background(), slog.LevelInfo, "crl refresh under way", slog.String("issuer", a.src.Issuer.Name),
		slog.String("url", a.src.URL), slog.String("doing", p.Doing), slog.Int64("octets", p.Octets), slog.Int64("of", p.Of),
		slog.Int64("entries", p.Entries), slog.Duration("for", time.Since(a.now).Round(time.Second)))
}
