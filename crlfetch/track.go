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

	// validFor is the CRL the validators in state belong to. When another one is in force (the store went back to the one before,
	// say) they prove nothing.
	validFor [sha256.Size]byte

	forgiven int // failures that no longer count for the back-off, because a person asked again
}

func newTrack(src Source, st revocation.SourceState, held *revocation.CRLInfo) track {
	st.Issuer, st.URL = src.Issuer.ID, src.URL
	t := track{state: st}
	if held != nil {
		t.validFor = held.SHA256
	}
	return t
}

func (t track) believed(now time.Time, held *revocation.CRLInfo) validators {
	if held == nil || held.SHA256 != t.validFor {
		return validators{}
	}
	return believedValidators(now, t.state, held)
}

func (t track) accepted(now time.Time, v validators, info *revocation.CRLInfo) track {
	t.succeeded(now)
	t.state.FetchedAt, t.state.NotModified = now, 0
	t.remember(v, info)
	return t
}

// unchanged: a 304 counts towards the next unconditional fetch, the whole CRL received once more begins the count anew.
func (t track) unchanged(now time.Time, got download, held *revocation.CRLInfo) track {
	t.succeeded(now)
	if got.notModified {
		t.state.NotModified++
		return t
	}
	t.state.NotModified = 0
	t.remember(got.validators, held)
	return t
}

func (t *track) succeeded(now time.Time) {
	t.state.CheckedAt, t.state.FailedAt = now, time.Time{}
	t.state.Failures, t.state.LastError, t.forgiven = 0, "", 0
}

func (t *track) remember(v validators, of *revocation.CRLInfo) {
	t.state.ETag, t.state.LastModified, t.validFor = v.etag, v.lastModified, of.SHA256
}

func (t track) failed(now time.Time, err error) track {
	t.state.FailedAt, t.state.LastError = now, shorten(err.Error())
	t.state.Failures++
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
