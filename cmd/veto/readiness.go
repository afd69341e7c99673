package main

import (
	"fmt"
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
)

// Ready reports for each issuer whether it can be answered for: every complete CRL is held and counts, and together they speak of
// everything it issues. Delta CRLs only bring news earlier, so that they are no condition.
func (d *directory) Ready(now time.Time) []api.IssuerReadiness {
	var all []api.IssuerReadiness
	t := d.table.Load()
	now, _ = d.store.Clock(now)
	for i := range t.issuers {
		k := &t.issuers[i]
		problem := d.problem(k, now)
		all = append(all, api.IssuerReadiness{Issuer: k.Name, Required: true, Ready: problem == "", Problem: problem, Warnings: d.warnings(k, now)})
	}
	return all
}

// problem is the first thing that keeps an issuer from being answered for, "" when all is well.
func (d *directory) problem(k *knownIssuer, now time.Time) string {
	var covered revocation.Coverage
	for i := range k.sources {
		src := &k.sources[i]
		h := d.held(src)
		if h.complete == nil {
			return "no CRL was accepted yet from " + src.URL
		}
		end := h.complete.Lapses(k.config.Refresh.MaxAge)
		switch {
		case d.store.Overtaken(src.Scope()):
			return "the CRL from " + src.URL + " was damaged on disk and is not fetched again yet"
		case h.counts(k, now):
		case end.IsZero():
			return "the CRL from " + src.URL + " has no nextUpdate, so that it is never fresh; refresh.max_age says for how long to believe it"
		case now.Add(clockSkew).Before(h.complete.ThisUpdate):
			return "the CRL from " + src.URL + " is from " + stamp(h.complete.ThisUpdate) + ", ahead of the clock"
		default:
			return "the CRL from " + src.URL + " is stale since " + stamp(end)
		}
		covered = covered.And(h.complete.Coverage())
	}
	if issued := kindIssued(k.config.Issues); len(k.sources) > 0 && !covered.Whole(issued) {
		return fmt.Sprintf("the CRLs held do not cover %s for all reasons: add those that are missing, or say in issues what the CA issues", issued)
	}
	return d.evidenceProblem(k, now)
}

// warnings are what does not keep an issuer from being answered for, and should be looked at.
func (d *directory) warnings(k *knownIssuer, now time.Time) (list []string) {
	for i := range k.sources {
		src := &k.sources[i]
		h := d.held(src)
		if h.complete != nil && h.complete.Retained > 0 && d.store.RetainedAlarm(src.Scope()) {
			list = append(list, fmt.Sprintf("the CRL from %s dropped %d of its entries at once: they stay revoked until an administrator accepts "+
				"that, or keeps them (veto accept)", src.URL, h.complete.Retained))
		}
		if src.delta != nil {
			list = append(list, h.deltaWarnings(src.delta.URL, now)...)
		}
	}
	return list
}

func (h held) deltaWarnings(url string, now time.Time) (list []string) {
	if h.delta == nil {
		return []string{"no delta CRL was accepted yet from " + url}
	}
	if end := h.delta.NextUpdate; !end.IsZero() && !now.Before(end) && h.fit() != "obsolete" {
		list = append(list, "the delta CRL from "+url+" is stale since "+stamp(end))
	}
	switch h.fit() {
	case "ahead":
		list = append(list, fmt.Sprintf("the delta CRL from %s lists changes since number %s, and the complete CRL held is number %s: until that is "+
			"fetched it only revokes", url, h.delta.BaseNumber, h.complete.Number))
	case "apart":
		list = append(list, "the delta CRL from "+url+" is of another key or scope than the complete CRL: it only revokes")
	}
	return list
}

// firstProblem is the first thing that keeps an issuer from being answered for, "" when all is well.
func (d *directory) firstProblem() string {
	for _, r := range d.Ready(time.Now()) {
		if !r.Ready {
			return r.Problem
		}
	}
	return ""
}
