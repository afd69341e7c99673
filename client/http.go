package client

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/vetopki/veto/revocation"
)

// HTTPOptions say how HTTP asks.
type HTTPOptions struct {
	URL         string        // of the server's JSON API, without a path
	Token       string        // when reading needs one
	Client      *http.Client  // nil: one with the timeout and nothing else
	Timeout     time.Duration // of one request; 5 s when zero
	MaxInFlight int           // requests at once; 4 when zero. What is asked meanwhile goes together in the next one
	Keep        int           // answers kept at most, for as long as the server allows; 50,000 when zero

	// KeepFor is how long an answer is kept at most, so how much later than the server a revocation may be known here. Zero: as long as
	// the server allows, 30 seconds as it comes. Asking again costs little: an answer that did not change comes without a body.
	KeepFor time.Duration
}

// HTTP is a Checker that asks a veto server by its JSON API. Answers are kept as long as the server says and then asked for again by
// their ETag; questions that come while requests are under way share the next one; nobody asks twice for one certificate at
// the same time.
type HTTP struct {
	o    HTTPOptions
	base string
	kept *answers
	now  func() time.Time

	mu       sync.Mutex // guards what follows
	waiting  []*question
	asked    map[subject]*question
	inFlight int
}

// question is a certificate that is being asked for.
type question struct {
	subject
	der    []byte // of the certificate
	done   chan struct{}
	answer Answer // readable once done is closed, like err
	err    error
}

// maxBatch is how many questions go into one request; the server takes up to 10,000.
const maxBatch = 1000

// NewHTTP makes a Checker.
func NewHTTP(o HTTPOptions) (*HTTP, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the URL of a veto server; write http://HOST:PORT or https://HOST:PORT", o.URL)
	}
	o.Timeout = timeoutOr(o.Timeout)
	if o.Client == nil {
		o.Client = plainClient()
	}
	if o.MaxInFlight <= 0 {
		o.MaxInFlight = 4
	}
	kept, err := newAnswers(o.Keep)
	if err != nil {
		return nil, err
	}
	kept.most = o.KeepFor
	return &HTTP{o: o, base: strings.TrimSuffix(o.URL, "/"), kept: kept, now: time.Now, asked: map[subject]*question{}}, nil
}

// Check implements Checker.
func (c *HTTP) Check(ctx context.Context, cert, issuer *x509.Certificate) (Answer, error) {
	s, err := subjectOf(cert, issuer)
	if err != nil {
		return Answer{}, err
	}
	if a, ok := c.kept.get(s, c.now()); ok {
		return a, nil
	}
	q := c.ask(s, cert.Raw)
	select {
	case <-q.done:
		return q.answer, q.err
	case <-ctx.Done():
		return Answer{}, context.Cause(ctx)
	}
}

// ask returns the question for a subject that is under way, or puts it into the next request.
func (c *HTTP) ask(s subject, der []byte) *question {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q := c.asked[s]; q != nil {
		return q
	}
	q := &question{subject: s, der: der, done: make(chan struct{})}
	c.asked[s] = q
	c.waiting = append(c.waiting, q)
	if c.inFlight < c.o.MaxInFlight {
		c.inFlight++
		go c.send() // ends when nothing waits any more; each of its requests ends by the timeout
	}
	return q
}

// send makes requests until no question waits.
func (c *HTTP) send() {
	for {
		batch := c.take()
		if len(batch) == 0 {
			return
		}
		c.exchange(batch)
		c.mu.Lock()
		for _, q := range batch {
			delete(c.asked, q.subject)
		}
		c.mu.Unlock()
		for _, q := range batch {
			close(q.done)
		}
	}
}

// take is the next batch. When nothing waits it is empty, and the place in flight is given up.
func (c *HTTP) take() []*question {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(len(c.waiting), maxBatch)
	batch := c.waiting[:n:n]
	c.waiting = c.waiting[n:]
	if n == 0 {
		c.waiting = nil
		c.inFlight--
	}
	return batch
}

// exchange asks for a batch and answers its questions.
func (c *HTTP) exchange(batch []*question) {
	ctx, cancel := context.WithTimeout(context.Background(), c.o.Timeout)
	defer cancel()
	if len(batch) == 1 && c.single(ctx, batch[0]) {
		return
	}
	results, err := c.many(ctx, batch)
	for i, q := range batch {
		if err != nil {
			q.err = err
			continue
		}
		q.answer, q.err = results[i].read(c.base, c.now())
		if q.err == nil {
			c.kept.put(q.subject, kept{answer: q.answer}, c.now())
		}
	}
}

// single asks by GET, which the server and the caches on the way may answer with 304. It is false when the question is better
// asked with the certificate: only that says which distribution point it has, and whether it is a CA's.
func (c *HTTP) single(ctx context.Context, q *question) bool {
	answer, etag, err := c.get(ctx, q.subject)
	if errors.Is(err, errNotModified) {
		var fresh time.Duration
		if before, ok := c.kept.cache.GetIfPresent(q.subject); ok {
			if fresh = answer.Until.Sub(c.now()); fresh < 0 {
				fresh = 0
			}
			before.answer.Until = c.now().Add(fresh)
			c.kept.put(q.subject, before, c.now())
			q.answer = before.answer
			return true
		}
		return false // it was dropped meanwhile
	}
	if err == nil && answer.Because == revocation.BecauseOutOfScope {
		return false
	}
	q.answer, q.err = answer, err
	if err == nil {
		c.kept.put(q.subject, kept{answer, etag}, c.now())
	}
	return true
}
