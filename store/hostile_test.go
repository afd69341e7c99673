package store

import (
	"bufio"
	"crypto/ecdsa"
	"io"
	"runtime"
	"testing"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// Whoever can answer a fetch can send a CRL as long as the configuration allows, and that it is not of the CA is known only at its
// end. Until then it costs the bound of the memory, and less room on the disk than the CRL itself.
func TestAHostileCRLCostsNoMoreThanTheBoundUntilItIsRefused(t *testing.T) {
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.TempDir(), Options{IngestMemory: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	put(t, s, issuerA, scopeA, 1, manyEntries(10, revocation.Superseded)...)
	entries := 600_000
	if testing.Short() {
		entries = 300_000
	}
	for name, o := range map[string]pkitest.BigCRLOptions{
		"ascending serials":           {},
		"descending serials":          {Descending: true},
		"scattered serials":           {Shuffled: true},
		"every serial thousand times": {Repeats: 1000, Shuffled: true},
		"one octet":                   {SerialOctets: 1, Repeats: entries},
	} {
		t.Run(name, func(t *testing.T) {
			if o.SerialOctets == 0 {
				o.SerialOctets = revocation.MaxSerialOctets
			}
			o.Entries, o.BadSignature, o.ReasonShare = entries, true, 0.5
			refuseHostile(t, s, ca, o)
		})
	}
}

func refuseHostile(t *testing.T, s *Store, ca *pkitest.CA, o pkitest.BigCRLOptions) {
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	crl, err := crlder.Decode(bigCRL(ca, o), crlder.Options{}, b.Add)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if ecdsa.VerifyASN1(ca.Key.Public().(*ecdsa.PublicKey), crl.Digest, crl.Signature) {
		t.Fatal("the signature is good")
	}
	heap, peak, moved := after.TotalAlloc-before.TotalAlloc, s.memory.peak.Load(), b.runs.size
	t.Logf("%d MB of CRL: %d MB moved, %d MB of entries in memory, %.1f MB of heap", crl.Size>>20, moved>>20, peak>>20, float64(heap)/(1<<20))
	if heap > 8<<20 || peak > 16<<20 || moved > crl.Size || (o.SerialOctets == 1) != (moved == 0) {
		t.Errorf("%d octets of heap, %d of entries in memory, %d moved of a CRL of %d", heap, peak, moved, crl.Size)
	}
	b.Abort()
	if used := s.memory.used.Load(); used != 0 || numberInForce(s) != 1 {
		t.Errorf("%d octets of memory are left, CRL %d is in force", used, numberInForce(s))
	}
	checkNoLeftovers(t, s, "1.crl", "1.db")
}

// bigCRL is a CRL that is made while it is read.
func bigCRL(ca *pkitest.CA, o pkitest.BigCRLOptions) io.Reader {
	r, w := io.Pipe()
	go func() { w.CloseWithError(pkitest.WriteBigCRL(w, ca, o)) }()
	return bufio.NewReaderSize(r, 64<<10)
}
