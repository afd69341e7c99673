package revocation_test

import (
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/revocation"
)

func TestParseSerial(t *testing.T) {
	for _, row := range []struct{ text, der, printed string }{
		{"0a1b", "\x0a\x1b", "0a1b"},
		{"0A:1B", "\x0a\x1b", "0a1b"},
		{"0x0a1b", "\x0a\x1b", "0a1b"},
		{"0X000A1B", "\x0a\x1b", "0a1b"},
		{"a1b", "\x0a\x1b", "0a1b"},
		{"dec:2587", "\x0a\x1b", "0a1b"},
		{"ff", "\x00\xff", "ff"},
		{"0", "\x00", "00"},
		{"-01", "\xff", "-01"},
		{"-80", "\x80", "-80"},
		{"dec:-129", "\xff\x7f", "-81"},
		{" 0a ", "\x0a", "0a"},
	} {
		got, err := revocation.ParseSerial(row.text)
		if err != nil || string(got) != row.der || got.String() != row.printed {
			t.Errorf("%q: got %x printed %q, %v; want %x printed %q", row.text, string(got), got, err, row.der, row.printed)
		}
	}
	for _, bad := range []string{"", "0x", "xyz", "dec:", "dec:0x10", "dec:1f", "--1", "+1", "1_0", "0x-1", "1 2", string(make([]byte, 1<<20))} {
		if _, err := revocation.ParseSerial(bad); !errors.Is(err, revocation.ErrMalformedSerial) {
			t.Errorf("%.20q: got %v, want ErrMalformedSerial", bad, err)
		}
	}
}

func TestSerialFromDERRefusesWhatIsNotMinimal(t *testing.T) {
	for _, bad := range []string{"", "\x00\x01", "\xff\x80", "\xff\xff", string(make([]byte, 65))} {
		if _, err := revocation.SerialFromDER([]byte(bad)); !errors.Is(err, revocation.ErrMalformedSerial) {
			t.Errorf("%x: got %v, want ErrMalformedSerial", bad, err)
		}
	}
}

func TestSerialAgreesWithEncodingASN1AndReadsWhatItPrints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 63).Draw(t, "magnitude"))
		if rapid.Bool().Draw(t, "negative") {
			n.Neg(n)
		}
		s, err := revocation.SerialFromBig(n)
		if err != nil {
			t.Fatal(err)
		}
		der, err := asn1.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		if string(der[2:]) != string(s) {
			t.Fatalf("%s: got %x, encoding/asn1 has %x", n, string(s), der[2:])
		}
		if s.Big().Cmp(n) != 0 {
			t.Fatalf("%s came back as %s", n, s.Big())
		}
		if again, err := revocation.ParseSerial(s.String()); err != nil || again != s {
			t.Fatalf("%s printed %q and was read as %x, %v", n, s, string(again), err)
		}
	})
}

func TestCRLNumber(t *testing.T) {
	for _, row := range []struct{ der, decimal string }{{"\x00", "0"}, {"\x7f", "127"}, {"\x00\xff", "255"}, {"\x04\x12", "1042"}} {
		n, err := revocation.CRLNumberFromDER([]byte(row.der))
		if err != nil || n.String() != row.decimal {
			t.Errorf("%x: got %s, %v, want %s", row.der, n, err, row.decimal)
		}
	}
	for _, bad := range []string{"", "\xff", "\x00\x01", "\x01" + string(make([]byte, 20))} {
		if n, err := revocation.CRLNumberFromDER([]byte(bad)); err == nil {
			t.Errorf("%x was read as %s", bad, n)
		}
	}
	small, _ := revocation.CRLNumberFromDER([]byte("\x00\xff"))
	large, _ := revocation.CRLNumberFromDER([]byte("\x01\x00"))
	if small.Compare(large) != -1 || large.Compare(small) != 1 || small.Compare(small) != 0 {
		t.Error("255 and 256 are not ordered")
	}
}

func TestReasonNamesRoundTrip(t *testing.T) {
	for n := range 11 {
		r := revocation.Reason(n)
		if r.Valid() != (n != 7) {
			t.Errorf("%d: valid is %v", n, r.Valid())
		}
		if back, err := revocation.ParseReason(r.String()); r.Valid() && (err != nil || back != r) {
			t.Errorf("%s came back as %s, %v", r, back, err)
		}
	}
	if _, err := revocation.ParseReason("keycompromise"); !errors.Is(err, revocation.ErrUnknownReason) {
		t.Errorf("got %v, want ErrUnknownReason", err)
	}
}

func BenchmarkParseSerial(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := revocation.ParseSerial("4dfe000c590b59f2d58b46a8782ebc09"); err != nil {
			b.Fatal(err)
		}
	}
}
