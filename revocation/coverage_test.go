package revocation_test

import (
	"testing"

	"github.com/vetopki/veto/revocation"
)

// TestGoodNeedsEveryReasonOfEveryPossibleKind: CRLs partitioned by kind and by reason add up (RFC 5280 §6.3.3 (b), (e), (l)).
func TestGoodNeedsEveryReasonOfEveryPossibleKind(t *testing.T) {
	const some = revocation.ReasonMask(1<<1 | 1<<2)
	part := func(kind revocation.Kind, reasons revocation.ReasonMask, fresh bool) revocation.CRLFinding {
		info := *freshCRL
		if !fresh {
			info = *staleCRL
		}
		info.OnlyKind, info.OnlyReasons = kind, reasons
		return revocation.CRLFinding{Info: &info, Covers: info.Coverage()}
	}
	const all = revocation.ReasonMask(0)
	for _, row := range []struct {
		fact string
		kind revocation.Kind
		crls []revocation.CRLFinding
		want revocation.Because
	}{
		{"one for all", revocation.AnyKind, []revocation.CRLFinding{part(revocation.AnyKind, all, true)}, revocation.BecauseNotListed},
		{"users only, of an end entity", revocation.EndEntity, []revocation.CRLFinding{part(revocation.EndEntity, all, true)}, revocation.BecauseNotListed},
		{"users only, of a CA", revocation.CACertificate, []revocation.CRLFinding{part(revocation.EndEntity, all, true)}, revocation.BecauseOutOfScope},
		{"users only, of nobody knows what", revocation.AnyKind, []revocation.CRLFinding{part(revocation.EndEntity, all, true)}, revocation.BecauseOutOfScope},
		{"users and CAs apart", revocation.AnyKind, []revocation.CRLFinding{part(revocation.EndEntity, all, true), part(revocation.CACertificate, all, true)}, revocation.BecauseNotListed},
		{"the CAs' is stale, of an end entity", revocation.EndEntity, []revocation.CRLFinding{part(revocation.EndEntity, all, true), part(revocation.CACertificate, all, false)}, revocation.BecauseNotListed},
		{"the CAs' is stale, of nobody knows what", revocation.AnyKind, []revocation.CRLFinding{part(revocation.EndEntity, all, true), part(revocation.CACertificate, all, false)}, revocation.BecauseStale},
		{"some reasons", revocation.EndEntity, []revocation.CRLFinding{part(revocation.AnyKind, some, true)}, revocation.BecauseOutOfScope},
		{"some reasons and the others", revocation.EndEntity, []revocation.CRLFinding{part(revocation.AnyKind, some, true), part(revocation.AnyKind, revocation.AllReasons&^some, true)}, revocation.BecauseNotListed},
		{"some reasons and the others, stale", revocation.EndEntity, []revocation.CRLFinding{part(revocation.AnyKind, some, true), part(revocation.AnyKind, revocation.AllReasons&^some, false)}, revocation.BecauseStale},
		{"some reasons of users, the others of CAs", revocation.AnyKind, []revocation.CRLFinding{part(revocation.EndEntity, some, true), part(revocation.CACertificate, revocation.AllReasons&^some, true)}, revocation.BecauseOutOfScope},
		{"attribute certificates only", revocation.EndEntity, []revocation.CRLFinding{part(revocation.AttributeCertificate, all, true)}, revocation.BecauseOutOfScope},
	} {
		got := revocation.Decide(&revocation.Evidence{CRLs: row.crls, Kind: row.kind}, now)
		if got.Because != row.want || (got.Status == revocation.Good) != (row.want == revocation.BecauseNotListed) {
			t.Errorf("%s: got %s because %s, want because %s", row.fact, got.Status, got.Because, row.want)
		}
	}
}

func TestACRLWithoutNextUpdateCountsForAsLongAsTheSettingsSay(t *testing.T) {
	info := &revocation.CRLInfo{ThisUpdate: lastWeek}
	ev := &revocation.Evidence{CRLs: []revocation.CRLFinding{{Info: info, Covers: info.Coverage()}}}
	if got := revocation.Decide(ev, now); got.Because != revocation.BecauseStale {
		t.Errorf("without a setting: got %s because %s, want stale", got.Status, got.Because)
	}
	ev.MaxAge = now.Sub(lastWeek) + 1
	if got := revocation.Decide(ev, now); got.Status != revocation.Good || !got.ValidUntil.Equal(now.Add(1)) || !got.Fresh {
		t.Errorf("within the age allowed: got %s because %s until %s", got.Status, got.Because, got.ValidUntil)
	}
	ev.MaxAge--
	if got := revocation.Decide(ev, now); got.Because != revocation.BecauseStale {
		t.Errorf("at the age allowed: got %s because %s, want stale", got.Status, got.Because)
	}
}
