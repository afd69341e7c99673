package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
)

// swaps puts two CRLs that have no serial in common in force, again and again: one under odd numbers, one under even ones.
type swaps struct {
	store  *store.Store
	issuer revocation.IssuerID
	scope  revocation.ScopeID
	crls   [2]pkitest.BigCRLOptions // by the lowest bit of the number
	files  [2]string
	number int // in force
}

func runSwap(args []string) error {
	flags := flag.NewFlagSet("swap", flag.ContinueOnError)
	entries := flags.Int("entries", 1_000_000, "entries of each CRL")
	rate := flags.Int("rate", 5000, "lookups a second")
	times := flags.Int("swaps", 4, "how many swaps to measure")
	quiet := flags.Duration("quiet", 10*time.Second, "how long to measure without swaps, before and after")
	first := flags.Bool("realtime", false, "let the threads that look up go before all others, so that what else the machine does is not measured (root)")
	memory := flags.Int64("memory", 0, "octets of memory for the entries; the default of veto when 0")
	dir := flags.String("dir", "", "folder for the CRLs, which are used again, and the store; a temporary one when empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		var err error
		if *dir, err = os.MkdirTemp("", "veto-soak-"); err != nil {
			return err
		}
		defer os.RemoveAll(*dir)
	}
	s, err := newSwaps(*dir, *entries, *memory)
	if err != nil {
		return err
	}
	defer s.store.Close()
	if _, err := s.swap(func(string) {}); err != nil {
		return err
	}
	return s.measure(newLoad(s, *rate, *first), *times, *quiet)
}

func newSwaps(dir string, entries int, memory int64) (*swaps, error) {
	st, err := store.Open(filepath.Join(dir, "data"), store.Options{IngestMemory: memory})
	if err != nil {
		return nil, err
	}
	s := &swaps{store: st}
	s.scope = revocation.ScopeIDOf(s.issuer, "http://soak.test/crl")
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	for i := range s.crls {
		s.crls[i] = pkitest.BigCRLOptions{Entries: entries, ReasonShare: 0.5, Seed: uint64(i + 1), Number: big.NewInt(int64(i))}
		s.files[i] = filepath.Join(dir, fmt.Sprintf("%d.crl", i))
		if err == nil {
			err = writeCRL(s.files[i], ca, s.crls[i])
		}
	}
	return s, errors.Join(err)
}

func writeCRL(name string, ca *pkitest.CA, o pkitest.BigCRLOptions) error {
	if _, err := os.Stat(name); err == nil {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(pkitest.WriteBigCRL(w, ca, o), w.Flush(), f.Close())
}

// swap puts the next CRL in force, from its file as a refresh does after the download.
func (s *swaps) swap(phase func(name string)) (took time.Duration, err error) {
	n := s.number + 1
	start := time.Now()
	phase("download")
	signed, err := s.download(s.files[n%2])
	if err != nil {
		return 0, err
	}
	defer signed.Close()
	build, err := s.store.NewBuild(s.issuer, s.scope)
	if err != nil {
		return 0, err
	}
	defer build.Abort()
	phase("decode")
	crl, err := crlder.Decode(signed, crlder.Options{}, build.Add)
	if err != nil {
		return 0, err
	}
	phase("commit")
	info := &revocation.CRLInfo{Issuer: s.issuer, Scope: s.scope, URL: "http://soak.test/crl", Number: revocation.CRLNumber(big.NewInt(int64(n)).Bytes()),
		ThisUpdate: crl.ThisUpdate, NextUpdate: crl.NextUpdate, SHA256: crl.SHA256, Size: crl.Size, Entries: crl.Entries}
	if _, err := build.Commit(info, signed.Name(), revocation.SourceState{}, store.CommitOptions{}); err != nil {
		return 0, err
	}
	s.number = n
	return time.Since(start), nil
}

// download copies a CRL to where the store wants it.
func (s *swaps) download(name string) (*os.File, error) {
	from, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	to, err := s.store.TempFile()
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(to, from)
	if err == nil {
		_, err = to.Seek(0, io.SeekStart)
	}
	return to, err
}

// measure prints how long lookups took without and with swaps.
func (s *swaps) measure(l *load, times int, quiet time.Duration) error {
	l.start()
	defer l.stop()
	time.Sleep(quiet / 4) // warm
	l.phase("quiet")
	time.Sleep(quiet)
	for range times {
		took, err := s.swap(l.phase)
		if err != nil {
			return err
		}
		fmt.Printf("CRL %d in force after %.1f s\n", s.number, took.Seconds())
	}
	l.phase("after")
	time.Sleep(quiet)
	return l.report()
}
