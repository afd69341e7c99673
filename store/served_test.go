package store

import (
	"os"
	"slices"
	"testing"

	"github.com/vetopki/veto/revocation"
)

func isListed(t *testing.T, s *Store, when string, want map[revocation.IssuerID]bool) {
	t.Helper()
	for issuer, listed := range want {
		if got := lists(s, issuer, "\x01"); got != listed {
			t.Errorf("%s: issuer %s has serial 01 listed: %v, want %v", when, issuer.String()[:4], got, listed)
		}
	}
}

// The keys of a CA in a roll-over are two issuers with one series of CRLs.
func TestAScopeServesEveryIssuerThatNamesIt(t *testing.T) {
	s := open(t, t.TempDir())
	shared := scopes{issuerA: {{ID: scopeA, Delta: scopeD}}, issuerB: {{ID: scopeB}, {ID: scopeA, Delta: scopeD}}}
	s.SetScopes(shared)
	change := put(t, s, issuerA, scopeA, 10, record("\x01", 4, day))
	putDelta(t, s, scopeD, 11, 10, record("\x02", 4, day))
	if want := union([]revocation.IssuerID{issuerA}, []revocation.IssuerID{issuerB}); !slices.Equal(change.Issuers, want) {
		t.Errorf("the change is of %v, want %v", change.Issuers, want)
	}
	rows, _, err := s.Changes(0, 1)
	if err != nil || len(rows) != 1 || len(rows[0].Issuers) != 2 || rows[0].Issuer != issuerA.String() {
		t.Errorf("the row of the change: %+v, %v", rows, err)
	}
	for range 2 {
		a, b := says{findings: 1, listed: true, reason: 4, applied: true}, says{findings: 1, missing: 1, listed: true, reason: 4, applied: true}
		for serial, byDelta := range map[string]bool{"\x01": false, "\x02": true} {
			a.byDelta, b.byDelta = byDelta, byDelta
			if got := whatIsSaid(s, issuerA, serial); got != a {
				t.Errorf("issuer A, serial %x: %+v, want %+v", serial, got, a)
			}
			if got := whatIsSaid(s, issuerB, serial); got != b {
				t.Errorf("issuer B, serial %x: %+v, want %+v", serial, got, b)
			}
		}
		if rows, err := s.Revocations(issuerB, "", 10); err != nil || len(rows) != 2 {
			t.Errorf("revocations of issuer B: %+v, %v", rows, err)
		}
		s = reopen(t, s)
		s.SetScopes(shared)
	}
}

func TestASharedScopeServesEachIssuerUntilItHasWhatReplacesIt(t *testing.T) {
	both := func(a, b revocation.ScopeID) scopes { return scopes{issuerA: {{ID: a}}, issuerB: {{ID: b}}} }
	s := open(t, t.TempDir())
	configure := func(m scopes) {
		t.Helper()
		s.SetScopes(m)
		s = reopen(t, s)
		s.SetScopes(m)
	}
	s.SetScopes(both(scopeA, scopeA))
	put(t, s, issuerA, scopeA, 1, record("\x01", 4, day))

	configure(both(scopeA2, scopeB))
	isListed(t, s, "new sources that were never fetched", map[revocation.IssuerID]bool{issuerA: true, issuerB: true})

	change := put(t, s, issuerA, scopeA2, 1)
	if !change.Everything {
		t.Error("the change that ends what a scope served does not say that everything may differ")
	}
	isListed(t, s, "issuer A has its new CRL", map[revocation.IssuerID]bool{issuerA: false, issuerB: true})
	configure(both(scopeA2, scopeB))
	isListed(t, s, "issuer A has its new CRL, after a restart", map[revocation.IssuerID]bool{issuerA: false, issuerB: true})

	configure(both(scopeA, scopeB))
	isListed(t, s, "issuer A names the scope again", map[revocation.IssuerID]bool{issuerA: true, issuerB: true})
	put(t, s, issuerB, scopeB, 1)
	isListed(t, s, "issuer B has its new CRL", map[revocation.IssuerID]bool{issuerA: true, issuerB: false})

	configure(both(scopeB, scopeB))
	isListed(t, s, "nobody names it and both have another CRL", map[revocation.IssuerID]bool{issuerA: false, issuerB: false})
	if _, err := os.Stat(s.paths.scope(scopeA)); err == nil || s.CRLInfo(scopeA) != nil {
		t.Error("the scope is still there")
	}
	rows, _, err := s.Changes(0, 100)
	var retired []string
	for _, row := range rows {
		if row.Kind == "retired" {
			retired = append(retired, row.Issuer[:4]+" "+row.Scope[:4])
		}
	}
	short := func(issuer revocation.IssuerID, scope revocation.ScopeID) string {
		return issuer.String()[:4] + " " + scope.String()[:4]
	}
	if want := []string{short(issuerA, scopeA), short(issuerA, scopeA2), short(issuerB, scopeA), short(issuerA, scopeA)}; err != nil || !slices.Equal(retired, want) {
		t.Errorf("retired in the change log: %v, %v; want %v", retired, err, want)
	}
}

func TestAnIssuerThatIsNotConfiguredKeepsASharedScope(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(scopes{issuerA: {{ID: scopeA}}, issuerB: {{ID: scopeA}}})
	put(t, s, issuerA, scopeA, 1, record("\x01", 4, day))
	s.SetScopes(scopes{issuerA: {{ID: scopeA2}}})
	put(t, s, issuerA, scopeA2, 1)
	s = reopen(t, s)
	s.SetScopes(scopes{issuerA: {{ID: scopeA2}}})
	isListed(t, s, "issuer B is not configured", map[revocation.IssuerID]bool{issuerA: false, issuerB: true})
}

func TestADeltaCRLRetiresWhenNothingWaitsForWhatReplacesIt(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(withDelta)
	put(t, s, issuerA, scopeA, 10)
	putDelta(t, s, scopeD, 11, 10, record("\x01", 4, day))
	a := map[revocation.IssuerID]bool{issuerA: true}
	s.SetScopes(scopes{issuerA: {{ID: scopeA, Delta: scopeD2}}})
	isListed(t, s, "another delta configured and not fetched", a)
	s.SetScopes(scopes{issuerA: {{ID: scopeA2}}})
	isListed(t, s, "another complete CRL configured and not fetched", a)
	s.SetScopes(scopes{issuerA: {{ID: scopeA, Delta: scopeD2}}})
	put(t, s, issuerA, scopeA, 11)
	a[issuerA] = false
	isListed(t, s, "a complete CRL that is as new", a)
	if s.CRLInfo(scopeD) != nil {
		t.Error("the old delta is still there")
	}

	s.SetScopes(withDelta)
	putDelta(t, s, scopeD, 12, 10, record("\x01", 4, day))
	s.SetScopes(scopes{issuerA: {{ID: scopeA, Delta: scopeD2}}})
	putDelta(t, s, scopeD2, 12, 10)
	isListed(t, s, "the new delta fetched", a)

	s.SetScopes(withDelta)
	putDelta(t, s, scopeD, 13, 10, record("\x01", 4, day))
	s.SetScopes(scopes{issuerA: {{ID: scopeA}}})
	isListed(t, s, "no delta configured any more, the complete CRL held", a)
	if s.CRLInfo(scopeD) != nil || s.CRLInfo(scopeD2) != nil {
		t.Error("a delta is still there")
	}
}

func TestADeltaSharedByTwoCompleteCRLsRevokesOnlyWhereItFits(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(scopes{issuerA: {{ID: scopeA, Delta: scopeD}, {ID: scopeA, Delta: scopeD}, {ID: scopeA2, Delta: scopeD}}})
	put(t, s, issuerA, scopeA, 11)
	putDelta(t, s, scopeD, 11, 10, record("\x01", 4, day))
	if got, want := whatIsSaid(s, issuerA, "\x01"), (says{findings: 1, missing: 1}); got != want {
		t.Errorf("%+v, want %+v: the complete CRL is as new and does not list it", got, want)
	}
}
