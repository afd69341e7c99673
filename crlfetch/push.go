package crlfetch

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/vetopki/veto/revocation"
)

// errNeverFetched is the answer of a source that is never fetched.
var errNeverFetched = revocation.Refuse("push", "", "the source is never fetched: its CRLs are pushed, with PUT /v1/issuers/{issuer}/crl")

// Push takes a CRL that an administrator brings, DER or PEM, for a source of the issuer; url may be empty when it has only one of
// complete CRLs, which is meant then.
// The CRL is judged exactly as a fetched one, and when it is refused nothing changes. What is returned as the error is Result.Err
// too. The rules of its refusals are those of a refresh, and "source" when url does not name one of the issuer's sources;
// ErrNoSource says that it has none. Push waits for a refresh of the source in progress, and before Run for Run. Once the CRL
// was handed over it does not end when ctx ends.
func (r *Refresher) Push(ctx context.Context, issuer revocation.IssuerID, url string, body io.Reader) (Result, error) {
	l, err := r.loopToPush(issuer, url)
	if err != nil {
		return Result{URL: url, Err: err}, err
	}
	p, err := r.updater.receivePush(ctx, l.src, body)
	if err != nil {
		return Result{URL: l.src.URL, Err: err}, err
	}
	select {
	case l.pushes <- p: // now the file is the loop's
	case <-l.done:
		discard(p.file)
		return Result{URL: l.src.URL, Err: errRemoved}, errRemoved
	case <-ctx.Done():
		discard(p.file)
		return Result{URL: l.src.URL, Err: context.Cause(ctx)}, context.Cause(ctx)
	}
	select {
	case <-p.flight.done:
		return p.flight.result, p.flight.result.Err
	case <-ctx.Done():
		return Result{URL: l.src.URL, Err: context.Cause(ctx)}, context.Cause(ctx)
	}
}

func (r *Refresher) loopToPush(issuer revocation.IssuerID, url string) (*loop, error) {
	loops := r.loopsOf(issuer)
	if complete := slices.DeleteFunc(slices.Clone(loops), func(l *loop) bool { return l.src.Delta }); url == "" && len(complete) == 1 {
		return complete[0], nil
	}
	switch i := slices.IndexFunc(loops, func(l *loop) bool { return l.src.URL == url }); {
	case len(loops) == 0:
		return nil, ErrNoSource
	case i >= 0:
		return loops[i], nil
	case url != "":
		return nil, revocation.Refuse("source", "", "the issuer has no CRL source with this URL")
	case len(loops) > 1:
		return nil, revocation.Refuse("source", "", "the issuer has %d CRL sources; say which one the CRL is of", len(loops))
	}
	return loops[0], nil
}

// pushed is a CRL on its way to the loop of its source.
type pushed struct {
	file   *os.File
	got    download
	flight *flight
}

// receivePush copies a pushed CRL into a file of the store, at most as much as the source may have.
func (u *updater) receivePush(ctx context.Context, src Source, body io.Reader) (*pushed, error) {
	tmp, err := u.builder.TempFile()
	if err != nil {
		return nil, storeFailed("making a file for the pushed CRL", err)
	}
	start, out := time.Now(), newSink(landing{file: tmp}, src.MaxBytes)
	if _, err := io.Copy(out, &contextReader{ctx, body}); err != nil {
		discard(tmp)
		return nil, err
	}
	p := &pushed{file: tmp, got: out.download(), flight: newFlight()}
	p.got.took = time.Since(start)
	return p, nil
}

// push judges a pushed CRL and puts it in force. When it is refused, or ctx ends, the source is as it was before.
func (u *updater) push(ctx context.Context, src Source, t track, p *pushed, on *progress) (Result, track) {
	defer discard(p.file)
	a := u.attempt(src, t, on)
	defer a.reportProgress()()
	a.url, a.got, a.result.Bytes = "", p.got, p.got.size
	if err := a.take(ctx, p.file); err != nil {
		if ctx.Err() != nil {
			err = errors.Join(errRemoved, err)
		}
		a.track, a.result = t, Result{Info: a.prev, Bytes: p.got.size, Err: err}
	}
	a.end()
	u.metrics.pushed(src, a.result, a.track.state)
	logPush(u.log, src, a)
	return a.result, a.track
}

// logPush writes the one line of a push. Who pushed is in the API's own line.
func logPush(log *slog.Logger, src Source, a *attempt) {
	if a.result.Err == nil {
		logOutcome(log, slog.LevelInfo, "crl pushed", src, a)
		return
	}
	logOutcome(log, slog.LevelWarn, "pushed crl refused", src, a)
}
