package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
)

func TestCrlgenWritesACRLOfTheCAItMadeBefore(t *testing.T) {
	dir := t.TempDir()
	ca, first, second := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "1.crl"), filepath.Join(dir, "2.crl")
	common := []string{"-ca", ca, "-entries", "1000", "-shuffled", "-reasons", "0.5", "-octets", "12", "-key", "rsa2048",
		"-this-update", "2026-01-01T00:00:00Z", "-days", "7", "-number", "9"}
	for _, out := range []string{first, second} {
		if err := run(append([]string{"-out", out}, common...)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(read(t, first), read(t, second)) {
		t.Error("the same options and CA gave two different CRLs")
	}
	block, _ := pem.Decode(read(t, ca))
	issuer, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(read(t, first))
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(issuer); err != nil {
		t.Error(err)
	}
	if len(list.RevokedCertificateEntries) != 1000 || list.Number.Int64() != 9 || list.NextUpdate.Sub(list.ThisUpdate).Hours() != 7*24 {
		t.Errorf("%d entries, number %v, %v to %v: not as asked for", len(list.RevokedCertificateEntries), list.Number,
			list.ThisUpdate, list.NextUpdate)
	}
}

func TestCrlgenRefusesWhatItCannotDo(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.pem")
	if err := os.WriteFile(broken, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, ca := filepath.Join(dir, "out.crl"), filepath.Join(dir, "ca.pem")
	for name, args := range map[string][]string{
		"no file to write":    {"-ca", ca},
		"no CA":               {"-out", out},
		"more arguments":      {"-out", out, "-ca", ca, "more"},
		"a CA that is none":   {"-out", out, "-ca", broken},
		"a date that is none": {"-out", out, "-ca", ca, "-this-update", "today"},
		"a key that is none":  {"-out", out, "-ca", ca, "-key", "dsa"},
	} {
		if err := run(args); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
