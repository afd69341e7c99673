package seriallist_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/vetopki/veto/internal/seriallist"
	"github.com/vetopki/veto/revocation"
)

func read(r io.Reader) (list []string, digest [32]byte, err error) {
	for reader := seriallist.NewReader(r); ; {
		serial, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return list, reader.SHA256(), nil
		}
		if err != nil {
			return nil, digest, err
		}
		list = append(list, serial.String())
	}
}

func TestAListHasASerialOnEachLine(t *testing.T) {
	for _, row := range []struct {
		fact, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"one without an end of line", "0a1b", []string{"0a1b"}},
		{"forms people write", "0A:1B\n0x0a1c\n a1d \ndec:2590\n-01\n", []string{"0a1b", "0a1c", "0a1d", "0a1e", "-01"}},
		{"comments, empty lines, CR LF, tabs", "# issued\r\n\r\n0a\r\n\t0b\t\r\n  # more\n", []string{"0a", "0b"}},
		{"one twice is two", "0a\n0a\n", []string{"0a", "0a"}},
	} {
		for _, r := range []io.Reader{strings.NewReader(row.text), iotest.OneByteReader(strings.NewReader(row.text))} {
			got, digest, err := read(r)
			if err != nil || !slices.Equal(got, row.want) || digest != sha256.Sum256([]byte(row.text)) {
				t.Errorf("%s: got %v, %v", row.fact, got, err)
			}
		}
	}
}

func TestWhatIsNoSerialIsRefusedByItsLine(t *testing.T) {
	for fact, row := range map[string]struct{ text, line string }{
		"a word":             {"0a\nserial\n", "line 2: "},
		"two on a line":      {"0a 0b\n", "line 1: "},
		"a CSV":              {"\n0a,revoked\n", "line 2: "},
		"HTML":               {"<!DOCTYPE html>\n", "line 1: "},
		"too long":           {"0a\n" + strings.Repeat("ab", 65) + "\n", "line 2: "},
		"a line without end": {"0a\n#" + strings.Repeat("a", 1<<20), "line 2: "},
		"a NUL":              {"0a\x00\n", "line 1: "},
	} {
		if got, _, err := read(strings.NewReader(row.text)); !errors.Is(err, revocation.ErrMalformedSerial) || !strings.HasPrefix(err.Error(), row.line) {
			t.Errorf("%s: got %v, %v", fact, got, err)
		}
	}
	broken := errors.New("the wire was cut")
	if got, _, err := read(io.MultiReader(strings.NewReader("0a\n0b"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a list that was cut off was read as %v, %v", got, err)
	}
}

// FuzzReader: what is read prints as a list that reads the same.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{"", "0a\n# c\r\n0B:0c\n", "dec:12\n-01\nzz", "0a\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, _, err := read(strings.NewReader(text))
		if err != nil {
			return
		}
		again, _, err := read(strings.NewReader(strings.Join(list, "\n")))
		if err != nil || !slices.Equal(again, list) {
			t.Errorf("%q: %v came back as %v, %v", text, list, again, err)
		}
	})
}
