package main

import (
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/crlfetch"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
)

// crlSource is one CRL of an issuer's configuration: its series of complete CRLs and, where there is one, that of its delta CRLs.
type crlSource struct {
	crlfetch.Source
	delta *crlfetch.Source
}

// sourceOf makes the source of a configured CRL.
func sourceOf(issuer revocation.Issuer, ic config.Issuer, crl config.CRL, e config.Egress) crlSource {
	src := crlSource{Source: crlfetch.Source{Issuer: issuer, Certificates: ic.Certificates, Signers: crl.Signers, URL: crl.URL, Mirrors: crl.Mirrors,
		DistributionPoint: crl.DistributionPoint, Every: ic.Refresh.Every, Timeout: ic.Refresh.Timeout, MaxBytes: ic.Refresh.MaxBytes,
		MaxShrink: ic.Refresh.MaxShrink, RedirectHosts: crl.RedirectHosts,
		Egress: crlfetch.Egress{Deny: e.Deny, Allow: e.Allow, Discovered: crl.FromCertificate != ""}}}
	if crl.Delta == "" {
		return src
	}
	delta := src.Source
	delta.URL, delta.Mirrors, delta.Delta, delta.Base = crl.Delta, crl.DeltaMirrors, true, src.Scope()
	delta.Egress.Discovered = false
	if crl.Delta == config.Freshest {
		delta.URL += src.Scope().String()[:12] // the issuer may have several, and a source is told from others by its URL
	}
	src.delta = &delta
	return src
}

// check finds what only the fetcher knows of URLs, such as how LDAP URLs read. Those of a certificate are not the operator's to put
// right: what is wrong with them shows when they are fetched.
func (s *crlSource) check() error {
	for _, series := range s.series() {
		if series.Egress.Discovered {
			continue
		}
		for _, url := range append([]string{series.URL}, series.Mirrors...) {
			if err := crlfetch.CheckURL(url); err != nil {
				return err
			}
		}
	}
	return nil
}

// series are what is fetched for it.
func (s *crlSource) series() []crlfetch.Source {
	if s.delta == nil {
		return []crlfetch.Source{s.Source}
	}
	return []crlfetch.Source{s.Source, *s.delta}
}

// scope is what the store is told of it.
func (s *crlSource) scope() store.Scope {
	sc := store.Scope{ID: s.Scope()}
	if s.delta != nil {
		sc.Delta = s.delta.Scope()
	}
	return sc
}

// held is what the store holds for a source; each is nil when none is held.
type held struct {
	complete, delta *revocation.CRLInfo
}

func (d *directory) held(src *crlSource) held {
	h := held{complete: d.store.CRLInfo(src.Scope())}
	if src.delta != nil {
		h.delta = d.store.CRLInfo(src.delta.Scope())
	}
	return h
}

// fit says how the delta CRL goes with the complete one, as api.SourceReport names it; "" when one is missing.
func (h held) fit() string {
	if h.complete == nil || h.delta == nil {
		return ""
	}
	switch revocation.FitOf(h.complete, h.delta) {
	case revocation.DeltaApplies:
		return "applies"
	case revocation.DeltaObsolete:
		return "obsolete"
	case revocation.DeltaAhead:
		return "ahead"
	}
	return "apart"
}

// counts says whether the silence of the CRL is evidence now: it is within its time, or a delta CRL on top of it is (RFC 5280 §5.2.4).
func (h held) counts(k *knownIssuer, now time.Time) bool {
	within := func(c *revocation.CRLInfo) bool {
		end := c.Lapses(k.config.Refresh.MaxAge)
		return !end.IsZero() && now.Before(end.Add(k.config.Refresh.StaleGrace)) && !now.Add(clockSkew).Before(c.ThisUpdate)
	}
	return h.complete != nil && (within(h.complete) || h.fit() == "applies" && within(h.delta))
}

// sourceReports are one for the complete CRLs and, after it, one for the delta CRLs.
func (d *directory) sourceReports(k *knownIssuer, src crlSource, fetches map[revocation.ScopeID]*crlfetch.Report, now time.Time) []api.SourceReport {
	h := d.held(&src)
	r := d.sourceReport(k, &src.Source, h.complete, now)
	if r.Retained > 0 {
		r.Alarm = d.store.RetainedAlarm(src.Scope())
	}
	fetchReport(&r, fetches[src.Scope()])
	list := []api.SourceReport{r}
	if src.delta != nil {
		delta := d.sourceReport(k, src.delta, h.delta, now)
		delta.DeltaOf, delta.Delta = src.URL, h.fit()
		fetchReport(&delta, fetches[src.delta.Scope()])
		list = append(list, delta)
	}
	return list
}

func (d *directory) sourceReport(k *knownIssuer, src *crlfetch.Source, info *revocation.CRLInfo, now time.Time) api.SourceReport {
	st := d.store.SourceState(src.Scope())
	r := api.SourceReport{URL: src.URL, LastFetch: st.FetchedAt, LastChecked: st.CheckedAt, LastError: st.LastError,
		Failures: st.Failures, NextFetch: st.NextFetch, Freshness: "none"}
	if info == nil {
		return r
	}
	r.CRLNumber, r.BaseNumber, r.ThisUpdate, r.NextUpdate = info.Number.String(), info.BaseNumber.String(), info.ThisUpdate, info.NextUpdate
	r.Entries, r.Retained, r.SHA256, r.Size = info.Entries, info.Retained, hexOf(info.SHA256[:]), info.Size
	r.Scope = scopeReport(info)
	end := info.Lapses(k.config.Refresh.MaxAge)
	if r.Fresh = now.Before(end) && !now.Add(clockSkew).Before(info.ThisUpdate); r.Fresh {
		r.Freshness = "fresh"
	} else {
		r.Freshness = "stale"
	}
	return r
}

// fetchReport adds how fetching goes; nothing is known before the refresher has the source.
func fetchReport(r *api.SourceReport, f *crlfetch.Report) {
	if f == nil {
		return
	}
	r.Waiting = f.Waiting
	if p := f.Progress; p.Doing != "" {
		r.Fetching = &api.ProgressObject{Doing: p.Doing, Octets: p.Octets, Of: p.Of, Entries: p.Entries}
	}
}

// scopeReport is nil for a CRL that speaks of everything its issuer issued.
func scopeReport(info *revocation.CRLInfo) *api.ScopeObject {
	kinds := map[revocation.Kind]string{revocation.EndEntity: "end-entity", revocation.CACertificate: "ca", revocation.AttributeCertificate: "attribute"}
	s := &api.ScopeObject{OnlyKind: kinds[info.OnlyKind], OnlyReasons: info.OnlyReasons.Names(), DistributionPoints: info.DistributionPoints}
	if idp, err := crlder.ParseIssuingDistributionPoint(info.IDP); info.IDP != nil && err == nil {
		s.Indirect = idp.Indirect
	}
	if s.OnlyKind == "" && s.OnlyReasons == nil && s.DistributionPoints == nil && !s.Indirect {
		return nil
	}
	return s
}
