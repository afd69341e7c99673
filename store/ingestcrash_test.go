package store

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// ingestedCRL is CRL number n of the crash test: what it lists follows from the number alone. It is large enough to be moved out of
// memory in several runs of both kinds, and out of order.
func ingestedCRL(n int) []revocation.Record {
	list := manyEntries(20_000+n%200, revocation.Superseded)
	for i := range list {
		list[i].RevokedAt = day.Unix() + int64(n)
		if list[i].HasInvalidity = i%5 == 0; list[i].HasInvalidity {
			list[i].InvalidityDate = day.Unix()
		}
	}
	rand.New(rand.NewPCG(uint64(n), 0)).Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// childIngests puts one CRL after the other in force. It prints each number that was acknowledged and, before that, what it is about
// to do.
func childIngests(dir string) error {
	s, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	s.memory = &account{share: 16 * pageOctets}
	commit := s.writer.commit
	s.writer.commit = func(tx *bolt.Tx) error {
		fmt.Println("flip")
		return commit(tx)
	}
	n := numberInForce(s)
	for fmt.Println(n); ; fmt.Println(n) {
		n++
		if err := ingest(s, n); err != nil {
			return err
		}
	}
}

func ingest(s *Store, n int) error {
	records := ingestedCRL(n)
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		return err
	}
	defer b.Abort()
	b.OnProgress = func(phase string, _, _ int64) { fmt.Println(phase) }
	fmt.Println("add")
	for i := range records {
		if err := b.Add(&records[i]); err != nil {
			return err
		}
	}
	info := infoOf(issuerA, scopeA, n, len(records))
	signed, err := signedFile(s, "CRL "+info.Number.String())
	if err != nil {
		return err
	}
	st := revocation.SourceState{Issuer: issuerA, URL: info.URL, ETag: "etag " + info.Number.String()}
	_, err = b.Commit(info, signed, st, CommitOptions{})
	return err
}

func TestKilledDuringIngestTheOldOrTheNewCRLIsInForce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	last, took, in := 0, 100*time.Millisecond, map[string]int{}
	times := kills(t, 50)
	for range times {
		// From the beginning of an ingest on, at a moment that is as likely anywhere within it.
		begun, after := time.Time{}, rand.IntN(2)
		lines := killedWhen(t, "ingest", dir, func(lines []string) (time.Duration, bool) {
			switch line := lines[len(lines)-1]; {
			case line == "add":
				begun = time.Now()
				after--
				return rand.N(took), after == -1
			case !begun.IsZero() && isNumber(line):
				took = time.Since(begun)
			}
			return 0, false
		})
		in[lines[len(lines)-1]]++
		for _, line := range lines {
			if n, err := strconv.Atoi(line); err == nil { // the last line may be cut off, not wrong
				last = n
			}
		}
		last = checkIngested(t, dir, last)
	}
	for line, n := range in {
		if isNumber(line) {
			in["acknowledged"] += n
			delete(in, line)
		}
	}
	for _, phase := range slices.Sorted(maps.Keys(in)) {
		t.Logf("killed after %q: %d times", phase, in[phase])
	}
	t.Logf("%d kills, %d CRLs acknowledged", times, last)
}

func isNumber(line string) bool { _, err := strconv.Atoi(line); return err == nil }

// checkIngested sees that the CRL acknowledged last is in force or, whole, the one after it.
func checkIngested(t *testing.T, dir string, last int) (n int) {
	t.Helper()
	s := open(t, dir)
	n = numberInForce(s)
	if n < last || n > last+1 {
		t.Fatalf("CRL %d is in force, %d was acknowledged last", n, last)
	}
	if s.Generation() != uint64(n) {
		t.Fatalf("generation %d with CRL %d", s.Generation(), n)
	}
	if n > 0 {
		checkEntries(t, s, n, ingestedCRL(n))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

// checkEntries sees that CRL n is in force with these entries, its signed form and the state of its source, and nothing temporary.
func checkEntries(t *testing.T, s *Store, n int, want []revocation.Record) {
	t.Helper()
	if left, err := os.ReadDir(s.paths.tmp()); err != nil || len(left) > 0 {
		t.Fatalf("temporary files after a start: %v, %v", left, err)
	}
	if err := s.VerifyGenerations(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(want, func(a, b revocation.Record) int { return compareSerials(string(a.Serial), string(b.Serial)) })
	rows, err := s.Revocations(issuerA, "", len(want)+1)
	if err != nil || len(rows) != len(want) {
		t.Fatalf("CRL %d has %d entries, want %d, %v", n, len(rows), len(want), err)
	}
	for i, row := range rows {
		if string(row.Serial) != string(want[i].Serial) || row.RevokedAt.Unix() != want[i].RevokedAt || row.InvalidityDate.IsZero() == want[i].HasInvalidity {
			t.Fatalf("CRL %d: entry %d is %x since %v, %v", n, i, row.Serial, row.RevokedAt, row.InvalidityDate)
		}
	}
	checkSigned(t, s, fmt.Sprintf("CRL %d", n))
	if st := s.SourceState(scopeA); st.ETag != fmt.Sprintf("etag %d", n) {
		t.Fatalf("CRL %d with the source state of another: %s", n, st.ETag)
	}
}
