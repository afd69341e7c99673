package snapshot_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/vetopki/veto/internal/snapshot"
	"github.com/vetopki/veto/revocation"
)

const epoch = "000102030405060708090a0b0c0d0e0f"

// content is a snapshot in memory.
type content struct {
	Issuers []snapshot.Issuer
	Serials []map[string]snapshot.Entry
}

func write(t rapid.TB, c content, key ed25519.PrivateKey) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := snapshot.NewWriter(&b, snapshot.Header{Epoch: epoch, Generation: 42, Made: time.Unix(1_800_000_000, 0), Issuers: uint32(len(c.Issuers))})
	if err != nil {
		t.Fatal(err)
	}
	for n := range c.Issuers {
		if err := w.Issuer(&c.Issuers[n]); err != nil {
			t.Fatal(err)
		}
		for _, serial := range sorted(c.Serials[n]) {
			if err := w.Add(serial, c.Serials[n][serial]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(key); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func sorted(m map[string]snapshot.Entry) []string {
	var list []string
	for s := range m {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return list
}

func read(b []byte, key ed25519.PublicKey) (c content, err error) {
	r, err := snapshot.NewReader(bytes.NewReader(b), key)
	if err != nil {
		return c, err
	}
	defer r.Close()
	for {
		i, err := r.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return c, nil
			}
			return c, err
		}
		m := map[string]snapshot.Entry{}
		for {
			length, serials, dates, flags, err := r.Chunk()
			if err != nil {
				return c, err
			}
			if length == 0 {
				break
			}
			for n := range flags {
				word := append(slices.Clone(dates[5*n:5*n+5]), flags[n])
				m[string(serials[n*length:(n+1)*length])] = snapshot.EntryOf(word)
			}
		}
		c.Issuers, c.Serials = append(c.Issuers, *i), append(c.Serials, m)
	}
}

func anyContent(t *rapid.T) content {
	var c content
	for n := range rapid.IntRange(0, 3).Draw(t, "issuers") {
		c.Issuers = append(c.Issuers, snapshot.Issuer{Name: string(rune('a' + n)), IDs: []string{"00"}, MissingCRLs: n,
			CRLs: []snapshot.CRL{{URL: "u", ThisUpdate: time.Unix(1, 5).UTC(), Delta: &snapshot.CRL{Number: "7"}}}})
		m := map[string]snapshot.Entry{}
		for range rapid.IntRange(0, 40).Draw(t, "serials") {
			serial := rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "serial")
			if revocation.CheckSerialDER(serial) != nil {
				continue
			}
			m[string(serial)] = snapshot.Entry{RevokedAt: time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(t, "date"), 0).UTC(),
				Reason: revocation.Reason(rapid.IntRange(0, 10).Draw(t, "reason")), Unsure: rapid.Bool().Draw(t, "unsure"),
				Because: rapid.SampledFrom([]revocation.Because{"crl", "admin", "retained", "upstream"}).Draw(t, "because")}
		}
		c.Serials = append(c.Serials, m)
	}
	return c
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	public, key, _ := ed25519.GenerateKey(nil)
	rapid.Check(t, func(t *rapid.T) {
		want := anyContent(t)
		for _, k := range []ed25519.PrivateKey{nil, key} {
			var check ed25519.PublicKey
			if k != nil {
				check = public
			}
			got, err := read(write(t, want, k), check)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("want -, got +:\n%s", diff)
			}
		}
	})
}

func sample() content {
	m := map[string]snapshot.Entry{}
	for n := range 10_000 { // more than one chunk
		m[string([]byte{1, byte(n >> 8), byte(n)})] = snapshot.Entry{RevokedAt: time.Unix(int64(n), 0).UTC(), Because: revocation.BecauseCRL}
	}
	m["\x05"] = snapshot.Entry{RevokedAt: time.Unix(7, 0).UTC(), Because: revocation.BecauseAdmin}
	return content{Issuers: []snapshot.Issuer{{Name: "a"}, {Name: "b"}}, Serials: []map[string]snapshot.Entry{m, {}}}
}

func TestASnapshotOfManyChunksIsRead(t *testing.T) {
	want := sample()
	got, err := read(write(t, want, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%.1000s", diff)
	}
}

// TestEveryChangedOctetIsNoticed changes the content below the compression, whose own checksum would notice too.
func TestEveryChangedOctetIsNoticed(t *testing.T) {
	public, key, _ := ed25519.GenerateKey(nil)
	c := content{Issuers: []snapshot.Issuer{{Name: "a"}}, Serials: []map[string]snapshot.Entry{{"\x05": {Because: revocation.BecauseCRL}, "\x06": {}}}}
	plain := unzip(t, write(t, c, key))
	if _, err := read(zip(t, plain), public); err != nil {
		t.Fatal(err)
	}
	for at := range plain {
		bad := slices.Clone(plain)
		bad[at] ^= 1
		if _, err := read(zip(t, bad), public); err == nil {
			t.Errorf("octet %d of %d was changed and nothing noticed", at, len(plain))
		}
	}
	for n := range plain {
		if _, err := read(zip(t, plain[:n]), nil); err == nil {
			t.Errorf("the first %d of %d octets are read as a snapshot", n, len(plain))
		}
	}
	if _, err := read(zip(t, append(slices.Clone(plain), 0)), nil); err == nil {
		t.Error("an octet behind the end was not noticed")
	}
}

func TestASignatureThatIsAskedForMustBeThere(t *testing.T) {
	public, key, _ := ed25519.GenerateKey(nil)
	other, _, _ := ed25519.GenerateKey(nil)
	for _, row := range []struct {
		fact  string
		with  ed25519.PrivateKey
		key   ed25519.PublicKey
		wrong string
	}{
		{"signed and asked for", key, public, ""},
		{"signed and not asked for", key, nil, ""},
		{"not signed", nil, public, "not signed"},
		{"of another key", key, other, "another key"},
	} {
		_, err := read(write(t, sample(), row.with), row.key)
		if (err == nil) != (row.wrong == "") || err != nil && !strings.Contains(err.Error(), row.wrong) {
			t.Errorf("%s: got %v, want %q", row.fact, err, row.wrong)
		}
	}
}

func TestSerialsOutOfOrderAreNotWritten(t *testing.T) {
	for _, serials := range [][]string{{"\x02", "\x01"}, {"\x01", "\x01"}, {"\x01\x01", "\x02"}, {""}, {strings.Repeat("\x01", 65)}} {
		w, err := snapshot.NewWriter(io.Discard, snapshot.Header{Epoch: epoch, Issuers: 1})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Issuer(&snapshot.Issuer{})
		for _, s := range serials {
			err = errors.Join(err, w.Add(s, snapshot.Entry{}))
		}
		if err == nil {
			t.Errorf("%q was written", serials)
		}
	}
}

func unzip(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	plain, err := z.DecodeAll(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func zip(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return z.EncodeAll(b, nil)
}

// FuzzReader: what is accepted is written back the same.
func FuzzReader(f *testing.F) {
	f.Add(unzip(f, write(f, content{Issuers: []snapshot.Issuer{{Name: "a"}}, Serials: []map[string]snapshot.Entry{{"\x05": {}}}}, nil)))
	f.Add(unzip(f, write(f, content{}, nil)))
	f.Fuzz(func(t *testing.T, plain []byte) {
		got, err := read(zip(t, plain), nil)
		if err != nil {
			return
		}
		again, err := read(write(t, got, nil), nil)
		if err != nil || !cmp.Equal(got, again) {
			t.Errorf("read, written and read: %v\n%s", err, cmp.Diff(got, again))
		}
	})
}
