package crlfetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/internal/pkitest"
)

// Whatever PEM text the decoder takes, what is kept is the DER it decoded.
func FuzzUnwrapPEM(f *testing.F) {
	path := filepath.Join(f.TempDir(), "crl")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		crl, err := crlder.Decode(bytes.NewReader(text), crlder.Options{}, nil)
		if err != nil {
			return
		}
		if err := keepDER(file, crl); err != nil {
			t.Fatalf("the decoder takes it, keepDER says %v", err)
		}
		kept, err := os.ReadFile(path)
		if err != nil || sha256.Sum256(kept) != crl.SHA256 {
			t.Errorf("%d octets were kept that are not the %d decoded (%v)", len(kept), crl.Size, err)
		}
	})
}

func BenchmarkRefreshOf100kEntries(b *testing.B) {
	ca := newCA(b, pkitest.CAOptions{})
	serials := make([]int64, 100_000)
	for i := range serials {
		serials[i] = int64(i) + 1<<40
	}
	path := filepath.Join(b.TempDir(), "ca.crl")
	if err := os.WriteFile(path, makeCRL(b, ca, 5, serials...), 0o600); err != nil {
		b.Fatal(err)
	}
	src := Source{Issuer: issuerOf("corp", ca.Certificate), URL: "file://" + path}.withDefaults()
	info, _ := os.Stat(path)
	b.SetBytes(info.Size())
	for b.Loop() {
		store := discardStore{dir: b.TempDir()}
		u := New(Options{Store: store, Builder: store}).updater
		if res, _ := u.refresh(context.Background(), src, track{}, trip{}); !res.Changed {
			b.Fatal(res.Err)
		}
	}
}
