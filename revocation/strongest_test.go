package revocation_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/revocation"
)

func TestStrongestOfTwoRecords(t *testing.T) {
	record := func(reason revocation.Reason, since time.Time, released bool) *revocation.AdminRecord {
		return &revocation.AdminRecord{Entry: revocation.Entry{Reason: reason, RevokedAt: since}, Released: released}
	}
	today, hold := record(revocation.Superseded, now, false), record(revocation.CertificateHold, lastWeek, false)
	lifted := record(revocation.CertificateHold, lastWeek, true)
	for _, row := range []struct {
		fact       string
		a, b, want *revocation.AdminRecord
	}{
		{"none", nil, nil, nil},
		{"the one there is", nil, today, today},
		{"the one there is, released", nil, lifted, lifted},
		{"what stands, not what was released", lifted, today, today},
		{"of two released ones the first", lifted, record(revocation.CertificateHold, now, true), lifted},
		{"the permanent one, since the earlier date", today, hold, record(revocation.Superseded, lastWeek, false)},
	} {
		for _, got := range []*revocation.AdminRecord{revocation.Strongest(row.a, row.b), revocation.Strongest(row.b, row.a)} {
			switch {
			case row.want == nil && got != nil, row.want != nil && got == nil:
				t.Errorf("%s: got %v, want %v", row.fact, got, row.want)
			case row.want != nil && (got.Reason != row.want.Reason || got.Released != row.want.Released):
				t.Errorf("%s: got %+v, want %+v", row.fact, got, row.want)
			case row.want.Stands() && !got.RevokedAt.Equal(row.want.RevokedAt):
				t.Errorf("%s: since %s, want %s", row.fact, got.RevokedAt, row.want.RevokedAt)
			}
		}
	}
}

// TestNoRecordIsLostByMerging: whatever the records, a serial that one of them revokes is revoked by their merger.
func TestNoRecordIsLostByMerging(t *testing.T) {
	draw := func(t *rapid.T, label string) *revocation.AdminRecord {
		if rapid.Bool().Draw(t, label+" is none") {
			return nil
		}
		return &revocation.AdminRecord{Released: rapid.Bool().Draw(t, label+" released"), Entry: revocation.Entry{
			RevokedAt: now.Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, label+" days")) * 24 * time.Hour),
			Reason:    rapid.SampledFrom([]revocation.Reason{revocation.CertificateHold, revocation.Superseded, revocation.KeyCompromise}).Draw(t, label)}}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		got := revocation.Strongest(a, b)
		if got.Stands() != (a.Stands() || b.Stands()) {
			t.Fatalf("%v and %v became %v", a, b, got)
		}
		for _, r := range []*revocation.AdminRecord{a, b} {
			if r.Stands() && (r.RevokedAt.Before(got.RevokedAt) || r.Reason == revocation.KeyCompromise && got.Reason != revocation.KeyCompromise) {
				t.Fatalf("%+v says more than the merger %+v", r, got)
			}
		}
	})
}
