package revocation

import "time"

// SourceState is what is remembered of one CRL source between fetches and across restarts.
type SourceState struct {
	Issuer       IssuerID
	URL          string
	ETag         string    // of the last CRL accepted, as the server wrote it
	LastModified string    // likewise
	FetchedAt    time.Time // when the last CRL was accepted
	CheckedAt    time.Time // when the source last answered usefully, a 304 included
	FailedAt     time.Time // when the last attempt failed; zero when it succeeded
	Failures     int       // in a row
	LastError    string    // of the last attempt; empty when it succeeded
	NotModified  int       // 304 answers in a row
	NextFetch    time.Time
}

// CRLChange is the difference that one CRL swap made.
type CRLChange struct {
	Issuer     IssuerID
	Issuers    []IssuerID // all that the scope serves: several when the keys of one CA share a series of CRLs
	Scope      ScopeID
	Old, New   *CRLInfo // Old is nil for the first CRL of a scope
	Generation uint64

	Added, Removed, Changed int

	// Retained counts the serials that the new CRL does not list and the shrink guard keeps revoked since this swap. They are not
	// among Removed.
	Retained int

	// Serials are those whose answer may differ: added, removed, changed or retained, and those of a delta CRL that applies since this
	// swap, or no longer. Beyond MaxChangedSerials it is nil and Everything is true: whoever keeps answers of these issuers
	// drops all of them.
	Serials    []Serial
	Everything bool
}

// MaxChangedSerials bounds CRLChange.Serials, so that a first CRL of ten million entries costs no second copy in memory.
const MaxChangedSerials = 100_000

// Listing is one row of the list of an issuer's revocations.
type Listing struct {
	Serial Serial
	Entry
	Source   Source // SourceCRL, SourceAdmin or SourceUpstream
	Released bool   // an administrator's hold that was lifted
	By       string
	Comment  string
}
