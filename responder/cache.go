package responder

import (
	"time"

	"github.com/maypok86/otter/v2"
)

// cache keeps signed answers, bounded in bytes. One answer is found in three ways: by the octets of a POST and by the
// escaped path of a GET, which cost no parsing, and by the CertID, so that one signature serves every form of the question.
// It never gives an answer that is not current.
type cache struct {
	answers *otter.Cache[cacheKey, *answer]
}

// cacheKey holds the octets in whole: a digest of 64 bits could be made to collide, and answer for another certificate.
type cacheKey struct {
	form     form
	octets   string
	signedBy string // which signature a client prefers, empty for the usual one; with byCertID only
}

type form uint8

const (
	byCertID form = iota + 1
	byPost
	byGet
)

// entryOverhead is about what an entry costs besides its key and its body: the answer, its header values, the node.
const entryOverhead = 900

func newCache(bytes uint64) *cache {
	return &cache{answers: otter.Must(&otter.Options[cacheKey, *answer]{
		MaximumWeight: bytes,
		Weigher:       func(k cacheKey, a *answer) uint32 { return uint32(len(k.octets) + len(a.body) + entryOverhead) },
		Executor:      func(f func()) { f() }, // upkeep in the caller's goroutine: none that nobody waits for
	})}
}

// get returns an answer that may be given out and needs no renewal by this request, or nil.
func (c *cache) get(key cacheKey, now time.Time) *answer {
	a := c.held(key, now)
	if a == nil || (!now.Before(a.renewAt) && !a.renewing.Load()) {
		return nil
	}
	return a
}

// held returns an answer that may be given out, due for renewal or not, or nil.
func (c *cache) held(key cacheKey, now time.Time) *answer {
	if a, ok := c.answers.GetIfPresent(key); ok && a.holds(now) {
		return a
	}
	return nil
}

// peek says whether an answer is kept, in force or not, and whether it needs no renewal yet. It does not count as a use of it.
func (c *cache) peek(key cacheKey, now time.Time) (kept, fresh bool) {
	e, ok := c.answers.GetEntryQuietly(key)
	return ok, ok && e.Value.holds(now) && now.Before(e.Value.renewAt)
}

// nearlyFull says whether more answers would soon drive others out.
func (c *cache) nearlyFull() bool { return c.answers.WeightedSize() > c.answers.GetMaximum()/10*9 }

// put keeps an answer. One that is overtaken by a change before or after is never given out.
func (c *cache) put(key cacheKey, a *answer) { c.answers.Set(key, a) }
