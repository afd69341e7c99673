package crlder_test

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// All memory a decoder ever asks for is its chunks, whatever the size of the CRL; nothing is allocated for an entry.
func TestDecodeNeedsNoMemoryForEntries(t *testing.T) {
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "big.crl")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const entries = 300_000
	w := bufio.NewWriter(f)
	if err := pkitest.WriteBigCRL(w, ca, pkitest.BigCRLOptions{Entries: entries, ReasonShare: 0.3, Shuffled: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	seen := 0
	crl, err := crlder.Decode(f, crlder.Options{}, func(*revocation.Record) error { seen++; return nil })
	runtime.ReadMemStats(&after)
	if err != nil || seen != entries || crl.Entries != entries {
		t.Fatalf("%v, %d entries seen", err, seen)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("%d octets were allocated for %d entries", got, entries)
	}
}
