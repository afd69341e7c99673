package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/revocation"
)

func TestRevocationsAreListedInSerialOrderEachOnce(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, record("\x02", 4, day), record("\x01\x01", 4, day), record("\x05", 5, day.Add(time.Hour)))
	put(t, s, issuerA, scopeA2, 1, record("\x05", 4, day), record("\x06", 4, day))
	put(t, s, issuerB, scopeB, 1, record("\x03", 4, day))
	revoke(t, s, issuerA, "\x03", revocation.CertificateHold)
	revoke(t, s, issuerA, "\x06", revocation.KeyCompromise)
	revoke(t, s, issuerA, "\x04", revocation.CertificateHold)
	if _, _, err := s.Release(issuerA, "\x04", "bob", "found", day); err != nil {
		t.Fatal(err)
	}
	crl := func(serial revocation.Serial) revocation.Listing {
		return revocation.Listing{Serial: serial, Source: revocation.SourceCRL, Entry: revocation.Entry{RevokedAt: day, Reason: 4}}
	}
	admin := func(serial revocation.Serial) revocation.Listing {
		return revocation.Listing{Serial: serial, Source: revocation.SourceAdmin, By: "alice", Comment: "lost laptop",
			Entry: revocation.Entry{RevokedAt: day, Reason: 6}}
	}
	released, both := admin("\x04"), crl("\x06")
	released.Released, released.By, released.Comment = true, "bob", "found"
	both.By, both.Comment = "alice", "lost laptop"
	want := []revocation.Listing{crl("\x02"), admin("\x03"), released, crl("\x05"), both, crl("\x01\x01")}
	for _, limit := range []int{1, 2, 3, 5, 6, 100} {
		var got []revocation.Listing
		after := revocation.Serial("")
		for {
			page, err := s.Revocations(issuerA, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, page...); len(page) < limit {
				break
			}
			after = page[len(page)-1].Serial
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", limit, d)
		}
	}
	if rows, err := s.Revocations(revocation.IssuerID{1}, "", 10); err != nil || len(rows) != 0 {
		t.Errorf("an issuer without any: %v, %v", rows, err)
	}
}

func TestListingALargeCRLInPagesMissesNothing(t *testing.T) {
	s := open(t, t.TempDir())
	all := manyEntries(3000, 4)
	put(t, s, issuerA, scopeA, 1, all...)
	after, n := revocation.Serial(""), 0
	for {
		page, err := s.Revocations(issuerA, after, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page {
			if string(row.Serial) != string(all[n].Serial) {
				t.Fatalf("row %d is %x, want %x", n, row.Serial, all[n].Serial)
			}
			n++
		}
		if len(page) < 7 {
			break
		}
		after = page[len(page)-1].Serial
	}
	if n != len(all) {
		t.Errorf("%d rows, want %d", n, len(all))
	}
}
