package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTourWorksAsPrinted runs every command of the tour, in order, through a shell.
func TestTourWorksAsPrinted(t *testing.T) {
	needPeer(t, "openssl")
	needPeer(t, "curl")
	tour := startDev(t, t.TempDir())
	want := []string{
		"good.pem: good", "revoked.pem: revoked", "held.pem: revoked",
		`"status":"good"`, `"reason":"keyCompromise"`,
		"X-Veto-Decision: deny", `"verdict":"invalid_now"`,
		`"outcome":"created"`, "good.pem: revoked",
		"veto dev CA", `"state":"done"`, `"freshness":"fresh"`, `"ready":true`,
	}
	commands := tourCommands(tour)
	if len(commands) != len(want) {
		t.Fatalf("the tour has %d commands, this test knows %d:\n%s", len(commands), len(want), tour)
	}
	for i, command := range commands {
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		text := strings.ReplaceAll(string(out), `": `, `":`)
		if err != nil || !strings.Contains(text, want[i]) {
			t.Errorf("%s\nprinted:\n%s\n%v, want %q", command, out, err, want[i])
		}
		if strings.Contains(command, "openssl ocsp") && !strings.Contains(text, "Response verify OK") {
			t.Errorf("%s\nopenssl did not verify the response:\n%s", command, out)
		}
	}
}

func tourCommands(tour string) []string {
	var commands []string
	for line := range strings.Lines(tour) {
		if c, ok := strings.CutPrefix(line, "  "); ok {
			commands = append(commands, strings.TrimSpace(c))
		}
	}
	return commands
}

func TestDevKeepsItsPlayground(t *testing.T) {
	dir := t.TempDir()
	var first string
	t.Run("first start", func(t *testing.T) { first = startDev(t, dir) })
	if b, err := os.ReadFile(filepath.Join(dir, "veto.yaml")); err != nil || !strings.Contains(string(b), fmt.Sprintf("veto dev --data %q\n", dir)) {
		t.Errorf("the configuration does not say how to start again in %s: %v\n%s", dir, err, b)
	}
	t.Run("second start shows the same tour", func(t *testing.T) {
		if second := startDev(t, dir); second != first {
			t.Errorf("first:\n%s\nsecond:\n%s", first, second)
		}
	})
}
