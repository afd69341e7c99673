package store

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vetopki/veto/revocation"
)

// benchEntries is how many entries the large benchmarks use: VETO_BENCH_ENTRIES, one million without it. The figures of
// docs/PERFORMANCE.md are of ten million.
func benchEntries(b *testing.B) int {
	n := 1_000_000
	if v := os.Getenv("VETO_BENCH_ENTRIES"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

// bigStore holds one CRL of n entries; it returns some of their serials.
func bigStore(b *testing.B, n int) (*Store, []revocation.Serial) {
	b.Helper()
	s := open(b, b.TempDir())
	var serials []revocation.Serial
	commitRandom(b, s, n, 1, func(i int, serial []byte) {
		if i%16 == 0 {
			serials = append(serials, revocation.Serial(serial))
		}
	})
	rand.Shuffle(len(serials), func(i, j int) { serials[i], serials[j] = serials[j], serials[i] })
	return s, adjacent(serials)
}

// cpuTime is the processor time this process has used: what a measurement on a busy machine can go by.
func cpuTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// adjacent moves serials together in the order of the list, so that fetching the question costs no cache miss of its own.
func adjacent(serials []revocation.Serial) []revocation.Serial {
	var all strings.Builder
	for _, s := range serials {
		all.WriteString(string(s))
	}
	text, list := all.String(), make([]revocation.Serial, len(serials))
	for i, s := range serials {
		list[i], text = revocation.Serial(text[:len(s)]), text[len(s):]
	}
	return list
}

func commitRandom(b *testing.B, s *Store, n, number int, each func(int, []byte)) {
	b.Helper()
	build, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		b.Fatal(err)
	}
	defer build.Abort()
	fillRandom(b, build, n, each)
	signed, err := signedFile(s, "signed")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := build.Commit(infoOf(issuerA, scopeA, number, n), signed, revocation.SourceState{}, CommitOptions{}); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkEvidence(b *testing.B) {
	s, serials := bigStore(b, benchEntries(b))
	for _, kind := range []string{"listed", "not-listed"} {
		if kind == "not-listed" {
			for i, serial := range serials {
				serials[i] = serial[:15] + revocation.Serial([]byte{serial[15] ^ 1})
			}
			serials = adjacent(serials)
		}
		b.Run(fmt.Sprintf("%s/%d", kind, benchEntries(b)), func(b *testing.B) {
			b.ReportAllocs()
			begin := cpuTime(b)
			var worker atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				ev := revocation.Evidence{CRLs: make([]revocation.CRLFinding, 0, 4)}
				for i := int(worker.Add(1)) * 7919; pb.Next(); i++ {
					s.Evidence(issuerA, serials[i%len(serials)], &ev)
				}
			})
			b.ReportMetric(float64((cpuTime(b)-begin).Nanoseconds())/float64(b.N), "cpu-ns/op")
		})
	}
}

// BenchmarkEvidenceWithDelta is a lookup in a CRL with a delta CRL of a hundredth of its entries on top.
func BenchmarkEvidenceWithDelta(b *testing.B) {
	n := benchEntries(b)
	s, serials := bigStore(b, n)
	s.SetScopes(withDelta)
	build, err := s.NewBuild(issuerA, scopeD)
	if err != nil {
		b.Fatal(err)
	}
	fillRandom(b, build, n/100, nil)
	signed, err := signedFile(s, "delta")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := build.Commit(deltaOf(issuerA, scopeD, 2, 1, n/100), signed, revocation.SourceState{}, CommitOptions{}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	begin := cpuTime(b)
	var worker atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		ev := revocation.Evidence{CRLs: make([]revocation.CRLFinding, 0, 4)}
		for i := int(worker.Add(1)) * 7919; pb.Next(); i++ {
			s.Evidence(issuerA, serials[i%len(serials)], &ev)
		}
	})
	b.ReportMetric(float64((cpuTime(b)-begin).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// BenchmarkMappedOctet is the floor of a lookup: reading one octet at random in the mapped blocks, where each address depends on the
// octet before. A lookup cannot be faster than the memory of the machine.
func BenchmarkMappedOctet(b *testing.B) {
	s, _ := bigStore(b, benchEntries(b))
	g := s.current(scopeA)
	order := rand.Perm(len(g.blocks))
	begin, x := cpuTime(b), 0
	for i := 0; b.Loop(); i++ {
		block := g.blocks[order[i%len(order)]].block()
		x = int(block[(i*61+x)%len(block)])
	}
	b.ReportMetric(float64((cpuTime(b)-begin).Nanoseconds())/float64(b.N), "cpu-ns/op")
	runtime.KeepAlive(g)
}

// BenchmarkBuild makes generations with the memory of VETO_BENCH_MEMORY in MiB, the default without it.
func BenchmarkBuild(b *testing.B) {
	n := benchEntries(b)
	s := open(b, b.TempDir())
	if v := os.Getenv("VETO_BENCH_MEMORY"); v != "" {
		mib, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		s.memory = newAccount(mib << 20)
	}
	begin := cpuTime(b)
	for number := 1; b.Loop(); number++ {
		commitRandom(b, s, n, number, nil)
	}
	b.ReportMetric((cpuTime(b)-begin).Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	if hwm, err := peakMemory(); err == nil {
		b.ReportMetric(hwm, "peak-MB")
	}
}

func BenchmarkOpen(b *testing.B) {
	s, _ := bigStore(b, benchEntries(b))
	begin := cpuTime(b)
	for b.Loop() {
		s = reopen(b, s)
	}
	b.ReportMetric((cpuTime(b)-begin).Seconds()*1e3/float64(b.N), "cpu-ms/op")
}

func BenchmarkRevoke(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s := open(b, b.TempDir())
			var next atomic.Int64
			b.SetParallelism(callers)
			times := make([]time.Duration, b.N)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := next.Add(1)
					begin := time.Now()
					_, _, _, err := s.Revoke(issuerA, revocation.Serial(fmt.Sprintf("\x10%015d", i)), adminRecord(revocation.KeyCompromise))
					if err != nil {
						b.Error(err)
						return
					}
					times[i-1] = time.Since(begin)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "revokes/s")
			b.ReportMetric(float64(median(times).Microseconds()), "p50-µs")
		})
	}
}

// BenchmarkInventory looks serials up in an inventory of an issuer that has one and no CRL: what it costs on top of a lookup.
func BenchmarkInventory(b *testing.B) {
	s := open(b, b.TempDir())
	build, err := s.NewInventory(issuerA)
	if err != nil {
		b.Fatal(err)
	}
	defer build.Abort()
	var list []revocation.Serial
	r, serial := rand.New(rand.NewPCG(1, 2)), make([]byte, 16)
	for i := range benchEntries(b) {
		binary.BigEndian.PutUint64(serial, r.Uint64())
		binary.BigEndian.PutUint64(serial[8:], r.Uint64())
		serial[0] = serial[0]&0x3f | 0x40
		if err := build.Add(serial); err != nil {
			b.Fatal(err)
		}
		if i%16 == 0 {
			list = append(list, revocation.Serial(serial))
		}
	}
	if _, err := build.Put([32]byte{1}, byAlice); err != nil {
		b.Fatal(err)
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	list = adjacent(list)
	info, err := os.Stat(s.paths.issued(issuerA, 1))
	if err != nil {
		b.Fatal(err)
	}
	b.Run(fmt.Sprintf("issued/%d", benchEntries(b)), func(b *testing.B) {
		b.ReportAllocs()
		begin := cpuTime(b)
		ev := revocation.Evidence{CRLs: make([]revocation.CRLFinding, 0, 4)}
		for i := 0; b.Loop(); i++ {
			if s.Evidence(issuerA, list[i%len(list)], &ev); ev.Inventory != revocation.Issued {
				b.Fatal("not issued")
			}
		}
		b.ReportMetric(float64(info.Size())/float64(benchEntries(b)), "octets/serial")
		b.ReportMetric(float64((cpuTime(b)-begin).Nanoseconds())/float64(b.N), "cpu-ns/op")
	})
}
