package crlfetch

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// Result says what one refresh of one source did.
type Result struct {
	URL         string               // of the source
	Via         string               // of the place that served: a mirror's when those before it failed; "" for a pushed CRL
	Changed     bool                 // another CRL is in force than before
	NotModified bool                 // the source still has the CRL that is in force
	Change      revocation.CRLChange // when Changed
	Info        *revocation.CRLInfo  // the CRL in force now, nil when none is
	Duration    time.Duration
	Bytes       int64 // transferred
	Next        time.Time
	Err         error // why nothing was accepted; nil when Changed or NotModified
}

// updater is what all refreshes share.
type updater struct {
	store    Store
	builder  Builder
	fetcher  *fetcher
	onChange func(revocation.CRLChange)
	metrics  *Metrics
	log      *slog.Logger
	verify   verify.CRLOptions
	revoked  func(*x509.Certificate) bool
	jitter   func() float64
}

// trip is what one refresh takes with it. The zero value goes to the source's own places, without queueing.
type trip struct {
	places   []string // nil: the source's
	queue    *turn
	progress *progress
}

// refresh is one refresh of one source. t is updated and saved. When ctx ends the refresh is given up without a trace.
func (u *updater) refresh(ctx context.Context, src Source, t track, on trip) (Result, track) {
	if src.Pushed() {
		return Result{URL: src.URL, Info: u.store.CRLInfo(src.Scope()), Next: t.state.NextFetch, Err: errNeverFetched}, t
	}
	a := u.attempt(src, t, on.progress)
	if on.places != nil {
		a.urls = on.places
	}
	defer a.reportProgress()()
	err := a.walk(ctx, on.queue)
	if err != nil && ctx.Err() != nil {
		return Result{URL: src.URL, Info: a.prev, Next: t.state.NextFetch, Err: context.Cause(ctx)}, t
	}
	if err != nil {
		a.fail(err)
	} else {
		a.compareMirrors(ctx, on.queue)
	}
	a.end()
	u.metrics.refreshed(src, a.result, a.track.state, a.got.oddType != "")
	u.metrics.troubled(src, len(a.passed), len(a.broken), len(a.track.mirrors.disagree))
	logRefresh(u.log, src, a)
	return a.result, a.track
}

// attempt is a refresh on its way.
type attempt struct {
	*updater
	src      Source
	now      time.Time
	track    track
	prev     *revocation.CRLInfo // in force when it began
	urls     []string            // where it looks, in order
	url      string              // the one that is, or was last, fetched from
	got      download
	passed   failures // of URLs before the one that served
	broken   []string // candidates that no CRL could be made of
	odd      []string // what is unusual about the CRL taken
	progress *progress
	result   Result
}

func (u *updater) attempt(src Source, t track, on *progress) *attempt {
	return &attempt{updater: u, src: src, now: time.Now(), track: t, prev: u.store.CRLInfo(src.Scope()), urls: src.urls(), url: src.URL,
		progress: cmp.Or(on, &progress{})}
}

func (a *attempt) end() {
	a.result.URL, a.result.Via = a.src.URL, a.url
	a.result.Next, a.result.Duration = a.track.state.NextFetch, time.Since(a.now)
}

// fetchFrom is the straight line from the CRL held to the one in force afterwards, by one URL of the source. Whatever ends it
// early leaves nothing behind.
func (a *attempt) fetchFrom(ctx context.Context, url string) error {
	tmp, err := a.builder.TempFile()
	if err != nil {
		return storeFailed("making a file for the download", err)
	}
	defer discard(tmp)

	a.url = url
	if a.got, err = a.fetcher.fetch(ctx, a.src, url, a.track.believed(a.now, a.src, url, a.prev), a.newest, landing{tmp, a.progress}); err != nil {
		return err
	}
	a.result.Bytes += a.got.size
	if a.got.notModified {
		return a.unchanged()
	}
	return a.take(ctx, tmp)
}

// take judges a CRL that came, fetched or pushed, and puts it in force.
func (a *attempt) take(ctx context.Context, tmp *os.File) error {
	if a.prev != nil && a.got.sha256 == a.prev.SHA256 {
		return a.unchanged() // known octets were verified when they came
	}
	build, err := a.newBuild()
	if err != nil {
		return err
	}
	defer func() { build.end() }()
	crl, err := a.decode(ctx, tmp, a.got.size, build.Add)
	if err != nil {
		return err
	}
	info, err := a.judge(crl)
	if err != nil {
		return err
	}
	if same, err := verify.Newer(a.prev, info, a.src.DistributionPoint); err != nil {
		return err
	} else if same {
		return a.unchanged()
	}
	if err := keepDER(tmp, crl); err != nil {
		return err
	}
	if info.OnlyKind == revocation.AttributeCertificate { // whose serial numbers are none of the certificates answered for
		build.end()
		if build, err = a.newBuild(); err != nil {
			return err
		}
	}
	a.odd = crl.Oddities()
	return a.commit(build, info, tmp.Name())
}

// commit puts the CRL in force, and returns when everybody who keeps answers knows.
func (a *attempt) commit(build *build, info *revocation.CRLInfo, signed string) error {
	a.progress.begin(writing)
	next := a.track.accepted(a.now, a.url, a.got, info)
	next.state.NextFetch = a.next(info, Outcome{MaxAge: a.got.maxAge})
	change, err := build.commit(info, signed, next.state, a.src.MaxShrink)
	if err != nil {
		return storeFailed("committing the CRL", err)
	}
	a.track = next
	a.result.Changed, a.result.Change, a.result.Info = true, change, cmp.Or(change.New, info)
	if a.onChange != nil {
		a.onChange(change)
	}
	return nil
}

// unchanged notes that the source still has the CRL in force. That extends nothing: the CRL lapses at its nextUpdate. One that the
// settings would not let in any more stays in force and is a failure.
func (a *attempt) unchanged() error {
	if err := a.src.takes(a.prev); err != nil {
		return err
	}
	next := a.track.unchanged(a.now, a.url, a.got, a.prev)
	next.state.NextFetch = a.next(a.prev, Outcome{MaxAge: a.got.maxAge})
	if err := a.store.SaveSourceState(a.src.Scope(), next.state); err != nil {
		return storeFailed("saving the state of the source", err)
	}
	a.track = next
	a.result.NotModified, a.result.Info = true, a.prev
	return nil
}

// fail notes why nothing was accepted. The CRL held stays in force.
func (a *attempt) fail(err error) {
	a.track = a.track.failed(a.now, err)
	a.track.state.NextFetch = a.next(a.prev, a.track.outcome(err))
	a.result = Result{Info: a.prev, Bytes: a.result.Bytes, Err: err}
	// The state is worth less than the reason: when it cannot be saved either, the disk is in trouble and err mostly says so.
	if saveErr := a.store.SaveSourceState(a.src.Scope(), a.track.state); saveErr != nil {
		a.result.Err = errors.Join(err, storeFailed("saving the state of the source", saveErr))
	}
}

// next is when the source is fetched next; a source that is never fetched has no such time.
func (a *attempt) next(info *revocation.CRLInfo, out Outcome) time.Time {
	if a.src.Pushed() {
		return time.Time{}
	}
	return Next(a.now, a.src, info, out, a.jitter())
}

func (a *attempt) newBuild() (*build, error) {
	b, err := a.builder.NewBuild(a.src.Issuer.ID, a.src.Scope())
	if err != nil {
		return nil, storeFailed("beginning a generation", err)
	}
	return &build{Build: b}, nil
}

// build is a Build that is ended once.
type build struct {
	Build
	ended bool
}

func (b *build) Add(r *revocation.Record) error {
	if err := b.Build.Add(r); err != nil {
		return storeFailed("adding an entry", err)
	}
	return nil
}

func (b *build) commit(info *revocation.CRLInfo, signed string, st revocation.SourceState, maxShrink float64) (revocation.CRLChange, error) {
	b.ended = true
	return b.Build.Commit(info, signed, st, maxShrink)
}

func (b *build) end() {
	if !b.ended {
		b.ended = true
		b.Build.Abort()
	}
}

// decode reads the downloaded CRL from the beginning, and adds the entries of the issuer's certificates.
func (a *attempt) decode(ctx context.Context, tmp *os.File, size int64, add func(*revocation.Record) error) (*crlder.CRL, error) {
	if _, err := tmp.Seek(0, 0); err != nil {
		return nil, storeFailed("reading the download", err)
	}
	a.progress.begin(reading)
	a.progress.expect(size)
	own := verify.NewOwnEntries(a.src.who(), add)
	crl, err := crlder.Decode(a.progress.reader(&contextReader{ctx, tmp}), crlder.Options{Begin: own.Begin}, a.progress.counted(own.Add))
	if err != nil {
		return nil, notACRL(tmp, err)
	}
	a.progress.entries.Store(int64(crl.Entries))
	return crl, nil
}

// discard removes a download, unless a commit moved it away.
func discard(tmp *os.File) {
	tmp.Close()
	os.Remove(tmp.Name())
}
