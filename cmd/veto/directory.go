package main

import (
	"crypto/x509"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/crlfetch"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
	"github.com/vetopki/veto/upstream"
)

// directory knows the configured issuers; it implements api.Directory and readiness.
type directory struct {
	store    *store.Store
	upstream *upstream.Client
	fetches  func() []crlfetch.Report // how fetching goes, source by source
	table    atomic.Pointer[issuerTable]
}

// issuerTable is one configuration's issuers, immutable.
type issuerTable struct {
	issuers   []knownIssuer
	byName    map[string]issuerKey
	byID      map[revocation.IssuerID]issuerKey
	bySubject map[string][]issuerKey // by NameKey of the subject; several keys may share a name
	byScope   map[string]string      // ScopeID in hex, URL
}

// knownIssuer is a configured issuer with what was made of its configuration.
type knownIssuer struct {
	revocation.Issuer                     // of the first key: what the name means
	keys              []revocation.Issuer // of all
	config            config.Issuer
	sources           []crlSource
	signers           []ocspSigner
}

// issuerKey is one key of an issuer.
type issuerKey struct {
	*knownIssuer
	key revocation.Issuer
}

func newDirectory(s *store.Store) *directory {
	d := &directory{store: s, fetches: func() []crlfetch.Report { return nil }}
	d.configure(nil)
	return d
}

func (d *directory) configure(issuers []knownIssuer) {
	t := &issuerTable{issuers: issuers, byName: map[string]issuerKey{}, byID: map[revocation.IssuerID]issuerKey{},
		bySubject: map[string][]issuerKey{}, byScope: map[string]string{}}
	for i := range issuers {
		k := &issuers[i]
		t.byName[k.Name] = issuerKey{k, k.Issuer}
		for _, key := range k.keys {
			t.byID[key.ID] = issuerKey{k, key}
			subject := crlder.NameKey(key.Certificate.RawSubject)
			t.bySubject[subject] = append(t.bySubject[subject], issuerKey{k, key})
		}
		for _, src := range k.sources {
			for _, series := range src.series() {
				t.byScope[series.Scope().String()] = series.URL
			}
		}
	}
	d.table.Store(t)
}

func (d *directory) find(nameOrID string) (issuerKey, bool) {
	t := d.table.Load()
	if k, ok := t.byName[nameOrID]; ok {
		return k, true
	}
	id, err := revocation.ParseIssuerID(nameOrID)
	if err != nil {
		return issuerKey{}, false
	}
	k, ok := t.byID[id]
	return k, ok
}

// keysOf are all keys of the issuer that has the key, that key itself when it is not configured.
func (d *directory) keysOf(id revocation.IssuerID) []revocation.IssuerID {
	k, ok := d.table.Load().byID[id]
	if !ok {
		return []revocation.IssuerID{id}
	}
	ids := make([]revocation.IssuerID, len(k.keys))
	for i := range k.keys {
		ids[i] = k.keys[i].ID
	}
	return ids
}

// nameOf is the name of the issuer that has a key, "" when it is not configured.
func (d *directory) nameOf(id revocation.IssuerID) string {
	if k, ok := d.table.Load().byID[id]; ok {
		return k.Name
	}
	return ""
}

// Resolve finds an issuer by its name or the IssuerID of one of its keys in hex.
func (d *directory) Resolve(nameOrID string) (revocation.Issuer, bool) {
	k, ok := d.find(nameOrID)
	return k.key, ok
}

// ByCertificate finds the issuer whose key signed the certificate.
func (d *directory) ByCertificate(cert *x509.Certificate) (revocation.Issuer, bool) {
	for _, k := range d.table.Load().bySubject[crlder.NameKey(cert.RawIssuer)] {
		if isSignedBy(cert, k.key.Certificate) {
			return k.key, true
		}
	}
	return revocation.Issuer{}, false
}

// isIssuedBy says whether a certificate names the CA as its issuer (RFC 5280 §7.1) and is signed with its key.
func isIssuedBy(cert, ca *x509.Certificate) bool {
	return crlder.NameKey(cert.RawIssuer) == crlder.NameKey(ca.RawSubject) && isSignedBy(cert, ca)
}

func isSignedBy(cert, ca *x509.Certificate) bool {
	return ca.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// Issuers reports all issuers in the order of the configuration.
func (d *directory) Issuers() []api.IssuerReport {
	t, fetches := d.table.Load(), d.fetchesByScope()
	reports := make([]api.IssuerReport, len(t.issuers))
	for i := range t.issuers {
		k := &t.issuers[i]
		reports[i] = d.report(issuerKey{k, k.Issuer}, fetches, judgedAt(d.store))
	}
	return reports
}

// Issuer reports one issuer.
func (d *directory) Issuer(nameOrID string) (api.IssuerReport, bool) {
	k, ok := d.find(nameOrID)
	if !ok {
		return api.IssuerReport{}, false
	}
	return d.report(k, d.fetchesByScope(), judgedAt(d.store)), true
}

func (d *directory) fetchesByScope() map[revocation.ScopeID]*crlfetch.Report {
	all := d.fetches()
	m := make(map[revocation.ScopeID]*crlfetch.Report, len(all))
	for i := range all {
		m[all[i].Scope] = &all[i]
	}
	return m
}

func (d *directory) report(k issuerKey, fetches map[revocation.ScopeID]*crlfetch.Report, now time.Time) api.IssuerReport {
	r := api.IssuerReport{Name: k.Name, IssuerID: k.key.ID.String(), Issues: k.config.Issues, Administered: k.config.Administered(),
		OCSP: ocspReport(k, now), InventoryRequired: k.config.Inventory == config.InventoryRequired, Upstream: d.upstreamReport(k.key.ID, now)}
	if info, on := d.store.Inventory(d.inventoryKey(k.key.ID)); on {
		r.Inventory = new(api.InventoryObjectOf(info))
	}
	for _, key := range k.keys {
		if len(k.keys) > 1 {
			r.IssuerIDs = append(r.IssuerIDs, key.ID.String())
		}
	}
	for _, src := range k.sources {
		r.Sources = append(r.Sources, d.sourceReports(k.knownIssuer, src, fetches, now)...)
	}
	return r
}

func ocspReport(k issuerKey, now time.Time) *api.OCSPReport {
	r := &api.OCSPReport{Signer: "none", Problem: k.signerProblem(k.key, now)}
	if signers := k.signersFor(k.key); len(signers) > 0 {
		r.Signer, r.NotAfter = "delegated", signers[0].config.Certificate.NotAfter.UTC()
		if signers[0].own() {
			r.Signer = "ca"
		}
	}
	return r
}
