package revocation

import (
	"cmp"
	"time"
)

// Decide is the decision rule: what the evidence says of a serial of a configured issuer at a moment. It is pure. In order:
//
//  1. Revoked by an administrator, a CRL or the CA's own responder is revoked, also when that evidence is stale.
//  2. Not in the CA's inventory is unknown, and so is a serial for which the inventory cannot be read.
//  3. A replica cut off for too long knows nothing good.
//  4. Not listed by fresh CRLs that cover the serial is good.
//  5. Not revoked by the administrators of an issuer administered here is good.
//  6. Good by a fresh response of the CA's own responder is good.
//  7. Everything else is unknown.
func Decide(ev *Evidence, now time.Time) CertStatus {
	if st, revoked := decideRevoked(ev, now); revoked {
		return st
	}
	switch {
	case ev.Inventory == NotIssued:
		return CertStatus{Because: BecauseNotIssued, Source: SourceInventory, Generation: ev.Generation}
	case ev.Inventory == InventoryDamaged: // lost evidence, as a CRL that cannot be read
		return CertStatus{Because: BecauseNoCRL, Source: SourceInventory, Generation: ev.Generation}
	case ev.Fenced:
		return CertStatus{Because: BecauseFenced, Generation: ev.Generation}
	case ev.Administered:
		return CertStatus{Status: Good, Because: BecauseNotListed, Fresh: true, Source: SourceAdmin, Generation: ev.Generation}
	}
	byCRL := decideNotListed(ev, now)
	if byCRL.Status != Good && ev.Upstream != nil && upstreamSaysGood(ev, now) {
		up := ev.Upstream
		return CertStatus{Status: Good, Because: BecauseUpstream, ThisUpdate: up.ThisUpdate, NextUpdate: up.NextUpdate,
			ValidUntil: up.NextUpdate, Fresh: true, Source: SourceUpstream, URL: up.URL, Generation: ev.Generation}
	}
	return byCRL
}

// decideRevoked merges every source that says revoked: the earliest date wins, the strongest source names the reason and
// is the evidence. At equal strength a CRL goes before an administrator, the CA before a copy of its word.
func decideRevoked(ev *Evidence, now time.Time) (st CertStatus, revoked bool) {
	var strongest int
	add := func(e *Entry, source CertStatus) {
		if s := e.Reason.strength(); s > strongest {
			strongest = s
			source.Status, source.Reason = Revoked, e.Reason
			source.RevokedAt, source.InvalidityDate = earliest(st.RevokedAt, e.RevokedAt), earliest(st.InvalidityDate, e.InvalidityDate)
			source.Generation = ev.Generation
			st = source
			return
		}
		st.RevokedAt, st.InvalidityDate = earliest(st.RevokedAt, e.RevokedAt), earliest(st.InvalidityDate, e.InvalidityDate)
	}
	for i := range ev.CRLs {
		c := &ev.CRLs[i]
		if !c.lists(now) {
			continue
		}
		because := BecauseCRL
		if c.Entry.Retained {
			because = BecauseRetained
		}
		by := cmp.Or(c.ListedBy, c.Info)
		add(&c.Entry, CertStatus{Because: because, ThisUpdate: by.ThisUpdate, NextUpdate: by.NextUpdate,
			ValidUntil: by.NextUpdate, Fresh: isFresh(by, ev, now), Source: SourceCRL, CRL: by, URL: by.URL})
	}
	if ev.Admin.Stands() {
		add(&ev.Admin.Entry, CertStatus{Because: BecauseAdmin, Fresh: true, Source: SourceAdmin})
	}
	if up := ev.Upstream; up != nil && up.Status == Revoked {
		add(&up.Entry, CertStatus{Because: BecauseUpstream, ThisUpdate: up.ThisUpdate, NextUpdate: up.NextUpdate,
			ValidUntil: up.NextUpdate, Fresh: now.Before(up.NextUpdate), Source: SourceUpstream, URL: up.URL})
	}
	return st, strongest > 0
}

// decideNotListed is the answer when no CRL lists the serial: good when every scope is held, those that speak of the
// certificate are fresh, and together they cover it for all reasons; otherwise unknown for the first problem in the order no_crl,
// not_yet_valid, stale, out_of_scope. The evidence named is the CRL with the problem or, when good, the one that lapses first;
// thisUpdate is the oldest of all consulted.
func decideNotListed(ev *Evidence, now time.Time) CertStatus {
	if ev.MissingCRL > 0 || len(ev.CRLs) == 0 {
		return CertStatus{Because: BecauseNoCRL, Generation: ev.Generation}
	}
	var covered Coverage
	var weakest *CRLInfo
	var problem Because
	var oldest time.Time
	for i := range ev.CRLs {
		c := &ev.CRLs[i]
		speaks := c.Covers.Of(ev.Kind)
		if speaks == (Coverage{}) {
			continue
		}
		covered = covered.And(speaks)
		crl := c.window(now)
		p := crlProblem(crl, ev, now)
		if weakest == nil || rank(p) < rank(problem) || p == problem && until(crl, ev).Before(until(weakest, ev)) {
			weakest, problem = crl, p
		}
		oldest = earliest(oldest, crl.ThisUpdate)
	}
	switch {
	case weakest == nil:
		weakest, problem = ev.CRLs[0].Info, BecauseOutOfScope
		oldest = weakest.ThisUpdate
	case problem == "" && !covered.Whole(ev.Kind):
		problem = BecauseOutOfScope
	}
	st := CertStatus{Because: problem, ThisUpdate: oldest, NextUpdate: until(weakest, ev),
		Fresh: isFresh(weakest, ev, now), Source: SourceCRL, CRL: weakest, URL: weakest.URL, Generation: ev.Generation}
	if problem == "" {
		st.Status, st.Because = Good, BecauseNotListed
		st.ValidUntil = st.NextUpdate.Add(ev.StaleGrace)
	}
	return st
}

func until(crl *CRLInfo, ev *Evidence) time.Time { return crl.Lapses(ev.MaxAge) }

// isFresh says whether a CRL is within its own time; the issuer's grace does not make it fresh.
func isFresh(crl *CRLInfo, ev *Evidence, now time.Time) bool {
	return !now.Add(ev.ClockSkew).Before(crl.ThisUpdate) && now.Before(until(crl, ev))
}

// crlProblem says why the silence of a CRL is no evidence at a moment, "" when it is.
func crlProblem(crl *CRLInfo, ev *Evidence, now time.Time) Because {
	end := until(crl, ev)
	switch {
	case now.Add(ev.ClockSkew).Before(crl.ThisUpdate):
		return BecauseNotYetValid
	case end.IsZero(), !now.Before(end.Add(ev.StaleGrace)):
		return BecauseStale
	}
	return ""
}

func upstreamSaysGood(ev *Evidence, now time.Time) bool {
	up := ev.Upstream
	return up.Status == Good && now.Before(up.NextUpdate) && !now.Add(ev.ClockSkew).Before(up.ThisUpdate)
}

// rank orders the problems of a CRL, the one to report first; no problem comes last.
func rank(b Because) int {
	switch b {
	case BecauseNotYetValid:
		return 1
	case BecauseStale:
		return 2
	}
	return 3
}

// earliest returns the earlier of two times, where zero means not stated.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
