package main

import (
	"bytes"
	"crypto/x509"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/crlfetch"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
	"github.com/vetopki/veto/upstream"
)

// directory knows the configured issuers; it implements api.Directory and readiness.
type directory struct {
	store    *store.Store
	upstream *upstream.Client
	table    atomic.Pointer[issuerTable]
}

// issuerTable is one configuration's issuers, immutable.
type issuerTable struct {
	issuers   []knownIssuer
	byName    map[string]*knownIssuer
	byID      map[revocation.IssuerID]*knownIssuer
	bySubject map[string][]*knownIssuer // raw subject; several keys may share a name
}

// knownIssuer is a configured issuer with what was made of its configuration.
type knownIssuer struct {
	revocation.Issuer
	config  config.Issuer
	sources []crlfetch.Source
	signer  *responder.Signer // nil: none configured, or none that can sign yet

	unsigned error // why there is no signer although one is configured
}

func newDirectory(s *store.Store) *directory {
	d := &directory{store: s}
	d.configure(nil)
	return d
}

func (d *directory) configure(issuers []knownIssuer) {
	t := &issuerTable{issuers: issuers, byName: map[string]*knownIssuer{}, byID: map[revocation.IssuerID]*knownIssuer{},
		bySubject: map[string][]*knownIssuer{}}
	for i := range issuers {
		k := &issuers[i]
		t.byName[k.Name], t.byID[k.ID] = k, k
		subject := string(k.Certificate.RawSubject)
		t.bySubject[subject] = append(t.bySubject[subject], k)
	}
	d.table.Store(t)
}

func (d *directory) find(nameOrID string) (*knownIssuer, bool) {
	t := d.table.Load()
	if k, ok := t.byName[nameOrID]; ok {
		return k, true
	}
	id, err := revocation.ParseIssuerID(nameOrID)
	if err != nil {
		return nil, false
	}
	k, ok := t.byID[id]
	return k, ok
}

// Resolve finds an issuer by its name or its IssuerID in hex.
func (d *directory) Resolve(nameOrID string) (revocation.Issuer, bool) {
	k, ok := d.find(nameOrID)
	if !ok {
		return revocation.Issuer{}, false
	}
	return k.Issuer, true
}

// ByCertificate finds the issuer whose key signed the certificate.
func (d *directory) ByCertificate(cert *x509.Certificate) (revocation.Issuer, bool) {
	for _, k := range d.table.Load().bySubject[string(cert.RawIssuer)] {
		if isIssuedBy(cert, k.Certificate) {
			return k.Issuer, true
		}
	}
	return revocation.Issuer{}, false
}

// isIssuedBy says whether a certificate names the CA as its issuer and is signed with its key.
func isIssuedBy(cert, ca *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, ca.RawSubject) &&
		ca.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// Issuers reports all issuers in the order of the configuration.
func (d *directory) Issuers() []api.IssuerReport {
	t := d.table.Load()
	reports := make([]api.IssuerReport, len(t.issuers))
	for i := range t.issuers {
		reports[i] = d.report(&t.issuers[i], time.Now())
	}
	return reports
}

// Issuer reports one issuer.
func (d *directory) Issuer(nameOrID string) (api.IssuerReport, bool) {
	k, ok := d.find(nameOrID)
	if !ok {
		return api.IssuerReport{}, false
	}
	return d.report(k, time.Now()), true
}

func (d *directory) report(k *knownIssuer, now time.Time) api.IssuerReport {
	r := api.IssuerReport{Name: k.Name, IssuerID: k.ID.String(), Administered: k.config.Administered(), OCSP: ocspReport(k, now),
		InventoryRequired: k.config.Inventory == config.InventoryRequired, Upstream: d.upstreamReport(k.ID, now)}
	if info, on := d.store.Inventory(k.ID); on {
		r.Inventory = new(api.InventoryObjectOf(info))
	}
	for _, src := range k.sources {
		r.Sources = append(r.Sources, sourceReport(src.URL, d.store.CRLInfo(src.Scope()), d.store.SourceState(src.Scope()), now))
	}
	return r
}

func sourceReport(url string, info *revocation.CRLInfo, st revocation.SourceState, now time.Time) api.SourceReport {
	r := api.SourceReport{URL: url, LastFetch: st.FetchedAt, LastChecked: st.CheckedAt, LastError: st.LastError,
		Failures: st.Failures, NextFetch: st.NextFetch, Freshness: "none"}
	if info == nil {
		return r
	}
	r.CRLNumber, r.ThisUpdate, r.NextUpdate = info.Number.String(), info.ThisUpdate, info.NextUpdate
	r.Entries, r.SHA256, r.Size = info.Entries, hexOf(info.SHA256[:]), info.Size
	if r.Fresh = now.Before(info.NextUpdate) && !now.Add(clockSkew).Before(info.ThisUpdate); r.Fresh {
		r.Freshness = "fresh"
	} else {
		r.Freshness = "stale"
	}
	return r
}

func ocspReport(k *knownIssuer, now time.Time) *api.OCSPReport {
	if k.config.Signer == nil {
		return &api.OCSPReport{Signer: "none", Problem: k.signerProblem(now)}
	}
	r := &api.OCSPReport{Signer: "delegated", NotAfter: k.config.Signer.Certificate.NotAfter.UTC(), Problem: k.signerProblem(now)}
	if k.ownSigner() {
		r.Signer = "ca"
	}
	return r
}

// Ready reports for each issuer whether it can be answered for: every source holds a CRL that still counts.
func (d *directory) Ready(now time.Time) []api.IssuerReadiness {
	var all []api.IssuerReadiness
	t := d.table.Load()
	for i := range t.issuers {
		k := &t.issuers[i]
		problem := d.problem(k, now)
		all = append(all, api.IssuerReadiness{Issuer: k.Name, Required: true, Ready: problem == "", Problem: problem})
	}
	return all
}

func (d *directory) problem(k *knownIssuer, now time.Time) string {
	for _, src := range k.sources {
		info := d.store.CRLInfo(src.Scope())
		switch {
		case info == nil:
			return "no CRL was accepted yet from " + src.URL
		case d.store.Overtaken(src.Scope()):
			return "the CRL from " + src.URL + " was damaged on disk and is not fetched again yet"
		case info.NextUpdate.IsZero():
			return "the CRL from " + src.URL + " has no nextUpdate, so it is never fresh"
		case !now.Before(info.NextUpdate.Add(k.config.Refresh.StaleGrace)):
			return "the CRL from " + src.URL + " is stale since " + info.NextUpdate.UTC().Format(time.RFC3339)
		}
	}
	return d.evidenceProblem(k, now)
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
