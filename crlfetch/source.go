package crlfetch

import (
	"slices"
	"time"

	"github.com/vetopki/veto/revocation"
)

// What a Source that leaves a field at zero gets.
const (
	DefaultEvery    = 5 * time.Minute
	DefaultTimeout  = 30 * time.Second
	DefaultMaxBytes = 1 << 30
	DefaultMinRate  = 1 << 10
)

// Source is one series of CRLs of an issuer: where it comes from, and how it is fetched.
type Source struct {
	Issuer   revocation.Issuer
	URL      string        // as [CheckURL] takes it; exactly as configured, it names the scope
	Mirrors  []string      // other URLs of the same series, tried in order when URL fails, and compared with it now and then
	Every    time.Duration // between two fetches, at most; zero means DefaultEvery
	Timeout  time.Duration // of one fetch from one URL as a whole; zero means DefaultTimeout
	MaxBytes int64         // of one CRL as it is transferred; zero means DefaultMaxBytes

	// MaxShrink is how many percent of the CRL in force the next one may drop at once; what it drops beyond that stays revoked. At
	// zero only a few may go, at 100 all.
	MaxShrink float64

	// MinRate is in octets a second, over the whole transfer and after a start of ten seconds; zero means DefaultMinRate. A
	// transfer that is slower, or stands still for ten seconds, is cut.
	MinRate int64

	// RedirectHosts are the hosts a redirect may lead to besides the URL's own: names or addresses without port.
	RedirectHosts []string

	// Egress says which addresses may be connected to; it is asked before each connection.
	Egress Egress
}

// Scope names the series of CRLs that comes from the source.
func (s Source) Scope() revocation.ScopeID { return revocation.ScopeIDOf(s.Issuer.ID, s.URL) }

// Pushed says whether the source is never fetched: its CRLs come by [Refresher.Push].
func (s Source) Pushed() bool { return isPush(s.URL) }

// urls are all places of the series, in the order they are tried.
func (s Source) urls() []string { return append([]string{s.URL}, s.Mirrors...) }

func (s Source) withDefaults() Source {
	s.Every = orDefault(s.Every, DefaultEvery)
	s.Timeout = orDefault(s.Timeout, DefaultTimeout)
	s.MaxBytes = orDefault(s.MaxBytes, DefaultMaxBytes)
	s.MinRate = orDefault(s.MinRate, DefaultMinRate)
	return s
}

func orDefault[T time.Duration | int64](v, fallback T) T {
	if v <= 0 {
		return fallback
	}
	return v
}

// equal says whether nothing about the source changed. A certificate is compared by its octets: a CA may renew one and keep name
// and key, and with them the IssuerID.
func (s Source) equal(t Source) bool {
	return s.Issuer.Name == t.Issuer.Name && s.Issuer.ID == t.Issuer.ID && s.Issuer.Certificate.Equal(t.Issuer.Certificate) &&
		s.URL == t.URL && s.Every == t.Every && s.Timeout == t.Timeout && s.MaxBytes == t.MaxBytes && s.MinRate == t.MinRate && s.MaxShrink == t.MaxShrink &&
		slices.Equal(s.Mirrors, t.Mirrors) && slices.Equal(s.RedirectHosts, t.RedirectHosts) && s.Egress.Equal(t.Egress)
}
