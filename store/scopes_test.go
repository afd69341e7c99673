package store

import (
	"os"
	"testing"

	"github.com/vetopki/veto/revocation"
)

type scopes = map[revocation.IssuerID][]Scope

// checkEvidence compares how many CRLs are consulted and missing for a serial of issuer A that scope A lists.
func checkEvidence(t *testing.T, s *Store, when string, held, missing int, listed bool) {
	t.Helper()
	ev := evidence(s, issuerA, "\x01")
	if len(ev.CRLs) != held || ev.MissingCRL != missing || lists(s, issuerA, "\x01") != listed {
		t.Errorf("%s: %d held, %d missing, listed %v; want %d, %d, %v",
			when, len(ev.CRLs), ev.MissingCRL, lists(s, issuerA, "\x01"), held, missing, listed)
	}
}

func TestAScopeIsConsultedUntilWhatReplacesItIsHeld(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(scopes{issuerA: {{ID: scopeA}}})
	checkEvidence(t, s, "configured and never fetched", 0, 1, false)
	put(t, s, issuerA, scopeA, 1, record("\x01", 4, day))
	checkEvidence(t, s, "fetched", 1, 0, true)

	s.SetScopes(scopes{issuerA: {{ID: scopeA2}}})
	checkEvidence(t, s, "another URL configured and not fetched", 1, 1, true)
	s = reopen(t, s)
	s.SetScopes(scopes{issuerA: {{ID: scopeA2}}})
	checkEvidence(t, s, "the same after a restart", 1, 1, true)

	change := put(t, s, issuerA, scopeA2, 1, record("\x02", 4, day))
	if !change.Everything {
		t.Error("the change that retires a scope does not say that everything may differ")
	}
	checkEvidence(t, s, "the other URL fetched", 1, 0, false)
	if _, err := os.Stat(s.paths.scope(scopeA)); err == nil || s.CRLInfo(scopeA) != nil {
		t.Error("the retired scope is still there")
	}
	rows, _, err := s.Changes(0, 10)
	if err != nil || len(rows) != 3 || rows[2].Kind != "retired" || rows[2].Scope != scopeA.String() || s.Generation() != 3 {
		t.Errorf("the change log: %+v, %v", rows, err)
	}
	s = reopen(t, s)
	checkEvidence(t, s, "after a restart", 1, 0, false)
}

func TestAScopeRetiresWhenTheConfigurationDropsIt(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(scopes{issuerA: {{ID: scopeA}, {ID: scopeA2}}})
	put(t, s, issuerA, scopeA, 1, record("\x01", 4, day))
	checkEvidence(t, s, "one of two", 1, 1, true)
	put(t, s, issuerA, scopeA2, 1, record("\x02", 4, day))
	checkEvidence(t, s, "both", 2, 0, true)
	s.SetScopes(scopes{issuerA: {{ID: scopeA2}}})
	checkEvidence(t, s, "one dropped", 1, 0, false)
}

func TestScopesOfIssuersNotConfiguredAreKept(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, record("\x01", 4, day))
	for name, m := range map[string]scopes{"no issuer": {}, "another issuer": {issuerB: {{ID: scopeB}}}, "no CRL source": {issuerA: nil}} {
		s.SetScopes(m)
		checkEvidence(t, s, name, 1, 0, true)
	}
	s.SetScopes(scopes{})
	if ev := evidence(s, issuerB, "\x01"); ev.MissingCRL != 0 || len(ev.CRLs) != 0 {
		t.Errorf("issuer B: %+v", ev)
	}
}
