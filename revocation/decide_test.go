package revocation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/vetopki/veto/revocation"
)

var (
	now      = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	lastWeek = now.Add(-7 * 24 * time.Hour)
)

func crl(thisUpdate, nextUpdate time.Duration) *revocation.CRLInfo {
	return &revocation.CRLInfo{URL: "http://crl.test/1", Number: "\x07", ThisUpdate: now.Add(thisUpdate), NextUpdate: now.Add(nextUpdate)}
}

// whole covers every certificate for all reasons.
var whole = (&revocation.CRLInfo{}).Coverage()

var (
	freshCRL  = crl(-time.Hour, time.Hour)
	staleCRL  = crl(-2*time.Hour, -time.Hour)
	futureCRL = crl(time.Hour, 2*time.Hour)
)

// TestDecideTruthTable walks every combination of the kinds of evidence and checks each against the rule of the design,
// stated here a second time and in another form: as a list of conditions in order.
func TestDecideTruthTable(t *testing.T) {
	crls := map[string][]revocation.CRLFinding{
		"none":          nil,
		"fresh":         {{Info: freshCRL, Covers: whole}},
		"fresh, listed": {{Info: freshCRL, Covers: whole, Listed: true, Entry: revocation.Entry{RevokedAt: lastWeek, Reason: revocation.Superseded}}},
		"stale":         {{Info: staleCRL, Covers: whole}},
		"stale, listed": {{Info: staleCRL, Covers: whole, Listed: true, Entry: revocation.Entry{RevokedAt: lastWeek}}},
		"not yet valid": {{Info: futureCRL, Covers: whole}},
		"out of scope":  {{Info: freshCRL, Covers: revocation.Coverage{}}},
		"no nextUpdate": {{Info: &revocation.CRLInfo{ThisUpdate: lastWeek}, Covers: whole}},
	}
	admins := map[string]*revocation.AdminRecord{
		"none":     nil,
		"revoked":  {Entry: revocation.Entry{RevokedAt: lastWeek, Reason: revocation.KeyCompromise}},
		"hold":     {Entry: revocation.Entry{RevokedAt: lastWeek, Reason: revocation.CertificateHold}},
		"released": {Entry: revocation.Entry{RevokedAt: lastWeek, Reason: revocation.CertificateHold}, Released: true},
	}
	upstreams := map[string]*revocation.UpstreamFinding{
		"none":       nil,
		"good":       {Status: revocation.Good, ThisUpdate: lastWeek, NextUpdate: now.Add(time.Hour)},
		"stale good": {Status: revocation.Good, ThisUpdate: lastWeek, NextUpdate: now.Add(-time.Hour)},
		"revoked":    {Status: revocation.Revoked, Entry: revocation.Entry{RevokedAt: lastWeek}, NextUpdate: now.Add(-time.Hour)},
		"unknown":    {Status: revocation.Unknown, NextUpdate: now.Add(time.Hour)},
	}
	inventories := map[string]revocation.InventoryFinding{"off": revocation.InventoryOff, "issued": revocation.Issued,
		"not issued": revocation.NotIssued, "damaged": revocation.InventoryDamaged}

	rows := 0
	for crlName, findings := range crls {
		for adminName, admin := range admins {
			for upName, up := range upstreams {
				for invName, inv := range inventories {
					for flags := range 8 {
						missing, administered, fenced := flags&1, flags&2 != 0, flags&4 != 0
						rows++
						ev := &revocation.Evidence{CRLs: findings, Admin: admin, Upstream: up, Inventory: inv,
							MissingCRL: missing, Administered: administered, Fenced: fenced, Generation: 9}
						got := revocation.Decide(ev, now)
						status, because := func() (revocation.Status, revocation.Because) {
							listed := crlName == "fresh, listed" || crlName == "stale, listed"
							switch {
							case adminName == "revoked":
								return revocation.Revoked, revocation.BecauseAdmin
							case listed:
								return revocation.Revoked, revocation.BecauseCRL
							case upName == "revoked":
								return revocation.Revoked, revocation.BecauseUpstream
							case adminName == "hold":
								return revocation.Revoked, revocation.BecauseAdmin
							case invName == "not issued":
								return revocation.Unknown, revocation.BecauseNotIssued
							case invName == "damaged":
								return revocation.Unknown, revocation.BecauseNoCRL
							case fenced:
								return revocation.Unknown, revocation.BecauseFenced
							case administered:
								return revocation.Good, revocation.BecauseNotListed
							case crlName == "fresh" && missing == 0:
								return revocation.Good, revocation.BecauseNotListed
							case upName == "good":
								return revocation.Good, revocation.BecauseUpstream
							case crlName == "none" || missing > 0:
								return revocation.Unknown, revocation.BecauseNoCRL
							case crlName == "not yet valid":
								return revocation.Unknown, revocation.BecauseNotYetValid
							case crlName == "out of scope":
								return revocation.Unknown, revocation.BecauseOutOfScope
							}
							return revocation.Unknown, revocation.BecauseStale
						}()
						if got.Status != status || got.Because != because || got.Generation != 9 {
							t.Errorf("crl %s, admin %s, upstream %s, inventory %s, missing %d, administered %v, fenced %v:\ngot %s because %s (generation %d), want %s because %s",
								crlName, adminName, upName, invName, missing, administered, fenced, got.Status, got.Because, got.Generation, status, because)
						}
					}
				}
			}
		}
	}
	if want := len(crls) * len(admins) * len(upstreams) * len(inventories) * 8; rows != want {
		t.Fatalf("%d rows, want %d", rows, want)
	}
}

func TestDecideMergesRevocations(t *testing.T) {
	early, late := now.Add(-10*time.Hour), now.Add(-time.Hour)
	listed := func(at time.Time, r revocation.Reason) []revocation.CRLFinding {
		return []revocation.CRLFinding{{Info: freshCRL, Covers: whole, Listed: true, Entry: revocation.Entry{RevokedAt: at, Reason: r}}}
	}
	said := func(at time.Time, r revocation.Reason) *revocation.AdminRecord {
		return &revocation.AdminRecord{Entry: revocation.Entry{RevokedAt: at, Reason: r}}
	}
	for _, row := range []struct {
		fact    string
		crls    []revocation.CRLFinding
		admin   *revocation.AdminRecord
		reason  revocation.Reason
		at      time.Time
		because revocation.Because
	}{
		{"the earliest date wins, the CRL names an equal reason", listed(late, revocation.Superseded), said(early, revocation.CessationOfOperation), revocation.Superseded, early, revocation.BecauseCRL},
		{"keyCompromise beats all", listed(early, revocation.Superseded), said(late, revocation.KeyCompromise), revocation.KeyCompromise, early, revocation.BecauseAdmin},
		{"a permanent reason beats a hold", listed(early, revocation.CertificateHold), said(late, revocation.Unspecified), revocation.Unspecified, early, revocation.BecauseAdmin},
		{"an administrator's hold adds nothing to a CRL's permanent reason", listed(late, revocation.Unspecified), said(early, revocation.CertificateHold), revocation.Unspecified, early, revocation.BecauseCRL},
		{"a retained entry says so", []revocation.CRLFinding{{Info: freshCRL, Covers: whole, Listed: true, Entry: revocation.Entry{RevokedAt: late, Retained: true}}}, nil, revocation.Unspecified, late, revocation.BecauseRetained},
	} {
		t.Run(row.fact, func(t *testing.T) {
			got := revocation.Decide(&revocation.Evidence{CRLs: row.crls, Admin: row.admin}, now)
			if got.Reason != row.reason || !got.RevokedAt.Equal(row.at) || got.Because != row.because {
				t.Errorf("got %s since %s because %s, want %s since %s because %s",
					got.Reason, got.RevokedAt, got.Because, row.reason, row.at, row.because)
			}
		})
	}
}

func TestDecideTimes(t *testing.T) {
	at := func(d time.Duration) time.Time { return freshCRL.NextUpdate.Add(d) }
	for _, row := range []struct {
		fact  string
		grace time.Duration
		now   time.Time
		want  revocation.Status
		fresh bool
	}{
		{"good one second before nextUpdate", 0, at(-time.Second), revocation.Good, true},
		{"unknown at nextUpdate itself", 0, at(0), revocation.Unknown, false},
		{"good within the grace, and not fresh", time.Hour, at(59 * time.Minute), revocation.Good, false},
		{"unknown at the end of the grace", time.Hour, at(time.Hour), revocation.Unknown, false},
	} {
		t.Run(row.fact, func(t *testing.T) {
			ev := &revocation.Evidence{CRLs: []revocation.CRLFinding{{Info: freshCRL, Covers: whole}}, StaleGrace: row.grace}
			got := revocation.Decide(ev, row.now)
			if got.Status != row.want || got.Fresh != row.fresh {
				t.Errorf("got %s fresh %v, want %s fresh %v", got.Status, got.Fresh, row.want, row.fresh)
			}
			if got.Status == revocation.Good && !got.ValidUntil.Equal(at(row.grace)) {
				t.Errorf("valid until %s, want %s", got.ValidUntil, at(row.grace))
			}
		})
	}
	skewed := &revocation.Evidence{CRLs: []revocation.CRLFinding{{Info: crl(time.Minute, time.Hour), Covers: whole}}, ClockSkew: 5 * time.Minute}
	if got := revocation.Decide(skewed, now); got.Status != revocation.Good {
		t.Errorf("a thisUpdate a minute ahead within a skew of five: got %s because %s, want good", got.Status, got.Because)
	}
}

func TestDecideWithSeveralScopesNamesTheWeakest(t *testing.T) {
	soon := crl(-3*time.Hour, 10*time.Minute)
	for order, findings := range [][]revocation.CRLFinding{{{Info: freshCRL, Covers: whole}, {Info: soon, Covers: whole}}, {{Info: soon, Covers: whole}, {Info: freshCRL, Covers: whole}}} {
		got := revocation.Decide(&revocation.Evidence{CRLs: findings}, now)
		if got.Status != revocation.Good || got.CRL != soon || !got.ThisUpdate.Equal(soon.ThisUpdate) || !got.NextUpdate.Equal(soon.NextUpdate) {
			t.Errorf("order %d: got %s by %+v, want good by the CRL that lapses first", order, got.Status, got.CRL)
		}
	}
	for order, findings := range [][]revocation.CRLFinding{{{Info: freshCRL, Covers: whole}, {Info: staleCRL, Covers: whole}}, {{Info: staleCRL, Covers: whole}, {Info: freshCRL, Covers: whole}}} {
		got := revocation.Decide(&revocation.Evidence{CRLs: findings}, now)
		if got.Status != revocation.Unknown || got.Because != revocation.BecauseStale || got.CRL != staleCRL {
			t.Errorf("order %d: got %s because %s, want unknown because stale", order, got.Status, got.Because)
		}
	}
}

func TestAmend(t *testing.T) {
	at := now.Add(-time.Hour)
	record := func(r revocation.Reason, at time.Time) *revocation.AdminRecord {
		return &revocation.AdminRecord{Entry: revocation.Entry{RevokedAt: at, Reason: r}, RecordedAt: now}
	}
	released := record(revocation.CertificateHold, at)
	released.Released = true
	const conflict = revocation.Outcome(99)
	for _, row := range []struct {
		fact     string
		standing *revocation.AdminRecord
		want     *revocation.AdminRecord
		outcome  revocation.Outcome
	}{
		{"nothing stands: created", nil, record(revocation.Superseded, at), revocation.Created},
		{"a released hold: created anew", released, record(revocation.Superseded, at), revocation.Created},
		{"the same again: unchanged", record(revocation.Superseded, at), record(revocation.Superseded, at), revocation.Unchanged},
		{"the same reason without a date: unchanged", record(revocation.Superseded, at), record(revocation.Superseded, time.Time{}), revocation.Unchanged},
		{"another date: conflict", record(revocation.Superseded, at), record(revocation.Superseded, at.Add(time.Minute)), conflict},
		{"another permanent reason: conflict", record(revocation.Superseded, at), record(revocation.CessationOfOperation, at), conflict},
		{"a hold becomes permanent: upgraded", record(revocation.CertificateHold, at), record(revocation.Superseded, now), revocation.Upgraded},
		{"a permanent reason becomes a hold: conflict", record(revocation.Superseded, at), record(revocation.CertificateHold, at), conflict},
		{"any reason becomes keyCompromise: upgraded", record(revocation.Superseded, at), record(revocation.KeyCompromise, now), revocation.Upgraded},
		{"keyCompromise becomes another: conflict", record(revocation.KeyCompromise, at), record(revocation.Superseded, at), conflict},
	} {
		t.Run(row.fact, func(t *testing.T) {
			got, outcome, err := row.standing.Amend(*row.want)
			if row.outcome == conflict {
				if _, ok := err.(*revocation.Conflict); !ok {
					t.Fatalf("got %v, %v, want a conflict", outcome, err)
				}
				return
			}
			if err != nil || outcome != row.outcome {
				t.Fatalf("got %v, %v, want %v", outcome, err, row.outcome)
			}
			if got.RevokedAt.After(at) {
				t.Errorf("the date moved later: %s, stood %s", got.RevokedAt, at)
			}
		})
	}
}

func TestReleaseLiftsOnlyAHold(t *testing.T) {
	hold := &revocation.AdminRecord{Entry: revocation.Entry{Reason: revocation.CertificateHold, RevokedAt: lastWeek}}
	got, err := hold.Release("ops", "found again", now)
	if err != nil || !got.Released || got.By != "ops" || got.Stands() {
		t.Errorf("releasing a hold: got %+v, %v", got, err)
	}
	if _, err := got.Release("ops", "", now); err != revocation.ErrNoRecord {
		t.Errorf("releasing twice: got %v, want ErrNoRecord", err)
	}
	permanent := &revocation.AdminRecord{Entry: revocation.Entry{Reason: revocation.Superseded}}
	if _, err := permanent.Release("ops", "", now); fmt.Sprintf("%T", err) != "*revocation.Conflict" {
		t.Errorf("releasing a permanent revocation: got %v, want a conflict", err)
	}
}
