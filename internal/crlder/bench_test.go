package crlder_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// benchmarkEntries is the size of the CRL that the benchmarks read; VETO_BENCH_ENTRIES=10000000 makes it a big one.
func benchmarkEntries(b *testing.B) int {
	text := os.Getenv("VETO_BENCH_ENTRIES")
	if text == "" {
		return 1_000_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// bigCRL writes a CRL of 42 octets an entry, half of them with a reason, and returns its file and content.
func bigCRL(b *testing.B) (file string, content []byte) {
	b.Helper()
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var buf bytes.Buffer
	if err := pkitest.WriteBigCRL(&buf, ca, pkitest.BigCRLOptions{Entries: benchmarkEntries(b), ReasonShare: 0.5}); err != nil {
		b.Fatal(err)
	}
	file = b.TempDir() + "/big.crl"
	if err := os.WriteFile(file, buf.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return file, buf.Bytes()
}

// BenchmarkDecode reads a CRL from a file with both digests. ×sha256 compares its fastest run with the fastest SHA-256 of the
// same octets in memory, taken in turn, so that a busy machine weighs on both.
func BenchmarkDecode(b *testing.B) {
	file, content := bigCRL(b)
	fastest, floor := time.Hour, time.Hour
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		decodeFile(b, file)
		fastest = min(fastest, time.Since(start))

		b.StopTimer()
		start = time.Now()
		sha256.Sum256(content)
		floor = min(floor, time.Since(start))
		b.StartTimer()
	}
	b.ReportMetric(float64(fastest)/float64(floor), "×sha256")
	b.ReportMetric(float64(fastest)/float64(benchmarkEntries(b)), "ns/entry")
}

func decodeFile(b *testing.B, file string) {
	f, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var sum int64
	crl, err := crlder.Decode(f, crlder.Options{}, func(r *revocation.Record) error {
		sum += r.RevokedAt
		return nil
	})
	if err != nil || crl.Entries != benchmarkEntries(b) {
		b.Fatalf("error %v", err)
	}
}

func BenchmarkSHA256(b *testing.B) {
	_, content := bigCRL(b)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		sha256.Sum256(content)
	}
}

func BenchmarkParseRevocationList(b *testing.B) {
	_, content := bigCRL(b)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x509.ParseRevocationList(content); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeSmall(b *testing.B) {
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		b.Fatal(err)
	}
	content, err := ca.CRL(pkitest.CRLOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := crlder.Decode(bytes.NewReader(content), crlder.Options{}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
