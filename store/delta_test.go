package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/revocation"
)

// says is what the evidence of a serial of issuer A comes to.
type says struct {
	findings, missing int
	listed            bool
	reason            revocation.Reason // when listed
	byDelta           bool              // the delta lists it
	applied           bool              // the delta's time counts
	silent            bool              // no finding covers anything: its silence would say nothing
}

func whatIsSaid(s *Store, issuer revocation.IssuerID, serial string) says {
	ev := evidence(s, issuer, serial)
	got := says{findings: len(ev.CRLs), missing: ev.MissingCRL, silent: true}
	for _, c := range ev.CRLs {
		if c.Listed {
			got.listed, got.reason, got.byDelta = true, c.Entry.Reason, c.ListedBy != nil || c.Info.IsDelta()
		}
		got.applied = got.applied || c.Delta != nil
		got.silent = got.silent && c.Covers == revocation.Coverage{}
	}
	return got
}

var withDelta = scopes{issuerA: {{ID: scopeA, Delta: scopeD}}}

func TestADeltaCRLGoesOnTopOfItsCompleteCRL(t *testing.T) {
	const hold, gone, lifted = revocation.CertificateHold, revocation.KeyCompromise, revocation.RemoveFromCRL
	s := open(t, t.TempDir())
	s.SetScopes(withDelta)
	put(t, s, issuerA, scopeA, 10, record("\x01", hold, day), record("\x02", hold, day), record("\x03", hold, day))
	base := says{findings: 1}
	held := says{findings: 1, listed: true, reason: hold}
	check := func(when string, want map[string]says) {
		t.Helper()
		for _, restarted := range []string{"", ", after a restart"} {
			for serial, w := range want {
				if got := whatIsSaid(s, issuerA, serial); got != w {
					t.Errorf("%s%s, serial %x: %+v, want %+v", when, restarted, serial, got, w)
				}
			}
			s = reopen(t, s)
			s.SetScopes(withDelta)
		}
	}
	check("no delta yet", map[string]says{"\x01": held, "\x04": base, "\x09": base})

	entries := []revocation.Record{record("\x01", gone, day), record("\x02", lifted, day), record("\x04", gone, day), record("\x05", lifted, day)}
	putDelta(t, s, scopeD, 11, 10, entries...)
	combined := says{findings: 1, applied: true}
	byDelta := says{findings: 1, applied: true, listed: true, reason: gone, byDelta: true}
	check("it applies", map[string]says{"\x01": byDelta, "\x02": combined, "\x03": {findings: 1, applied: true, listed: true, reason: hold},
		"\x04": byDelta, "\x05": combined, "\x09": combined})

	putDelta(t, s, scopeD, 13, 12, entries...)
	ahead := says{findings: 1, listed: true, reason: gone, byDelta: true}
	check("it is ahead of the complete CRL", map[string]says{"\x01": held, "\x02": held, "\x03": held, "\x04": ahead, "\x05": base, "\x09": base})

	put(t, s, issuerA, scopeA, 13, record("\x02", hold, day))
	check("the complete CRL is as new", map[string]says{"\x01": base, "\x02": held, "\x04": base, "\x05": base, "\x09": base})
}

func TestADeltaCRLWithoutItsCompleteCRLOnlyRevokes(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(withDelta)
	putDelta(t, s, scopeD, 11, 10, record("\x01", revocation.KeyCompromise, day), record("\x02", revocation.RemoveFromCRL, day))
	revoked := says{findings: 1, missing: 1, listed: true, reason: revocation.KeyCompromise, byDelta: true, silent: true}
	nothing := says{missing: 1, silent: true}
	for serial, want := range map[string]says{"\x01": revoked, "\x02": nothing, "\x09": nothing} {
		if got := whatIsSaid(s, issuerA, serial); got != want {
			t.Errorf("serial %x: %+v, want %+v", serial, got, want)
		}
	}
	s.SetScopes(scopes{})
	revoked.missing, nothing.missing = 0, 0
	for serial, want := range map[string]says{"\x01": revoked, "\x02": nothing, "\x09": nothing} {
		if got := whatIsSaid(s, issuerA, serial); got != want {
			t.Errorf("not configured any more, serial %x: %+v, want %+v", serial, got, want)
		}
	}
}

// A delta CRL at the address of a complete one must not count as one: it is silent about nearly everything that is revoked.
func TestADeltaCRLIsNoCompleteCRL(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(scopes{issuerA: {{ID: scopeA}}})
	putDelta(t, s, scopeA, 11, 10, record("\x01", revocation.KeyCompromise, day))
	if got, want := whatIsSaid(s, issuerA, "\x01"), (says{findings: 1, missing: 1, listed: true, reason: 1, byDelta: true, silent: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := whatIsSaid(s, issuerA, "\x09"), (says{missing: 1, silent: true}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestRemovalsAreNotListedAsRevocations(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(withDelta)
	put(t, s, issuerA, scopeA, 10, record("\x01", 6, day), record("\x02", 6, day), record("\x04", 8, day))
	putDelta(t, s, scopeD, 11, 10, record("\x02", 8, day), record("\x03", 4, day), record("\x05", 8, day))
	revoke(t, s, issuerA, "\x05", 6)
	want := []revocation.Listing{
		{Serial: "\x01", Source: revocation.SourceCRL, Entry: revocation.Entry{RevokedAt: day, Reason: 6}},
		{Serial: "\x03", Source: revocation.SourceCRL, Entry: revocation.Entry{RevokedAt: day, Reason: 4}},
		{Serial: "\x04", Source: revocation.SourceCRL, Entry: revocation.Entry{RevokedAt: day, Reason: 8}}, // odd in a complete CRL: read as revoked
		{Serial: "\x05", Source: revocation.SourceAdmin, Entry: revocation.Entry{RevokedAt: day, Reason: 6}, By: "alice", Comment: "lost laptop"}}
	for _, limit := range []int{1, 2, 10} {
		var got []revocation.Listing
		for after := revocation.Serial(""); ; after = got[len(got)-1].Serial {
			page, err := s.Revocations(issuerA, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, page...); len(page) < limit {
				break
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("in pages of %d (-want +got):\n%s", limit, d)
		}
	}
	s.SetScopes(scopes{}) // the delta stands alone: it lifts nothing
	if rows, err := s.Revocations(issuerA, "\x01", 1); err != nil || len(rows) != 1 || rows[0].Serial != "\x02" {
		t.Errorf("without its complete CRL the delta lifts a revocation: %+v, %v", rows, err)
	}
}

func TestARemovalIsTheWeakestOfTwoEntries(t *testing.T) {
	s := open(t, t.TempDir())
	early := day.AddDate(0, -1, 0)
	putDelta(t, s, scopeD, 11, 10, record("\x01", 8, early), record("\x01", 6, day), record("\x02", 4, day), record("\x02", 8, early),
		record("\x03", 8, day), record("\x03", 8, early))
	for serial, want := range map[string]revocation.Entry{"\x01": {RevokedAt: day, Reason: 6}, "\x02": {RevokedAt: day, Reason: 4}} {
		ev := evidence(s, issuerA, serial)
		if len(ev.CRLs) != 1 || ev.CRLs[0].Entry != want {
			t.Errorf("serial %x: %+v, want %+v", serial, ev.CRLs, want)
		}
	}
	if got := whatIsSaid(s, issuerA, "\x03"); got.listed {
		t.Errorf("a serial that is removed twice: %+v", got)
	}
}

// A swap can change what a delta CRL says of serials that stand in both generations alike. Whoever keeps answers must hear of them.
func TestASwapThatChangesHowADeltaFitsNamesItsSerials(t *testing.T) {
	const hold, lifted = revocation.CertificateHold, revocation.RemoveFromCRL
	both := []revocation.Record{record("\x01", hold, day), record("\x02", hold, day)}
	removal := []revocation.Record{record("\x02", lifted, day)}
	for name, c := range map[string]struct {
		delta [2]int // number and base
		swap  func(*testing.T, *Store) revocation.CRLChange
		want  []revocation.Serial
	}{
		"the complete CRL catches up with the delta's base": {[2]int{13, 12}, func(t *testing.T, s *Store) revocation.CRLChange {
			return put(t, s, issuerA, scopeA, 12, both...)
		}, []revocation.Serial{"\x02"}},
		"the complete CRL makes the delta obsolete": {[2]int{11, 10}, func(t *testing.T, s *Store) revocation.CRLChange {
			return put(t, s, issuerA, scopeA, 11, both...)
		}, []revocation.Serial{"\x02"}},
		"the complete CRL stays below the delta": {[2]int{13, 10}, func(t *testing.T, s *Store) revocation.CRLChange {
			return put(t, s, issuerA, scopeA, 12, both...)
		}, nil},
		"the next delta is ahead of the complete CRL": {[2]int{11, 10}, func(t *testing.T, s *Store) revocation.CRLChange {
			return putDelta(t, s, scopeD, 13, 12, append(removal, record("\x03", hold, day))...)
		}, []revocation.Serial{"\x02", "\x03"}},
		"the next delta applies like the one before": {[2]int{11, 10}, func(t *testing.T, s *Store) revocation.CRLChange {
			return putDelta(t, s, scopeD, 12, 10, append(removal, record("\x03", hold, day))...)
		}, []revocation.Serial{"\x03"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, t.TempDir())
			s.SetScopes(withDelta)
			put(t, s, issuerA, scopeA, 10, both...)
			putDelta(t, s, scopeD, c.delta[0], c.delta[1], removal...)
			change := c.swap(t, s)
			if d := cmp.Diff(c.want, change.Serials); d != "" || change.Everything {
				t.Errorf("everything %v, serials (-want +got):\n%s", change.Everything, d)
			}
		})
	}
}

func TestTheFirstCompleteCRLNamesWhatItsDeltaLists(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(withDelta)
	putDelta(t, s, scopeD, 11, 10, record("\x02", 4, day))
	change := put(t, s, issuerA, scopeA, 12, record("\x01", 4, day))
	if d := cmp.Diff([]revocation.Serial{"\x01", "\x02"}, change.Serials); d != "" {
		t.Errorf("serials (-want +got):\n%s", d)
	}
	if got := whatIsSaid(s, issuerA, "\x02"); got.listed {
		t.Errorf("the complete CRL is newer and does not list it: %+v", got)
	}
}

func TestALookupWithADeltaAllocatesNothing(t *testing.T) {
	s := open(t, t.TempDir())
	s.SetScopes(withDelta)
	put(t, s, issuerA, scopeA, 10, manyEntries(500, 6)...)
	putDelta(t, s, scopeD, 11, 10, manyEntries(50, 8)...)
	serial := revocation.Serial(manyEntries(1, 6)[0].Serial)
	ev := revocation.Evidence{CRLs: make([]revocation.CRLFinding, 0, 2)}
	if n := testing.AllocsPerRun(100, func() { s.Evidence(issuerA, serial, &ev) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
