package api

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"time"

	"github.com/vetopki/veto/internal/explain"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// Source answers for one serial of one issuer at a moment, by the rule of revocation.Decide. An issuer that is not
// configured is unknown, because unknown_issuer, with the current generation. It must not block: no network, no disk wait.
type Source interface {
	Status(issuer revocation.IssuerID, serial revocation.Serial, now time.Time) revocation.CertStatus

	// CertificateStatus answers for a certificate that the issuer signed. It says more than its serial: what kind it is, and on
	// which CRLs it would be listed.
	CertificateStatus(issuer revocation.IssuerID, cert *x509.Certificate, now time.Time) revocation.CertStatus

	// JudgedStatus is CertificateStatus for a certificate that is asked for often.
	JudgedStatus(issuer revocation.IssuerID, cert *verify.Judged, now time.Time) revocation.CertStatus
}

// Directory knows the configured issuers. All methods answer from memory and are safe for concurrent use.
type Directory interface {
	// Resolve finds an issuer by its configured name or by its IssuerID in hex. Of an issuer with several keys (a key
	// roll-over) the name means the first; each has its IssuerID, and all have the name.
	Resolve(nameOrID string) (revocation.Issuer, bool)

	// ByCertificate finds the issuer that really signed the certificate: the names match and the signature verifies with
	// the issuer's key. A certificate that only claims an issuer has none.
	ByCertificate(*x509.Certificate) (revocation.Issuer, bool)

	// Issuers reports all issuers in the order of the configuration.
	Issuers() []IssuerReport

	// Issuer reports one issuer, found as by Resolve.
	Issuer(nameOrID string) (IssuerReport, bool)
}

// Refresher fetches the CRLs of an issuer now.
type Refresher interface {
	// Refresh fetches every source of the issuer and returns when all are done, one result each. A source that failed has
	// its result's Error set, and keeps the CRL it had. The error says that no source could be tried.
	Refresh(context.Context, revocation.IssuerID) ([]RefreshResult, error)
}

// Pusher takes a CRL that an administrator brings.
type Pusher interface {
	// Push judges the CRL in body, DER or PEM, for a source of the issuer and returns when it is in force, or was before. source is
	// the URL of the source; it may be empty when the issuer has only one. The error is why nothing changed: a *revocation.Refusal
	// (rules "rollback" and "equivocation" of a CRL that does not follow the one in force, "too-big", "source" when the source is
	// not known or not named, or the rule that refused the CRL), revocation.ErrNotDurable, or an error of body or of the context.
	Push(ctx context.Context, issuer revocation.IssuerID, source string, body io.Reader) (RefreshResult, error)
}

// Acceptor takes an administrator's word on what the shrink guard retains: serials that a CRL dropped too many of at once.
type Acceptor interface {
	// Accept drops or keeps what is retained of one source of the issuer, or of all that have something retained when the request
	// names none, one result each. When it returns without an error, what was done is durable and no answer of this process
	// contradicts it any more. Results beside an error were done. The error is revocation.ErrNoRetained, a *revocation.Refusal (rule
	// "source" when the issuer has no such source) or revocation.ErrNotDurable.
	Accept(context.Context, AcceptRequest) ([]AcceptResult, error)
}

// AcceptRequest says what becomes of the serials that are retained.
type AcceptRequest struct {
	Issuer      revocation.IssuerID
	URL         string // of the source; "" for all
	Keep        bool   // they stay revoked, and the alarm ends
	By, Comment string
	Now         time.Time
}

// Feed is the log of changes.
type Feed interface {
	// Changes returns up to limit changes that came after generation since, oldest first, and the newest generation. complete is
	// false when changes that came after since are no longer kept, or since was never reached here.
	Changes(since uint64, limit int) (rows []ChangeObject, newest uint64, complete bool, err error)

	// Changed returns a channel that is closed when the generation rises next. Taken before Changes is asked, it misses none.
	Changed() <-chan struct{}
}

// Admin changes and lists revocations. When Revoke or Release returns without an error, the change is durable and no answer
// of this process contradicts it any more. Both may return a *revocation.Conflict, revocation.ErrNoRecord,
// revocation.ErrNotDurable (nothing was changed), revocation.ErrUnknownReason or a *revocation.Refusal. The number returned is
// the store's generation after the change.
type Admin interface {
	Revoke(context.Context, RevokeRequest) (revocation.AdminRecord, revocation.Outcome, uint64, error)
	Release(context.Context, ReleaseRequest) (revocation.AdminRecord, revocation.Outcome, uint64, error)

	// Revocations lists in the store's order of serials, beginning after the serial given ("" is before all), at most limit
	// rows, one for each serial.
	Revocations(issuer revocation.IssuerID, after revocation.Serial, limit int) ([]revocation.Listing, error)

	// Audit returns up to limit rows of the audit chain that follow row number after, oldest first.
	Audit(after uint64, limit int) ([]AuditObject, error)
}

// RevokeRequest asks for a revocation. Want carries the reason, the dates (zero: not stated), who asks, the comment and, as
// RecordedAt, the time of asking.
type RevokeRequest struct {
	Issuer revocation.IssuerID
	Serial revocation.Serial
	Want   revocation.AdminRecord
}

// ReleaseRequest asks to lift an administrator's hold.
type ReleaseRequest struct {
	Issuer      revocation.IssuerID
	Serial      revocation.Serial
	By, Comment string
	Now         time.Time
}

// PartialChange is the error of a change that consists of several, for the keys of a CA or for its sources, when only some of them were
// made. What was made holds; asking for the change again makes the rest.
type PartialChange struct {
	Done, Of int // so many were made; Of is zero when it is not known
	Err      error
}

// Error says how much was done, and why not all.
func (p *PartialChange) Error() string {
	of := ""
	if p.Of > 0 {
		of = fmt.Sprintf(" of %d", p.Of)
	}
	return fmt.Sprintf("%d%s parts of the change were made and hold; ask again to make the rest: %v", p.Done, of, p.Err)
}

// Unwrap is why not all were made.
func (p *PartialChange) Unwrap() error { return p.Err }

// Explainer says OCSP messages in words.
type Explainer interface {
	// ExplainOCSP explains an OCSPRequest or OCSPResponse in DER, also what is neither. Of a request it also says what this
	// server answers, and why.
	ExplainOCSP(ctx context.Context, der []byte) *explain.Explanation
}

// Tokens knows bearer tokens (RFC 6750). Authenticate returns the name of the token's holder, for the log and the record of
// a change. It takes the same time for every wrong token.
type Tokens interface {
	Authenticate(bearer string) (name string, ok bool)
}
