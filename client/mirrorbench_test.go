package client

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/internal/snapshot"
	"github.com/vetopki/veto/revocation"
)

// spread is the n-th serial of 16 octets of a large CRL: they ascend, and are spread like random ones.
func spread(b []byte, n, of int) {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	binary.BigEndian.PutUint64(b, 1<<56+uint64(n)*(1<<62/uint64(of))+r.Uint64N(1<<62/uint64(of)))
	binary.BigEndian.PutUint64(b[8:], r.Uint64())
}

// largeMirror is a mirror that holds n serials of an issuer and hears its server.
func largeMirror(tb testing.TB, ca *x509.Certificate, n int) *Mirror {
	tb.Helper()
	now := time.Now()
	ev := revocation.Evidence{ClockSkew: time.Minute, CRLs: []revocation.CRLFinding{{Info: &revocation.CRLInfo{CRLIssuer: ca.RawSubject,
		ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(100 * time.Hour)}}}}
	issuer := snapshot.SilenceOf("large", []revocation.IssuerID{revocation.IssuerIDOf(ca)}, &ev)
	issuer.Serials = map[int]int{16: n}
	var b bytes.Buffer
	w, err := snapshot.NewWriter(&b, snapshot.Header{Generation: 1, Epoch: fmt.Sprintf("%032x", 1), Issuers: 1})
	if err == nil {
		err = w.Issuer(&issuer)
	}
	serial := make([]byte, 16)
	for i := 0; i < n && err == nil; i++ {
		spread(serial, i, n)
		err = w.Add(string(serial), snapshot.Entry{RevokedAt: now, Reason: revocation.Superseded, Because: revocation.BecauseCRL})
	}
	if err == nil {
		err = w.Close(nil)
	}
	if err != nil {
		tb.Fatal(err)
	}
	m, err := NewMirror(MirrorOptions{URL: "http://veto.test", MaxLag: time.Hour})
	if err == nil {
		err = (*keeper)(m).Load(context.Background(), &b)
	}
	if err != nil {
		tb.Fatal(err)
	}
	(*keeper)(m).Heard()
	return m
}

// questions are certificates, every second one of which is listed.
func questions(n, of int) []*x509.Certificate {
	list := make([]*x509.Certificate, n)
	serial := make([]byte, 16)
	for i := range list {
		spread(serial, rand.IntN(of), of)
		if i%2 == 0 {
			serial[15]++
		}
		list[i] = &x509.Certificate{Version: 3, SerialNumber: new(big.Int).SetBytes(serial)}
	}
	return list
}

func largeCA(tb testing.TB) *x509.Certificate {
	tb.Helper()
	ca, err := pkitest.NewCA(pkitest.CAOptions{Name: "Large CA"})
	if err != nil {
		tb.Fatal(err)
	}
	return ca.Certificate
}

// cpuTime is the processor time of this process: on a machine that others use it says more than the time on the wall.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkMirrorCheck reports how long an answer takes and how many octets a serial does.
func BenchmarkMirrorCheck(b *testing.B) {
	ca := largeCA(b)
	for _, n := range []int{1_000_000, 10_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := largeMirror(b, ca, n)
			serials := make([]byte, 16<<16)
			for i := range 1 << 16 {
				spread(serials[16*i:], rand.IntN(n), n)
				serials[16*i+15] += byte(i % 2) // every second one is not listed
			}
			runtime.GC()
			b.ReportAllocs()
			before := cpuTime(b)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				// A handshake has just parsed the certificate: it is in the cache of the processor, what the mirror holds is not.
				cert := &x509.Certificate{Version: 3, RawIssuer: ca.RawSubject, SerialNumber: new(big.Int)}
				for i := rand.IntN(1 << 16); pb.Next(); i++ {
					at := i % (1 << 16) * 16
					cert.SerialNumber.SetBytes(serials[at : at+16])
					a, err := m.Check(context.Background(), cert, ca)
					if err != nil || a.Status == revocation.Unknown {
						b.Error(a, err)
					}
				}
			})
			b.StopTimer()
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(m.Status().Octets)/float64(n), "octets/entry")
		})
	}
}

func TestACheckOfAMirrorAllocatesNothing(t *testing.T) {
	ca := largeCA(t)
	const n = 100_000
	m := largeMirror(t, ca, n)
	(*keeper)(m).data.Load().sections[0].overlay.set("\x01\x02", snapshot.Entry{}, false)
	list := questions(1000, n)
	ctx := t.Context()
	for i, c := range list {
		c.RawIssuer = ca.RawSubject
		a, err := m.Check(ctx, c, ca)
		if want := []revocation.Status{revocation.Good, revocation.Revoked}[i%2]; err != nil || a.Status != want {
			t.Fatalf("certificate %d is %s, %v; want %s", i, a.Status, err, want)
		}
	}
	i := 0
	if got := testing.AllocsPerRun(1000, func() {
		m.Check(ctx, list[i%len(list)], ca)
		i++
	}); got != 0 {
		t.Errorf("%v allocations", got)
	}
	if s := m.Status(); s.Entries != n || float64(s.Octets)/n > 25 {
		t.Errorf("%d entries take %d octets", s.Entries, s.Octets)
	}
}

func TestASetFindsWhatItHolds(t *testing.T) {
	for _, row := range []struct {
		fact   string
		length int
		serial func(i int) uint64
	}{
		{"one", 3, func(int) uint64 { return 5 }},
		{"short", 1, func(i int) uint64 { return uint64(i % 120) }},
		{"counting up", 16, func(i int) uint64 { return uint64(i) }},
		{"ever further apart", 16, func(i int) uint64 { return uint64(i) * uint64(i) * uint64(i) * uint64(i) }},
		{"ever nearer", 8, func(i int) uint64 { return 1<<62 - 1<<62/uint64(i+1) }},
		{"random", 16, func(int) uint64 { return rand.Uint64() >> 1 }},
		{"in two heaps", 8, func(i int) uint64 { return uint64(i%2)<<60 + uint64(i) }},
		{"one apart from all others", 20, func(i int) uint64 {
			if i == 0 {
				return 1 << 62
			}
			return uint64(i)
		}},
	} {
		held := map[string]bool{}
		var serials []string
		for i := range 1000 {
			b := make([]byte, 20)
			binary.BigEndian.PutUint64(b[12:], row.serial(i))
			if serial := string(b[20-row.length:]); !held[serial] {
				held[serial] = true
				serials = append(serials, serial)
			}
		}
		slices.Sort(serials)
		var s serialSet
		for i, serial := range serials {
			s.add(row.length, []byte(serial), []byte{0, 0, 0, byte(i >> 8), byte(i)}, []byte{4})
		}
		if n, _, err := s.complete(); err != nil || n != len(serials) {
			t.Fatalf("%s: %d serials, %v", row.fact, n, err)
		}
		for i, serial := range serials {
			if w := s.find([]byte(serial)); w == nil || w[3] != byte(i>>8) || w[4] != byte(i) {
				t.Errorf("%s: %x is found as %x", row.fact, serial, w)
			}
			for at := range serial {
				other := []byte(serial)
				if other[at]++; !held[string(other)] && s.find(other) != nil {
					t.Errorf("%s: %x is found and not held", row.fact, other)
				}
			}
		}
	}
}
