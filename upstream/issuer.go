package upstream

import (
	"crypto"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/vetopki/veto/internal/egress"
	"github.com/vetopki/veto/revocation"
)

// Issuer is a CA whose OCSP responder is asked, and how.
type Issuer struct {
	revocation.Issuer
	URLs    []string // http or https, asked in their order until one answers
	Nonce   Nonce
	Hash    crypto.Hash   // names the issuer in the CertID; default SHA-1, which every responder knows
	Every   time.Duration // longest time between two questions about a serial that is asked for; default an hour
	Timeout time.Duration // of one question to one URL; default 10 s
	Egress  egress.Rule
	Relay   bool // keep the answers as they were signed
}

// Nonce is what is done about nonces (RFC 9654).
type Nonce uint8

// The ways with nonces.
const (
	NonceOff      Nonce = iota // none is sent
	NonceSent                  // one is sent; an answer without it is believed by its dates (RFC 9919 §5)
	NonceRequired              // an answer without it is refused
)

func (i Issuer) withDefaults() Issuer {
	i.Hash = orDefault(i.Hash, crypto.SHA1)
	i.Every = orDefault(i.Every, time.Hour)
	i.Timeout = orDefault(i.Timeout, 10*time.Second)
	return i
}

// equal compares certificates by what they say: a configuration that is read again has new ones.
func (i *Issuer) equal(j *Issuer) bool {
	return i.Name == j.Name && i.Certificate.Equal(j.Certificate) && slices.Equal(i.URLs, j.URLs) && i.Nonce == j.Nonce && i.Hash == j.Hash && i.Every == j.Every &&
		i.Timeout == j.Timeout && i.Egress.Equal(j.Egress) && i.Relay == j.Relay
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// asked is an issuer in force: with the connections to its responder, and how asking goes.
type asked struct {
	Issuer
	transport *http.Transport
	turns     chan struct{} // one for each question that may be under way
	postOnly  atomic.Bool   // it refused a GET and answered the POST
	rate      *rate.Limiter // of questions that nobody planned

	mu sync.Mutex // guards what follows
	state
}

// state is how asking goes.
type state struct {
	failures    int // in a row
	notUntil    time.Time
	lastAnswer  time.Time
	lastFailure time.Time
	lastError   string
}

// The waits after a responder failed: the first, and the longest.
const (
	firstBackoff = time.Second
	maxBackoff   = 5 * time.Minute
	maxObedience = time.Hour // of a Retry-After: a server does not decide that we stop asking
)

// answered notes that an answer was verified.
func (a *asked) answered(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.state = state{lastAnswer: now}
}

// failed notes a failure. One of the responder, not of the serial it was asked about, delays all further questions.
func (a *asked) failed(now time.Time, err error, jitter float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.failures++
	a.lastFailure, a.lastError = now, err.Error()
	if !isBroken(err) {
		return
	}
	wait := maxBackoff
	if a.failures < 10 {
		wait = min(firstBackoff<<(a.failures-1), maxBackoff)
	}
	wait = time.Duration(float64(wait) * (0.75 + jitter/2))
	if busy, ok := errors.AsType[*statusRefused](err); ok {
		wait = max(wait, min(busy.retryAfter, maxObedience))
	}
	a.notUntil = now.Add(wait)
}

// resting is until when nothing is asked, zero when questions are.
func (a *asked) resting(now time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Before(a.notUntil) {
		return a.notUntil
	}
	return time.Time{}
}

func (a *asked) snapshot() state {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.state
}
