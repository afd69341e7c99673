package store

import (
	"os"
	"testing"

	"github.com/vetopki/veto/revocation"
)

// What a delta CRL revoked does not become good because its file decayed: until something as new is held, a serial that nothing lists is not
// known to be good.
func TestADeltaCRLLostToDamageLeavesNoGoodBehind(t *testing.T) {
	const lifted, gone = revocation.RemoveFromCRL, revocation.KeyCompromise
	blind, good := says{missing: 1, silent: true}, says{findings: 1}
	listed := says{findings: 1, listed: true, reason: gone}
	for name, c := range map[string]struct {
		before  bool // there is a delta CRL before the one that is lost
		damaged []string
	}{
		"with one before it":           {true, []string{"2.db"}},
		"with none before it":          {false, []string{"1.db"}},
		"together with the one before": {true, []string{"1.db", "2.db"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			s.SetScopes(withDelta)
			put(t, s, issuerA, scopeA, 10, record("\x01", gone, day), record("\x04", gone, day))
			if c.before {
				putDelta(t, s, scopeD, 11, 10, record("\x02", gone, day), record("\x04", lifted, day))
			}
			putDelta(t, s, scopeD, 12, 10, record("\x02", gone, day), record("\x03", gone, day))
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for _, file := range c.damaged {
				cutOff(t, s.paths.scope(scopeD)+"/"+file)
			}
			s = open(t, s.paths.root)
			fallback := blind
			if len(c.damaged) == 1 && c.before {
				fallback = listed
				fallback.byDelta = true
			}
			for _, when := range []string{"at once", "after a restart"} {
				s.SetScopes(withDelta)
				for serial, want := range map[string]says{"\x01": listed, "\x02": fallback, "\x03": blind, "\x04": listed, "\x09": blind} {
					if got := whatIsSaid(s, issuerA, serial); got != want {
						t.Errorf("%s, serial %x: %+v, want %+v", when, serial, got, want)
					}
				}
				if st := s.SourceState(scopeD); st.ETag != "" || !s.Overtaken(scopeD) {
					t.Errorf("%s: the next fetch may end in not modified, or nobody is told of the loss", when)
				}
				s = reopen(t, s)
			}
			s.SetScopes(withDelta)
			put(t, s, issuerA, scopeA, 11, record("\x01", gone, day))
			if got := whatIsSaid(s, issuerA, "\x09"); got != blind {
				t.Errorf("a complete CRL older than the delta that was lost: %+v, want %+v", got, blind)
			}
			again := open(t, copyDirectory(t, s))
			again.SetScopes(withDelta)
			putDelta(t, again, scopeD, 13, 10, record("\x03", gone, day))
			if got, want := whatIsSaid(again, issuerA, "\x09"), (says{findings: 1, applied: true}); got != want {
				t.Errorf("with the next delta: %+v, want %+v", got, want)
			}
			put(t, s, issuerA, scopeA, 12, record("\x01", gone, day))
			for range 2 {
				if got := whatIsSaid(s, issuerA, "\x09"); got != good {
					t.Errorf("with a complete CRL as new as the delta that was lost: %+v, want %+v", got, good)
				}
				s = reopen(t, s)
				s.SetScopes(withDelta)
			}
		})
	}
}

// copyDirectory closes a store, copies its directory and opens it again.
func copyDirectory(t *testing.T, s *Store) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(s.paths.root)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestABlockOfADeltaThatDecayedLeavesNoGoodBehind(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 10, record("\x01", 4, day))
	putDelta(t, s, scopeD, 12, 10, manyEntries(2000, 4)...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	bad := string([]byte{0x10, 0x03, 0xe8, 0xaa, 0xbb, 0xcc}) // entry 1000
	flipSerial(bad)(t, s.paths.generation(scopeD, 1))
	s = open(t, s.paths.root)
	s.SetScopes(withDelta)
	if got, want := whatIsSaid(s, issuerA, bad), (says{missing: 1, silent: true}); got != want {
		t.Errorf("a serial in the block: %+v, want %+v", got, want)
	}
	if got := whatIsSaid(s, issuerA, string(manyEntries(1, 4)[0].Serial)); !got.listed || !got.byDelta {
		t.Errorf("a serial in a sound block: %+v", got)
	}
	put(t, s, issuerA, scopeA, 12, record("\x01", 4, day))
	if got, want := whatIsSaid(s, issuerA, bad), (says{findings: 1}); got != want {
		t.Errorf("with a complete CRL that is as new: %+v, want %+v", got, want)
	}
}

func TestALostDeltaScopeIsForgottenWithItsConfiguration(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 10, record("\x01", 4, day))
	putDelta(t, s, scopeD, 12, 10, record("\x02", 4, day))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	cutOff(t, s.paths.generation(scopeD, 1))
	s = open(t, s.paths.root)
	s.SetScopes(scopes{issuerA: {{ID: scopeA}}})
	for range 2 {
		if got, want := whatIsSaid(s, issuerA, "\x09"), (says{findings: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if st := s.SourceState(scopeD); st != (revocation.SourceState{}) {
			t.Errorf("the source is remembered: %+v", st)
		}
		s = reopen(t, s)
		s.SetScopes(withDelta) // as if it had never been
	}
}
