package crlfetch

import (
	"time"

	"github.com/vetopki/veto/revocation"
)

const (
	minWait      = time.Second      // between two fetches of a source, whatever is configured and said
	firstBackoff = 10 * time.Second // after the first failure; doubles with each further one
	maxBackoff   = time.Hour        // between two attempts while something is wrong: failures, or a CRL past its nextUpdate
	maxObedience = time.Hour        // of a Retry-After or max-age; a server does not decide that we stop looking
	jitterShare  = 0.2              // of a wait is chance: ±10 %
)

// Outcome is what the schedule needs to know of the fetch that just ended.
type Outcome struct {
	Failures   int           // in a row; 0 when it succeeded
	RetryAfter time.Duration // as the server asked (RFC 9110 §10.2.3); 0 when it did not
	MaxAge     time.Duration // for how long the server calls its answer fresh (RFC 9111 §4.2.1); 0 when it does not say
}

// Next says when to fetch a source again. info is the CRL in force, nil when there is none; jitter is a random number in
// [0, 1). It is pure. Waits before jitter:
//
//   - after a success: every, but only to about the point where a tenth of the CRL's lifetime is left, so that its successor
//     arrives before it lapses; from there on half of what is left; past nextUpdate every, at most an hour;
//   - an answer that a cache calls fresh for longer is not asked for again before, up to an hour and as the CRL's end allows;
//   - after failures: 10 s, 20 s, 40 s … up to every and at most an hour, and no longer than the CRL's end allows;
//   - a Retry-After makes the wait longer, up to an hour, but does not let the CRL lapse without another attempt.
func Next(now time.Time, src Source, info *revocation.CRLInfo, out Outcome, jitter float64) time.Time {
	src = src.withDefaults()
	needed, bound := untilNeeded(now, info)
	wait := src.Every
	if out.Failures > 0 {
		wait = min(backoff(out.Failures), wait)
		needed = max(needed, firstBackoff) // a server in trouble is not asked every second because the CRL is about to lapse
	}
	if bound {
		wait = min(wait, needed)
	}
	wait = time.Duration(float64(wait) * (1 - jitterShare/2 + jitterShare*jitter))
	if fresh := min(out.MaxAge, maxObedience); out.Failures == 0 && fresh > wait {
		wait = fresh + time.Duration(float64(fresh)*jitterShare/2*jitter) // the cache has nothing else before
		if bound {
			wait = min(wait, needed)
		}
	}
	if ask := min(out.RetryAfter, maxObedience); ask > wait {
		wait = ask + time.Duration(float64(ask)*jitterShare/2*jitter) // never earlier than asked
		if bound && !now.After(info.NextUpdate) {
			wait = min(wait, max(needed, time.Minute))
		}
	}
	return now.Add(max(wait, minWait))
}

// untilNeeded is how long the successor of a CRL can wait. Not bound: the CRL sets no limit, or there is none.
func untilNeeded(now time.Time, info *revocation.CRLInfo) (wait time.Duration, bound bool) {
	if info == nil || info.NextUpdate.IsZero() {
		return 0, false
	}
	left, lifetime := info.NextUpdate.Sub(now), info.NextUpdate.Sub(info.ThisUpdate)
	switch tenth := max(lifetime, 0) / 10; {
	case left <= 0:
		return maxBackoff, true
	case left > tenth:
		return max(left-tenth, left/2), true
	default:
		return left / 2, true
	}
}

func backoff(failures int) time.Duration {
	return min(firstBackoff<<min(failures-1, 16), maxBackoff)
}

// firstFetch says when a loop that starts now fetches: at once, unless a fresh CRL is held and an earlier process planned the
// next fetch. A plan is not followed further than this configuration would plan, in case every or the clock was changed.
func firstFetch(now time.Time, src Source, st revocation.SourceState, info *revocation.CRLInfo, jitter float64) time.Time {
	if info == nil || !now.Before(info.NextUpdate) || !now.Before(st.NextFetch) {
		return now
	}
	latest := Next(now, src, info, Outcome{Failures: st.Failures}, jitter)
	if st.NextFetch.Before(latest) {
		return st.NextFetch
	}
	return latest
}
