package store

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/revocation"
)

// Names used throughout the tests.
var (
	issuerA = revocation.IssuerID(sha256.Sum256([]byte("issuer A")))
	issuerB = revocation.IssuerID(sha256.Sum256([]byte("issuer B")))
	scopeA  = revocation.ScopeIDOf(issuerA, "http://pki.example/a.crl")
	scopeA2 = revocation.ScopeIDOf(issuerA, "http://pki.example/a2.crl")
	scopeB  = revocation.ScopeIDOf(issuerB, "http://pki.example/b.crl")
	scopeD  = revocation.ScopeIDOf(issuerA, "http://pki.example/a+.crl")
	scopeD2 = revocation.ScopeIDOf(issuerA, "http://pki.example/a2+.crl")

	day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

// open opens a store that is closed when the test ends.
func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, Options{LockTimeout: time.Second})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// reopen closes a store and opens its directory again, as a restart does.
func reopen(t testing.TB, s *Store) *Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	return open(t, s.paths.root)
}

func infoOf(issuer revocation.IssuerID, scope revocation.ScopeID, number, entries int) *revocation.CRLInfo {
	var magnitude [8]byte
	binary.BigEndian.PutUint64(magnitude[:], uint64(number))
	n := magnitude[:]
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	return &revocation.CRLInfo{Issuer: issuer, Scope: scope, URL: "http://pki.example/a.crl", Number: revocation.CRLNumber(n),
		ThisUpdate: day.Add(time.Duration(number) * time.Hour), NextUpdate: day.Add(time.Duration(number+24) * time.Hour),
		SHA256: sha256.Sum256(magnitude[:]), Size: 1234, Entries: entries, DistributionPoints: []string{"http://pki.example/a.crl"}}
}

// put puts a CRL with these entries in force.
func put(t testing.TB, s *Store, issuer revocation.IssuerID, scope revocation.ScopeID, number int, records ...revocation.Record) revocation.CRLChange {
	t.Helper()
	change, err := tryPut(s, infoOf(issuer, scope, number, len(records)), records...)
	if err != nil {
		t.Fatalf("committing CRL %d: %v", number, err)
	}
	return change
}

func tryPut(s *Store, info *revocation.CRLInfo, records ...revocation.Record) (revocation.CRLChange, error) {
	return tryPutGuarded(s, info, CommitOptions{}, records...)
}

func tryPutGuarded(s *Store, info *revocation.CRLInfo, o CommitOptions, records ...revocation.Record) (revocation.CRLChange, error) {
	b, err := s.NewBuild(info.Issuer, info.Scope)
	if err != nil {
		return revocation.CRLChange{}, err
	}
	defer b.Abort()
	for i := range records {
		if err := b.Add(&records[i]); err != nil {
			return revocation.CRLChange{}, err
		}
	}
	signed, err := signedFile(s, "CRL "+info.Number.String())
	if err != nil {
		return revocation.CRLChange{}, err
	}
	return b.Commit(info, signed, revocation.SourceState{Issuer: info.Issuer, URL: info.URL, ETag: "etag " + info.Number.String()}, o)
}

// deltaOf describes a delta CRL that lists changes to the complete CRL with the number base.
func deltaOf(issuer revocation.IssuerID, scope revocation.ScopeID, number, base, entries int) *revocation.CRLInfo {
	info := infoOf(issuer, scope, number, entries)
	info.BaseNumber, info.URL = infoOf(issuer, scope, base, 0).Number, "http://pki.example/a+.crl"
	return info
}

// putDelta puts a delta CRL of issuer A in force.
func putDelta(t testing.TB, s *Store, scope revocation.ScopeID, number, base int, records ...revocation.Record) revocation.CRLChange {
	t.Helper()
	change, err := tryPut(s, deltaOf(issuerA, scope, number, base, len(records)), records...)
	if err != nil {
		t.Fatalf("committing delta CRL %d: %v", number, err)
	}
	return change
}

// signedFile makes what a download leaves behind.
func signedFile(s *Store, content string) (string, error) {
	f, err := s.TempFile()
	if err != nil {
		return "", err
	}
	if _, err := f.WriteString(content); err != nil {
		f.Close()
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), f.Close()
}

func record(serial string, reason revocation.Reason, at time.Time) revocation.Record {
	return revocation.Record{Serial: []byte(serial), Reason: reason, RevokedAt: at.Unix()}
}

func evidence(s *Store, issuer revocation.IssuerID, serial string) *revocation.Evidence {
	ev := &revocation.Evidence{}
	s.Evidence(issuer, revocation.Serial(serial), ev)
	return ev
}

// lists says whether any CRL held lists a serial.
func lists(s *Store, issuer revocation.IssuerID, serial string) bool {
	for _, c := range evidence(s, issuer, serial).CRLs {
		if c.Listed {
			return true
		}
	}
	return false
}

func revoke(t testing.TB, s *Store, issuer revocation.IssuerID, serial string, reason revocation.Reason) uint64 {
	t.Helper()
	_, _, generation, err := s.Revoke(issuer, revocation.Serial(serial), adminRecord(reason))
	if err != nil {
		t.Fatalf("revoking %x: %v", serial, err)
	}
	return generation
}

func adminRecord(reason revocation.Reason) revocation.AdminRecord {
	return revocation.AdminRecord{Entry: revocation.Entry{Reason: reason}, RecordedAt: day, By: "alice", Comment: "lost laptop"}
}

// fillRandom adds n entries with random serials of 16 octets, in random order, and calls each with every serial.
func fillRandom(t testing.TB, b *Build, n int, each func(i int, serial []byte)) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var rec revocation.Record
	serial := make([]byte, 16)
	for i := range n {
		binary.BigEndian.PutUint64(serial, r.Uint64())
		binary.BigEndian.PutUint64(serial[8:], r.Uint64())
		serial[0] = serial[0]&0x3f | 0x40
		rec = revocation.Record{Serial: serial, RevokedAt: day.Unix() + int64(i%1000), Reason: revocation.Superseded}
		if err := b.Add(&rec); err != nil {
			t.Fatal(err)
		}
		if each != nil {
			each(i, serial)
		}
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// peakMemory is the highest resident size of this process so far, in megabytes.
func peakMemory() (float64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmHWM: %f kB", &kb); n == 1 {
			return kb / 1024, nil
		}
	}
	return 0, errors.New("no VmHWM")
}

// mappedFiles counts the files below a directory that this process has mapped.
func mappedFiles(dir string) (int, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, err
	}
	files := map[string]bool{}
	for line := range strings.Lines(string(maps)) {
		if fields := strings.Fields(line); len(fields) > 5 && strings.HasPrefix(fields[5], dir+"/") {
			files[fields[5]] = true
		}
	}
	return len(files), nil
}
