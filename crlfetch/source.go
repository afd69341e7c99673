package crlfetch

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
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
	Issuer       revocation.Issuer
	Certificates []*x509.Certificate // of the CA, one for each of its keys; none means Issuer.Certificate
	Signers      []*x509.Certificate // of its CRLs beside the CA, trusted for that by the configuration

	URL      string        // as [CheckURL] takes it; exactly as configured, it names the scope
	Mirrors  []string      // other URLs of the same series, tried in order when URL fails, and compared with it now and then
	Every    time.Duration // between two fetches, at most; zero means DefaultEvery
	Timeout  time.Duration // of one fetch from one URL as a whole; zero means DefaultTimeout
	MaxBytes int64         // of one CRL as it is transferred; zero means DefaultMaxBytes

	// Delta says that these are delta CRLs, on the complete ones of Base (RFC 5280 §5.2.4). A source takes CRLs of its own form
	// only. One with a URL freshest: takes what the complete CRL in force names (§5.2.6).
	Delta bool
	Base  revocation.ScopeID

	// DistributionPoint is a URI that the issuing distribution point of each CRL has to name (§5.2.5); "" asks for none.
	DistributionPoint string

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

// who may sign the CRLs of the source.
func (s Source) who() verify.CRLIssuer {
	who := verify.CRLIssuer{Certificates: s.Certificates, Signers: s.Signers}
	if len(who.Certificates) == 0 {
		who.Certificates = []*x509.Certificate{s.Issuer.Certificate}
	}
	return who
}

// urls are all configured places of the series, in the order they are tried.
func (s Source) urls() []string { return append([]string{s.URL}, s.Mirrors...) }

func (s Source) withDefaults() Source {
	if s.freshest() {
		s.Egress.Discovered = true
	}
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
		slices.EqualFunc(s.Certificates, t.Certificates, (*x509.Certificate).Equal) && slices.EqualFunc(s.Signers, t.Signers, (*x509.Certificate).Equal) &&
		s.Delta == t.Delta && s.Base == t.Base && s.DistributionPoint == t.DistributionPoint && s.MaxShrink == t.MaxShrink &&
		s.URL == t.URL && s.Every == t.Every && s.Timeout == t.Timeout && s.MaxBytes == t.MaxBytes && s.MinRate == t.MinRate &&
		slices.Equal(s.Mirrors, t.Mirrors) && slices.Equal(s.RedirectHosts, t.RedirectHosts) && s.Egress.Equal(t.Egress)
}
