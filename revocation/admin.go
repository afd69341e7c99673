package revocation

import (
	"cmp"
	"fmt"
	"time"
)

// AdminRecord is what an administrator last said of one serial.
type AdminRecord struct {
	Entry
	Released   bool      // the hold was lifted; the record remains as history
	RecordedAt time.Time // when it was acknowledged
	By         string    // who said it: the name of the token
	Comment    string
}

// Stands says whether the record revokes: it exists and was not released.
func (r *AdminRecord) Stands() bool { return r != nil && !r.Released }

// Outcome says what an administrative change did.
type Outcome uint8

// The outcomes of a change that was not refused.
const (
	Created   Outcome = iota + 1 // nothing stood before
	Unchanged                    // the same was said before: nothing was written
	Upgraded                     // a hold became permanent, or the reason became keyCompromise
	Lifted                       // a hold was released
)

// String is the outcome in one word.
func (o Outcome) String() string {
	return [...]string{"", "created", "unchanged", "upgraded", "released"}[o]
}

// Amend applies a wanted revocation to what stands (nil when nothing does). A zero RevokedAt means "now", and agrees with any
// date that stands; likewise a zero InvalidityDate. Saying the same again changes nothing. A hold may become permanent and
// any reason may become keyCompromise, keeping the earlier date. Everything else that differs is a [Conflict].
func (r *AdminRecord) Amend(want AdminRecord) (AdminRecord, Outcome, error) {
	if want.Reason == RemoveFromCRL || !want.Reason.Valid() {
		return AdminRecord{}, 0, fmt.Errorf("%w: %s is not a reason to revoke (RFC 5280 §5.3.1)", ErrUnknownReason, want.Reason)
	}
	if !r.Stands() {
		if want.RevokedAt.IsZero() {
			want.RevokedAt = want.RecordedAt
		}
		want.RevokedAt = want.RevokedAt.Truncate(time.Second)
		return want, Created, nil
	}
	if r.agrees(want) {
		return *r, Unchanged, nil
	}
	if want.Reason.strength() <= r.Reason.strength() {
		return AdminRecord{}, 0, &Conflict{Standing: *r, Detail: fmt.Sprintf(
			"already revoked since %s with reason %s; only a hold can become permanent and any reason keyCompromise",
			r.RevokedAt.UTC().Format(time.RFC3339), r.Reason)}
	}
	want.RevokedAt = earliest(r.RevokedAt, want.RevokedAt)
	want.InvalidityDate = earliest(r.InvalidityDate, want.InvalidityDate)
	return want, Upgraded, nil
}

// Release lifts a hold. A permanent revocation is a [Conflict]; no record, or one released before, is ErrNoRecord.
func (r *AdminRecord) Release(by, comment string, now time.Time) (AdminRecord, error) {
	if !r.Stands() {
		return AdminRecord{}, ErrNoRecord
	}
	if r.Reason != CertificateHold {
		return AdminRecord{}, &Conflict{Standing: *r, Detail: fmt.Sprintf(
			"revoked since %s with reason %s, which is permanent; only certificateHold can be released (RFC 5280 §5.3.1)",
			r.RevokedAt.UTC().Format(time.RFC3339), r.Reason)}
	}
	next := *r
	next.Released, next.RecordedAt, next.By, next.Comment = true, now, by, comment
	return next, nil
}

// Strongest is what counts of two records of one serial, either of which may be nil: those that were made for two keys of one CA. What
// stands goes before what was released, the stronger reason before the weaker, and the earlier dates count. It changes neither.
func Strongest(a, b *AdminRecord) *AdminRecord {
	switch {
	case !b.Stands():
		return cmp.Or(a, b)
	case !a.Stands():
		return b
	case b.Reason.strength() > a.Reason.strength():
		a, b = b, a
	}
	since, invalid := earliest(a.RevokedAt, b.RevokedAt), earliest(a.InvalidityDate, b.InvalidityDate)
	if since.Equal(a.RevokedAt) && invalid.Equal(a.InvalidityDate) {
		return a
	}
	both := *a
	both.RevokedAt, both.InvalidityDate = since, invalid
	return &both
}

func (r *AdminRecord) agrees(want AdminRecord) bool {
	return want.Reason == r.Reason &&
		(want.RevokedAt.IsZero() || want.RevokedAt.Truncate(time.Second).Equal(r.RevokedAt)) &&
		(want.InvalidityDate.IsZero() || want.InvalidityDate.Equal(r.InvalidityDate))
}
