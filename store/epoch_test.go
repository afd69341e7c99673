package store

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vetopki/veto/revocation"
)

func TestAGenerationIsOfAnEpoch(t *testing.T) {
	s := open(t, t.TempDir())
	first := s.Epoch()
	revoke(t, s, issuerA, "\x01", revocation.Superseded)
	revoke(t, s, issuerA, "\x02", revocation.Superseded)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	backup := t.TempDir()
	b, err := os.ReadFile(s.paths.state())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(backup, filepath.Base(s.paths.state())), b, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, s.paths.root)
	second := s.Epoch()
	revoke(t, s, issuerA, "\x03", revocation.Superseded) // generation 3, which the backup does not have
	restored := open(t, backup)
	revoke(t, restored, issuerA, "\x04", revocation.Superseded)
	revoke(t, restored, issuerA, "\x05", revocation.Superseded)
	for _, row := range []struct {
		fact       string
		store      *Store
		epoch      string
		generation uint64
		want       bool
	}{
		{"its own", s, second, 3, true},
		{"before a restart", s, first, 1, true},
		{"at the restart", s, first, 2, true},
		{"never reached in that epoch", s, first, 3, false},
		{"not reached yet", s, second, 4, false},
		{"before its own", s, second, 1, false},
		{"before the backup was made", restored, first, 2, true},
		{"after the backup was made", restored, second, 3, false},
		{"no epoch", s, "", 1, false},
	} {
		if got := row.store.Continues(row.epoch, row.generation); got != row.want {
			t.Errorf("%s: %v", row.fact, got)
		}
	}
	for range maxEpochs + 3 {
		s = reopen(t, s)
	}
	if s.Continues(second, 3) || len(s.epochs) != maxEpochs || !s.Continues(s.Epoch(), 3) {
		t.Errorf("%d epochs are remembered", len(s.epochs))
	}
}
