package crlfetch

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/vetopki/veto/revocation"
)

// track is how a source fared, kept in memory between refreshes so that it is right even when the store cannot be written. It
// is a value: its methods return what it becomes.
type track struct {
	state revocation.SourceState

	// known are the validators of the CRL validFor, as validFrom gave them. When another CRL is in force (the store went back to the
	// one before, say) they prove nothing, and to another URL they say nothing.
	known     validators
	validFor  [sha256.Size]byte
	validFrom string

	whole time.Time     // when the whole CRL came last
	took  time.Duration // that time

	mirrors mirrorTrack

	forgiven int // failures that no longer count for the back-off, because a person asked again
}

func newTrack(src Source, st revocation.SourceState, held *revocation.CRLInfo) track {
	st.Issuer, st.URL = src.Issuer.ID, src.URL
	t := track{state: st, known: validators{etag: st.ETag, lastModified: st.LastModified}, validFrom: src.URL, whole: st.FetchedAt}
	if held != nil {
		t.validFor = held.SHA256
	}
	return t
}

// believed are the validators to send to a URL: those of the CRL held, or none when the server's word alone is not enough.
func (t track) believed(now time.Time, src Source, url string, held *revocation.CRLInfo) validators {
	h := history{notModified: t.state.NotModified, whole: t.whole, took: t.took}
	if held == nil || held.SHA256 != t.validFor || url != t.validFrom || !believes304(now, src, held, h) {
		return validators{}
	}
	return t.known
}

// accepted: what a URL brought is in force.
func (t track) accepted(now time.Time, url string, got download, info *revocation.CRLInfo) track {
	t.succeeded(now, url)
	t.state.FetchedAt, t.state.NotModified = now, 0
	t.remember(now, url, got, info)
	return t
}

// unchanged: a 304 counts towards the next unconditional fetch, the whole CRL received once more begins the count anew.
func (t track) unchanged(now time.Time, url string, got download, held *revocation.CRLInfo) track {
	t.succeeded(now, url)
	if got.notModified {
		t.state.NotModified++
		return t
	}
	t.state.NotModified = 0
	t.remember(now, url, got, held)
	return t
}

func (t *track) succeeded(now time.Time, url string) {
	t.state.CheckedAt, t.state.FailedAt = now, time.Time{}
	t.state.Failures, t.forgiven = 0, 0
	t.mirrors = t.mirrors.agrees(url)
	t.state.LastError = t.mirrors.disagreement()
}

// remember takes note of a whole CRL. A restart asks the primary first, so that only its validators are kept for that.
func (t *track) remember(now time.Time, url string, got download, of *revocation.CRLInfo) {
	t.known, t.validFor, t.validFrom = got.validators, of.SHA256, url
	t.whole, t.took = now, got.took
	t.state.ETag, t.state.LastModified = "", ""
	if url == t.state.URL {
		t.state.ETag, t.state.LastModified = got.validators.etag, got.validators.lastModified
	}
}

func (t track) failed(now time.Time, err error) track {
	t.state.FailedAt, t.state.LastError = now, shorten(err.Error())
	t.state.Failures++
	return t
}

// unplanned: there is nothing to fetch, and what went wrong before is no longer in the way of it.
func (t track) unplanned() track {
	t.state.NextFetch, t.state.FailedAt = time.Time{}, time.Time{}
	t.state.Failures, t.state.LastError, t.forgiven = 0, "", 0
	return t
}

func (t track) forgive() track {
	t.forgiven = t.state.Failures
	return t
}

// outcome is what the schedule is told after a failure.
func (t track) outcome(err error) Outcome {
	out := Outcome{Failures: max(t.state.Failures-t.forgiven, 1)}
	if status, ok := errors.AsType[*statusRefused](err); ok {
		out.RetryAfter = status.retryAfter
	}
	return out
}

// shorten bounds an error that is stored: parts of it may come from a server.
func shorten(text string) string {
	const most = 500
	if len(text) <= most {
		return text
	}
	cut := most - len("…")
	for cut > 0 && text[cut]&0xc0 == 0x80 { // not within a character
		cut--
	}
	return text[:cut] + "…"
}
