package revocation

import "time"

// Decide is the decision rule: what the evidence says of a serial of a configured issuer at a moment. It is pure. In order:
//
//  1. Revoked by an administrator, a CRL or the CA's own responder is revoked, also when that evidence is stale.
//  2. Not in the CA's inventory is unknown.
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
		if !c.Listed {
			continue
		}
		because := BecauseCRL
		if c.Entry.Retained {
			because = BecauseRetained
		}
		add(&c.Entry, CertStatus{Because: because, ThisUpdate: c.Info.ThisUpdate, NextUpdate: c.Info.NextUpdate,
			ValidUntil: c.Info.NextUpdate, Fresh: isFresh(c.Info, ev, now), Source: SourceCRL, CRL: c.Info, URL: c.Info.URL})
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

// decideNotListed is the answer when no CRL lists the serial: good when every scope is held, covers the serial and is
// fresh; otherwise unknown for the first problem in the order no_crl, not_yet_valid, stale, out_of_scope. The evidence named
// is the CRL with the problem or, when good, the one that lapses first; thisUpdate is the oldest of all consulted.
func decideNotListed(ev *Evidence, now time.Time) CertStatus {
	if ev.MissingCRL > 0 || len(ev.CRLs) == 0 {
		return CertStatus{Because: BecauseNoCRL, Generation: ev.Generation}
	}
	weakest := &ev.CRLs[0]
	problem, oldest := crlProblem(weakest, ev, now), weakest.Info.ThisUpdate
	for i := range ev.CRLs[1:] {
		c := &ev.CRLs[1+i]
		p := crlProblem(c, ev, now)
		if rank(p) < rank(problem) || (p == problem && c.Info.NextUpdate.Before(weakest.Info.NextUpdate)) {
			weakest, problem = c, p
		}
		oldest = earliest(oldest, c.Info.ThisUpdate)
	}
	st := CertStatus{Because: problem, ThisUpdate: oldest, NextUpdate: weakest.Info.NextUpdate,
		Fresh: isFresh(weakest.Info, ev, now), Source: SourceCRL, CRL: weakest.Info, URL: weakest.Info.URL, Generation: ev.Generation}
	if problem == "" {
		st.Status, st.Because = Good, BecauseNotListed
		st.ValidUntil = weakest.Info.NextUpdate.Add(ev.StaleGrace)
	}
	return st
}

// isFresh says whether a CRL is within its own time; the issuer's grace does not make it fresh.
func isFresh(crl *CRLInfo, ev *Evidence, now time.Time) bool {
	return !now.Add(ev.ClockSkew).Before(crl.ThisUpdate) && now.Before(crl.NextUpdate)
}

// crlProblem says why the silence of a CRL is no evidence at a moment, "" when it is.
func crlProblem(c *CRLFinding, ev *Evidence, now time.Time) Because {
	switch {
	case now.Add(ev.ClockSkew).Before(c.Info.ThisUpdate):
		return BecauseNotYetValid
	case c.Info.NextUpdate.IsZero(), !now.Before(c.Info.NextUpdate.Add(ev.StaleGrace)):
		return BecauseStale // without nextUpdate nothing says how long the CRL holds (RFC 5280 §5.1.2.5)
	case c.OutOfScope:
		return BecauseOutOfScope
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
	case BecauseOutOfScope:
		return 3
	}
	return 4
}

// earliest returns the earlier of two times, where zero means not stated.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
