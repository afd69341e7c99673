package store

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vetopki/veto/revocation"
)

// twoGenerations makes a store that holds CRL 1 and, in force, CRL 2, and damages files of it while it is closed.
func twoGenerations(t *testing.T, damage map[string]func(*testing.T, string)) (dir string) {
	t.Helper()
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, record("\x01", 4, day), record("\x11", 4, day))
	put(t, s, issuerA, scopeA, 2, record("\x01", 4, day), record("\x02", 4, day))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, f := range damage {
		f(t, filepath.Join(s.paths.scope(scopeA), name))
	}
	return s.paths.root
}

func cutOff(t *testing.T, path string) {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	truncate(t, path, info.Size()/2)
}

func garbage(t *testing.T, path string) { writeFile(t, path, bytes.Repeat([]byte("garbage "), 4096)) }

func missing(t *testing.T, path string) {
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedGenerationIsQuarantinedAndOnlyRevocationsOfTheOneBeforeServe(t *testing.T) {
	for name, damage := range map[string]func(*testing.T, string){"cut off": cutOff, "garbage": garbage, "missing": missing, "a flipped bit": flipSerial(string(appendDate([]byte("\x02"), packDate(day.Unix()))))} {
		t.Run(name, func(t *testing.T) {
			dir := twoGenerations(t, map[string]func(*testing.T, string){"2.db": damage})
			var logged strings.Builder
			s, err := Open(dir, Options{Log: slog.New(slog.NewTextHandler(&logged, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if n := s.CRLInfo(scopeA).Number.String(); n != "1" || !lists(s, issuerA, "\x11") {
				t.Errorf("CRL %s serves, want 1", n)
			}
			for _, when := range []string{"at once", "after a restart"} {
				if ev := evidence(s, issuerA, "\x7f"); len(ev.CRLs) != 0 || ev.MissingCRL != 1 {
					t.Errorf("%s, a serial the CRL before does not list: %+v, want the CRL missing, since the lost one may have listed it", when, ev)
				}
				if !s.Overtaken(scopeA) {
					t.Errorf("%s, the CRL in force is not known to be overtaken", when)
				}
				s = reopen(t, s)
			}
			if !strings.Contains(logged.String(), "level=ERROR") {
				t.Errorf("nothing was logged: %s", logged.String())
			}
			if found, _ := filepath.Glob(filepath.Join(s.paths.scope(scopeA), "2.*.corrupt-*")); len(found) == 0 {
				t.Error("the damaged files are not kept")
			}
			if st := s.SourceState(scopeA); st.ETag != "" {
				t.Error("the next fetch may be answered with not modified")
			}
			if s.Generation() != 3 {
				t.Errorf("generation %d, want 3: answers changed", s.Generation())
			}
			put(t, s, issuerA, scopeA, 3, record("\x03", 4, day))
			if !lists(s, issuerA, "\x03") {
				t.Error("the next CRL is not in force")
			}
			if ev := evidence(s, issuerA, "\x7f"); len(ev.CRLs) != 1 || ev.MissingCRL != 0 || s.Overtaken(scopeA) {
				t.Errorf("a serial the next CRL does not list: %+v, want that CRL's silence", ev)
			}
			s = reopen(t, s)
			if !lists(s, issuerA, "\x03") {
				t.Error("the next CRL is not in force after a restart")
			}
		})
	}
}

func TestWithoutAWholeGenerationTheScopeHasNoCRL(t *testing.T) {
	dir := twoGenerations(t, map[string]func(*testing.T, string){"2.db": garbage, "1.db": cutOff})
	s := open(t, dir)
	s.SetScopes(scopes{issuerA: {{ID: scopeA}}})
	if ev := evidence(s, issuerA, "\x01"); len(ev.CRLs) != 0 || ev.MissingCRL != 1 {
		t.Errorf("evidence: %+v, want the CRL missing", ev)
	}
	if found, _ := filepath.Glob(filepath.Join(s.paths.scope(scopeA), "*.db.corrupt-*")); len(found) != 2 {
		t.Errorf("quarantined: %v, want both", found)
	}
	put(t, s, issuerA, scopeA, 3, record("\x03", 4, day))
	if !lists(s, issuerA, "\x03") {
		t.Error("the next CRL is not in force")
	}
}

// flipSerial flips a bit in every place of a file where these octets occur.
func flipSerial(octets string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		flipped := []byte(octets)
		flipped[len(flipped)-1] ^= 4
		changed := strings.ReplaceAll(string(b), octets, string(flipped))
		if changed == string(b) {
			t.Fatalf("%x does not occur in %s", octets, path)
		}
		writeFile(t, path, []byte(changed))
	}
}

// manyEntries fills several blocks, so that one in the middle is not read when the file is opened.
func manyEntries(n int, reason revocation.Reason) (list []revocation.Record) {
	for i := range n {
		list = append(list, record(string([]byte{0x10, byte(i >> 8), byte(i), 0xaa, 0xbb, 0xcc}), reason, day))
	}
	return list
}

func TestABlockThatDecayedIsNeverEvidenceThatASerialIsGood(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(scopes{issuerA: {{ID: scopeA}}})
	put(t, s, issuerA, scopeA, 1, manyEntries(2000, 4)...)
	put(t, s, issuerA, scopeA, 2, manyEntries(2000, 5)...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	bad := string([]byte{0x10, 0x03, 0xe8, 0xaa, 0xbb, 0xcc}) // entry 1000
	flipSerial(bad)(t, s.paths.generation(scopeA, 2))
	s = open(t, s.paths.root)
	s.SetScopes(scopes{issuerA: {{ID: scopeA}}})
	if s.CRLInfo(scopeA).Number.String() != "2" {
		t.Fatal("the test wants a file whose damage is not seen when it is opened")
	}
	if ev := evidence(s, issuerA, bad); len(ev.CRLs) != 0 || ev.MissingCRL != 1 {
		t.Errorf("evidence from a block that does not match its checksum: %+v", ev)
	}
	if !lists(s, issuerA, string([]byte{0x10, 0, 0, 0xaa, 0xbb, 0xcc})) {
		t.Error("a serial in a sound block is not listed")
	}
	if s.Degraded() == nil {
		t.Error("the store does not say that it is degraded")
	}
	if err := s.VerifyGenerations(t.Context()); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("VerifyGenerations: %v", err)
	}
	if !lists(s, issuerA, bad) || s.CRLInfo(scopeA).Number.String() != "1" {
		t.Error("the generation before does not serve")
	}
	if s.Degraded() != nil || s.VerifyGenerations(t.Context()) != nil {
		t.Errorf("still degraded: %v", s.Degraded())
	}
}

func TestAFileCutOffUnderALookupDoesNotEndTheProcess(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(scopes{issuerA: {{ID: scopeA}}})
	put(t, s, issuerA, scopeA, 1, manyEntries(2000, 4)...)
	truncate(t, s.paths.generation(scopeA, 1), pageOctets)
	answered := 0
	for _, rec := range manyEntries(2000, 4) {
		ev := evidence(s, issuerA, string(rec.Serial))
		if len(ev.CRLs) == 1 && !ev.CRLs[0].Listed {
			t.Fatalf("%x counts as not listed", rec.Serial)
		}
		answered += ev.MissingCRL
	}
	if answered != 2000 || s.Degraded() == nil {
		t.Errorf("%d lookups found the CRL missing, degraded: %v", answered, s.Degraded())
	}
	if _, err := s.Revocations(issuerA, "", 10); err == nil {
		t.Error("the list of revocations is given from a file that cannot be read")
	}
	change := put(t, s, issuerA, scopeA, 2, manyEntries(2000, 4)...)
	if !change.Everything || !lists(s, issuerA, string(manyEntries(1, 4)[0].Serial)) {
		t.Errorf("the next CRL: everything %v", change.Everything)
	}
}

func TestAFileCutOffUnderABuildDoesNotStopTheNextCRL(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, manyEntries(2000, 4)...)
	truncate(t, s.paths.generation(scopeA, 1), pageOctets)
	change := put(t, s, issuerA, scopeA, 2, manyEntries(2000, 5)...)
	if !change.Everything || !lists(s, issuerA, string(manyEntries(1, 4)[0].Serial)) {
		t.Errorf("the next CRL: everything %v", change.Everything)
	}
	if s.Degraded() != nil || s.VerifyGenerations(t.Context()) != nil {
		t.Error("the new generation is not sound")
	}
}

func TestVerifyGenerationsStopsWhenItsContextEnds(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, record("\x01", 4, day))
	s = reopen(t, s)
	ctx, cancel := contextCancelled(t)
	defer cancel()
	if err := s.VerifyGenerations(ctx); err == nil || s.Degraded() != nil {
		t.Errorf("got %v, degraded %v", err, s.Degraded())
	}
	if err := s.VerifyGenerations(t.Context()); err != nil {
		t.Errorf("a whole generation: %v", err)
	}
}

func contextCancelled(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}
