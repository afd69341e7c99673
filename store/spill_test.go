package store

import (
	"bytes"
	"os"
	"testing"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/revocation"
)

// shortOf leaves a store so little memory for building that it spills every few entries.
func shortOf(s *Store, octets int64) {
	s.ingest.limit, s.ingest.step = octets, octets/4
}

// generationFile is what a build of the records becomes.
func generationFile(t interface{ Fatal(...any) }, s *Store, records []revocation.Record) (content []byte, runs int) {
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if err := b.Add(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	runs = len(b.spill.runs)
	signed, err := s.TempFile()
	if err != nil {
		t.Fatal(err)
	}
	signed.Close()
	if _, err := b.Commit(infoOf(issuerA, scopeA, 1, len(records)), signed.Name(), revocation.SourceState{}, CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	content, err = os.ReadFile(s.paths.generation(scopeA, 1))
	if err != nil {
		t.Fatal(err)
	}
	return content, runs
}

// A build that did not fit in memory writes octet for octet the file of one that did.
func TestSpillingChangesNothing(t *testing.T) {
	t.Parallel()
	spilled := 0
	rapid.Check(t, func(rt *rapid.T) {
		records := rapid.SliceOfN(rapid.Custom(drawRecord), 0, 200).Draw(rt, "records")
		limit := rapid.Int64Range(100, 2000).Draw(rt, "memory")
		var files [2][]byte
		for i := range files {
			dir, err := os.MkdirTemp("", "veto-spill-")
			if err != nil {
				rt.Fatal(err)
			}
			defer os.RemoveAll(dir)
			s, err := Open(dir, Options{})
			if err != nil {
				rt.Fatal(err)
			}
			if i == 1 {
				shortOf(s, limit)
			}
			var runs int
			files[i], runs = generationFile(rt, s, records)
			spilled += runs
			if left := s.ingest.used.Load(); left != 0 {
				rt.Fatalf("%d octets of the allowance are still taken after the commit", left)
			}
			if left, err := os.ReadDir(s.paths.tmp()); err != nil || len(left) > 0 {
				rt.Fatalf("the temporary folder holds %v, %v", left, err)
			}
			if err := s.Close(); err != nil {
				rt.Fatal(err)
			}
		}
		if !bytes.Equal(files[0], files[1]) {
			rt.Fatal("the two files differ")
		}
	})
	if spilled < 100 {
		t.Errorf("only %d runs were written: the test tests nothing", spilled)
	}
}

// Whatever a CRL lists, and however it is ordered, its entries take no more memory than allowed.
func TestEntriesTakeNoMoreMemoryThanAllowed(t *testing.T) {
	t.Parallel()
	const limit, entries = 1 << 20, 200_000
	for name, serial := range map[string]func(i int) []byte{
		"ascending":        func(i int) []byte { return []byte{1, byte(i >> 16), byte(i >> 8), byte(i)} },
		"descending":       func(i int) []byte { return []byte{1, byte(^i >> 16), byte(^i >> 8), byte(^i)} },
		"all the same":     func(int) []byte { return []byte{1, 2, 3} },
		"as long as it is": func(i int) []byte { return append(bytes.Repeat([]byte{1}, 61), byte(i>>16), byte(i>>8), byte(i)) },
		"of every length":  func(i int) []byte { return append(bytes.Repeat([]byte{1}, 1+i%60), byte(i>>16), byte(i>>8), byte(i)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			s.ingest.limit, s.ingest.step = limit, limit/32
			b, err := s.NewBuild(issuerA, scopeA)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Abort()
			most := 0
			for i := range entries {
				if err := b.Add(&revocation.Record{Serial: serial(i), RevokedAt: day.Unix()}); err != nil {
					t.Fatal(err)
				}
				held := 0
				for _, l := range b.allLanes() {
					held += l.count * l.stride
				}
				most = max(most, held)
			}
			if most > limit+limit/16 {
				t.Errorf("entries took %d octets, allowed are %d", most, limit)
			}
			if b.spill.size == 0 {
				t.Error("nothing was spilled")
			}
		})
	}
}

// Builds that are under way at once share the allowance, and one that is aborted gives back what it had.
func TestBuildsShareTheAllowance(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	shortOf(s, 1<<16)
	var builds []*Build
	for range 5 {
		b, err := s.NewBuild(issuerA, scopeA)
		if err != nil {
			t.Fatal(err)
		}
		builds = append(builds, b)
		for i := range 1500 {
			if err := b.Add(&revocation.Record{Serial: []byte{1, byte(i >> 8), byte(i)}, RevokedAt: day.Unix()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if used := s.ingest.used.Load(); used > 2*(1<<16) {
		t.Errorf("five builds hold %d octets together, allowed are %d", used, 1<<16)
	}
	for _, b := range builds {
		b.Abort()
	}
	if used := s.ingest.used.Load(); used != 0 {
		t.Errorf("%d octets are still taken after all builds were aborted", used)
	}
}

// A run that cannot be read back ends the commit, and the CRL in force stays in force.
func TestARunThatCannotBeReadBackEndsTheCommit(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	shortOf(s, 1000)
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		if err := b.Add(&revocation.Record{Serial: []byte{1, byte(i >> 8), byte(i)}, RevokedAt: day.Unix()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.spill.file.Truncate(b.spill.size / 2); err != nil {
		t.Fatal(err)
	}
	signed, err := s.TempFile()
	if err != nil {
		t.Fatal(err)
	}
	signed.Close()
	_, err = b.Commit(infoOf(issuerA, scopeA, 1, 2000), signed.Name(), revocation.SourceState{}, CommitOptions{})
	if err == nil || s.CRLInfo(scopeA) != nil {
		t.Errorf("half of the entries were lost, and the commit said %v", err)
	}
	if left, _ := os.ReadDir(s.paths.tmp()); len(left) > 0 {
		t.Errorf("the temporary folder still holds %v", left)
	}
}
