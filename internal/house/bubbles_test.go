package house

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBubblesAreMadeByBubble: under the race detector a bubble on several processors ends the process now and then, see package bubble.
func TestBubblesAreMadeByBubble(t *testing.T) {
	files := 0
	for _, p := range listPackages(t) {
		if p.ImportPath == module+"internal/bubble" || p.ImportPath == module+"internal/house" {
			continue
		}
		names, err := filepath.Glob(filepath.Join(p.Dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			files++
			if text, err := os.ReadFile(name); err != nil || strings.Contains(string(text), "synctest.Test(") {
				t.Errorf("%s calls synctest.Test, or cannot be read (%v); call bubble.Test", name, err)
			}
		}
	}
	if files < 100 {
		t.Fatalf("%d files of tests were looked at", files)
	}
}
