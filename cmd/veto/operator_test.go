package main

import (
	"testing"
	"time"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
)

// TestTheShrinkGuardWatchesWhatIsFetched: crlfetch's builds are guarded by the percentage of their source.
func TestTheShrinkGuardWatchesWhatIsFetched(t *testing.T) {
	st, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var issuer revocation.IssuerID
	scope := revocation.ScopeIDOf(issuer, "http://crl.test/")
	for _, step := range []struct {
		entries, retained int
		maxShrink         float64
	}{{200, 0, 20}, {0, 200, 20}, {200, 0, 20}, {0, 0, 100}} {
		build, err := builder{st}.NewBuild(issuer, scope)
		if err != nil {
			t.Fatal(err)
		}
		for i := range step.entries {
			if err := build.Add(&revocation.Record{Serial: []byte{1, byte(i)}, RevokedAt: time.Now().Unix()}); err != nil {
				t.Fatal(err)
			}
		}
		signed, err := st.TempFile()
		if err != nil {
			t.Fatal(err)
		}
		signed.Close()
		info := &revocation.CRLInfo{Issuer: issuer, Scope: scope, Entries: step.entries}
		if _, err := build.Commit(info, signed.Name(), revocation.SourceState{}, step.maxShrink); err != nil {
			t.Fatal(err)
		}
		if got := st.CRLInfo(scope).Retained; got != step.retained {
			t.Errorf("%d entries with max_shrink %v: %d retained, want %d", step.entries, step.maxShrink, got, step.retained)
		}
	}
}
