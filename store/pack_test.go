package store

import (
	"testing"

	"github.com/vetopki/veto/revocation"
)

// A wide block holds fewer entries than a narrow one: an invalidity date that comes when a block has more than that begins another.
func TestAnInvalidityDateLateInABlockBeginsAnother(t *testing.T) {
	s := open(t, t.TempDir())
	records := manyEntries(30_000, revocation.Superseded)
	for i := range records {
		if records[i].HasInvalidity = i >= blockCapacity(6, false)-1; records[i].HasInvalidity {
			records[i].InvalidityDate = day.Unix()
		}
	}
	put(t, s, issuerA, scopeA, 1, records...)
	for i, r := range s.current(scopeA).blocks {
		if b := r.block(); len(b) > blockBudget {
			t.Errorf("block %d has %d entries in %d octets, more than %d", i, b.count(), len(b), blockBudget)
		}
	}
	for i := range records {
		if e := evidence(s, issuerA, string(records[i].Serial)).CRLs[0]; !e.Listed || e.Entry.InvalidityDate.IsZero() == records[i].HasInvalidity {
			t.Fatalf("entry %d: %+v", i, e)
		}
	}
}
