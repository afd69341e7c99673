package client

import (
	"time"

	"github.com/maypok86/otter/v2"
)

// kept is an answer with what makes asking for it again cheap.
type kept struct {
	answer Answer
	etag   string
}

// answers keeps answers of a source, at most so many. One past its time is kept for its ETag until the space is needed.
type answers struct {
	cache *otter.Cache[subject, kept]
	most  time.Duration // how long one is kept, whatever its source allows; zero: as long as that
}

// defaultKept is how many answers are kept when nothing is said: about 20 MB.
const defaultKept = 50_000

func newAnswers(most int) (*answers, error) {
	if most <= 0 {
		most = defaultKept
	}
	c, err := otter.New(&otter.Options[subject, kept]{MaximumSize: most})
	if err != nil {
		return nil, err
	}
	return &answers{cache: c}, nil
}

// get is the answer kept for a subject while it may be used.
func (c *answers) get(s subject, now time.Time) (Answer, bool) {
	k, ok := c.cache.GetIfPresent(s)
	if !ok || !now.Before(k.answer.Until) {
		return Answer{}, false
	}
	return k.answer, true
}

// etag is that of the last answer for a subject, "" when none is kept.
func (c *answers) etag(s subject) string {
	k, _ := c.cache.GetIfPresent(s)
	return k.etag
}

func (c *answers) put(s subject, k kept, now time.Time) {
	if limit := now.Add(c.most); c.most > 0 && k.answer.Until.After(limit) {
		k.answer.Until = limit
	}
	if k.answer.Until.IsZero() && k.etag == "" {
		return
	}
	c.cache.Set(s, k)
}
