package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/vetopki/veto/revocation"
)

// shortOfMemory makes every build of a store move entries out of memory after a page of them.
func shortOfMemory(s *Store) { s.memory = &account{share: pageOctets} }

// built is the generation file of these entries, made with the memory of an account. It sees that nothing else is left.
func built(dir string, a *account, records []revocation.Record) ([]byte, error) {
	b := &Build{store: &Store{paths: paths{dir}, memory: a}}
	defer b.free()
	for i := range records {
		if err := b.Add(&records[i]); err != nil {
			return nil, err
		}
	}
	file := filepath.Join(dir, "generation")
	_, _, err := b.write(file, header{info: infoOf(issuerA, scopeA, 1, len(records))}, newDiffer(nil, keepRetained))
	if err != nil {
		return nil, err
	}
	b.free()
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) > 0 || a.used.Load() != 0 {
		return nil, fmt.Errorf("%d files and %d octets are left: %w", len(left), a.used.Load(), err)
	}
	content, err := os.ReadFile(file)
	return content, errors.Join(err, os.Remove(file))
}

// fewSerials makes n entries with serials of some lengths, narrow and wide, many of them several times.
func fewSerials(r *rand.Rand, n, lengths int) []revocation.Record {
	list := make([]revocation.Record, n)
	for i := range list {
		serial := make([]byte, 1+r.IntN(lengths))
		serial[0] = 1 + byte(r.IntN(0x7f))
		if len(serial) > 2 {
			binary.BigEndian.PutUint16(serial[len(serial)-2:], uint16(r.IntN(n/2+1)))
		}
		list[i] = revocation.Record{Serial: serial, RevokedAt: day.Unix() - int64(r.IntN(1000)),
			Reason: []revocation.Reason{0, 1, 4, 6, 9}[r.IntN(5)]}
		if list[i].HasInvalidity = r.IntN(4) == 0; list[i].HasInvalidity {
			list[i].InvalidityDate = day.Unix() - int64(r.IntN(1000))
		}
	}
	return list
}

func TestABuildThatIsShortOfMemoryWritesTheSameFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	seeds := 60
	if testing.Short() {
		seeds = 15
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 3))
		records := fewSerials(r, r.IntN(2000), []int{1, 2, 5, 16, 64}[seed%5])
		switch r.IntN(3) {
		case 0:
			slices.SortFunc(records, func(a, b revocation.Record) int { return compareSerials(string(a.Serial), string(b.Serial)) })
		case 1:
			slices.SortFunc(records, func(a, b revocation.Record) int { return compareSerials(string(b.Serial), string(a.Serial)) })
		}
		want, err := built(dir, newAccount(0), records)
		if err != nil {
			t.Fatal(err)
		}
		got, err := built(dir, &account{share: int64(1+r.IntN(12)) * pageOctets}, records)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("seed %d: with little memory another file was written than with much, %v", seed, err)
		}
	}
}

func TestWhatIsMovedOutOfMemoryHasNoNameAndGoesWithTheBuild(t *testing.T) {
	s := open(t, t.TempDir())
	shortOfMemory(s)
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		t.Fatal(err)
	}
	var phases []string
	b.OnProgress = func(phase string, done, total int64) { phases = append(phases, phase) }
	fillRandom(t, b, 1000, nil)
	moved := b.runs.size
	if n := len(b.runs.list[16][0]); n != 5 || moved != int64(n)*186*22 || b.held > pageOctets {
		t.Errorf("%d runs of %d octets, %d octets of memory", n, moved, b.held)
	}
	if !slices.Equal(phases, []string{"move", "move", "move", "move", "move"}) {
		t.Errorf("progress: %q", phases)
	}
	if files, err := os.ReadDir(s.paths.tmp()); err != nil || len(files) > 0 {
		t.Errorf("the file has a name: %v, %v", files, err)
	}
	b.Abort()
	if b.runs.file != nil || s.memory.used.Load() != 0 {
		t.Errorf("after the build a file is open, or %d octets are taken", s.memory.used.Load())
	}
}

// A build that finds what it moved out of memory changed does not put it in force.
func TestRunsThatDecayAreNoticed(t *testing.T) {
	s := open(t, t.TempDir())
	shortOfMemory(s)
	put(t, s, issuerA, scopeA, 1, manyEntries(10, 4)...)
	for name, spoil := range map[string]func(*os.File) error{
		"a flipped bit": func(f *os.File) error {
			var b [1]byte
			if _, err := f.ReadAt(b[:], 5000); err != nil {
				return err
			}
			b[0] ^= 4
			_, err := f.WriteAt(b[:], 5000)
			return err
		},
		"a lost end": func(f *os.File) error { return f.Truncate(9000) },
	} {
		t.Run(name, func(t *testing.T) {
			b, err := s.NewBuild(issuerA, scopeA)
			if err != nil {
				t.Fatal(err)
			}
			fillRandom(t, b, 1000, nil)
			if err := spoil(b.runs.file); err != nil {
				t.Fatal(err)
			}
			signed, err := signedFile(s, "x")
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.Commit(infoOf(issuerA, scopeA, 2, 1000), signed, revocation.SourceState{}, CommitOptions{})
			if !errors.Is(err, revocation.ErrNotDurable) || !strings.Contains(err.Error(), "moved out of memory") {
				t.Errorf("Commit: %v", err)
			}
			checkNoLeftovers(t, s, "1.crl", "1.db")
		})
	}
}

func TestAnErrorOfMovingLosesNothing(t *testing.T) {
	s := open(t, t.TempDir())
	shortOfMemory(s)
	b, err := s.NewBuild(issuerA, scopeA)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Abort()
	fillRandom(t, b, 180, nil)
	tmp := s.paths.tmp()
	if err := os.Rename(tmp, tmp+".away"); err != nil {
		t.Fatal(err)
	}
	refused := 0
	var failed error
	for i := range 20 {
		r := revocation.Record{Serial: binary.BigEndian.AppendUint64([]byte("\x01\x02\x03\x04\x05\x06\x07\x08"), uint64(i)), RevokedAt: day.Unix()}
		if err := b.Add(&r); err != nil {
			failed = err
			refused++
		}
	}
	if refused != 14 || !errors.Is(failed, revocation.ErrNotDurable) || !errors.Is(failed, syscall.ENOENT) {
		t.Errorf("%d entries were refused, %v", refused, failed)
	}
	if err := os.Rename(tmp+".away", tmp); err != nil {
		t.Fatal(err)
	}
	signed, err := signedFile(s, "x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(infoOf(issuerA, scopeA, 1, 186), signed, revocation.SourceState{}, CommitOptions{}); err != nil {
		t.Fatal(err)
	}
	if rows, err := s.Revocations(issuerA, "", 1000); err != nil || len(rows) != 186 {
		t.Errorf("%d entries, %v", len(rows), err)
	}
}
