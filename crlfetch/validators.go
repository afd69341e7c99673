package crlfetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vetopki/veto/revocation"
)

// validators are what makes a GET conditional (RFC 9110 §13.1). Empty ones ask for the CRL whatever happened before.
type validators struct {
	etag         string
	lastModified string
}

// unconditionalAfter is how many answers "not modified" in a row are believed before the whole CRL is asked for.
const unconditionalAfter = 9

// history is what is known of the fetches before.
type history struct {
	notModified int           // answers "not modified" in a row
	whole       time.Time     // when the whole CRL came last; zero: not known
	took        time.Duration // that time
}

// believes304 says whether a server's word that nothing changed is enough: a server that answers 304 for ever must not hide a
// new CRL. So every tenth fetch is unconditional, and so are those past half of the CRL's lifetime, though neither more often
// than a large CRL can bear. It is pure.
func believes304(now time.Time, src Source, info *revocation.CRLInfo, h history) bool {
	if info == nil {
		return false
	}
	half := info.ThisUpdate.Add(info.NextUpdate.Sub(info.ThisUpdate) / 2)
	floor := rest(h.took)
	switch {
	case h.notModified >= unconditionalAfter:
	case !info.NextUpdate.IsZero() && now.Before(half):
		return true
	default:
		floor = max(floor, secondHalfFloor(now, src, info))
	}
	return now.Before(h.whole.Add(floor))
}

// rest is how long nothing is transferred as a whole after a transfer that took so long: at most a fiftieth of the time goes
// into it. What came within a second is not large.
func rest(took time.Duration) time.Duration {
	if took < time.Second {
		return 0
	}
	return 50 * took
}

// secondHalfFloor is the least time between two unconditional fetches past half of a CRL's life: that of a poll, and a twentieth
// of the lifetime while it lasts.
func secondHalfFloor(now time.Time, src Source, info *revocation.CRLInfo) time.Duration {
	poll := src.withDefaults().Every
	floor := poll - poll/10 // jitter makes polls come up to a tenth earlier
	if now.Before(info.NextUpdate) {
		floor = max(floor, info.NextUpdate.Sub(info.ThisUpdate)/20)
	}
	return floor
}

// maxAge is for how long a cache, or the server, calls its answer fresh: max-age less the Age it has already (RFC 9111 §4.2).
func maxAge(h http.Header) time.Duration {
	var fresh time.Duration
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-cache", "no-store":
			return 0
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return 0 // RFC 9111 §4.2.1: what is not understood is stale
			}
			fresh = time.Duration(seconds) * time.Second
		}
	}
	age, err := strconv.ParseUint(h.Get("Age"), 10, 31)
	if err != nil {
		age = 0
	}
	return max(fresh-time.Duration(age)*time.Second, 0)
}
