package config

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse holds that no input crashes the reader, and that every fault has a place inside the file and says something.
func FuzzParse(f *testing.F) {
	f.Add(must(os.ReadFile("testdata/example.yaml")))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), "/") {
			return // no file outside the folder is to be opened
		}
		c, faults := Parse("veto.yaml", data, dir, environment("A", "b"))
		if c == nil {
			t.Fatal("no configuration")
		}
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1
		for _, fault := range faults {
			if fault.Line < 1 || fault.Line > lines+1 || fault.Column < 1 || fault.Message == "" || !utf8.ValidString(fault.Message) {
				t.Fatalf("fault %+v in a file of %d lines", fault, lines)
			}
		}
	})
}
