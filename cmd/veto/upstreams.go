package main

import (
	"time"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/internal/egress"
	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/upstream"
)

// upstreamOf says how the responder of a configured issuer is asked; false when it is not.
func upstreamOf(issuer revocation.Issuer, ic *config.Issuer, e config.Egress) (upstream.Issuer, bool) {
	u := ic.Upstream
	if u == nil {
		return upstream.Issuer{}, false
	}
	nonces := map[string]upstream.Nonce{config.NonceOff: upstream.NonceOff, config.NonceSent: upstream.NonceSent, config.NonceRequired: upstream.NonceRequired}
	return upstream.Issuer{Issuer: issuer, URLs: u.URLs, Nonce: nonces[u.Nonce], Hash: u.Hash, Every: u.Every, Timeout: u.Timeout, Relay: u.Relay,
		Egress: egress.Rule{Deny: e.Deny, Allow: e.Allow, Discovered: u.FromCertificate != ""}}, true
}

// relays says whether answers of the CA's own responder are given on as it signed them.
func (k *knownIssuer) relays() bool { return k.config.Upstream != nil && k.config.Upstream.Relay }

// askUpstream answers for a serial of an issuer whose own responder is asked. ev is all other evidence, and st what it says. The
// responder is asked, in the background, where nothing else answers, and about what it said before.
func (j *judge) askUpstream(issuer revocation.IssuerID, serial revocation.Serial, ev *revocation.Evidence, st revocation.CertStatus, now time.Time) revocation.CertStatus {
	f := j.upstream.Finding(issuer, serial, now, wantsUpstream(&st))
	if f == nil || ev.Upstream != nil { // what the store keeps of it says revoked, and is the newest
		return st
	}
	ev.Upstream = f
	return revocation.Decide(ev, now)
}

// wantsUpstream says whether a decision is one that the CA's own responder may change.
func wantsUpstream(st *revocation.CertStatus) bool {
	switch st.Because {
	case revocation.BecauseUpstream:
		return true
	case revocation.BecauseNoCRL, revocation.BecauseStale, revocation.BecauseNotYetValid, revocation.BecauseOutOfScope:
		return st.Source != revocation.SourceInventory
	}
	return false
}

// withoutUpstream answers for an issuer whose responder is not asked, or not any more. What it once said is revoked stays so, until CRLs
// say that it is good: they are what the configuration put in its place.
func withoutUpstream(ev *revocation.Evidence, now time.Time) revocation.CertStatus {
	st := revocation.Decide(ev, now)
	if ev.Upstream == nil || st.Because != revocation.BecauseUpstream {
		return st
	}
	rest := *ev
	rest.Upstream = nil
	if byCRL := revocation.Decide(&rest, now); byCRL.Status == revocation.Good && byCRL.Source == revocation.SourceCRL {
		return byCRL
	}
	return st
}

// revokedElsewhere says whether a certificate is revoked by other evidence than what the CA's own responder says.
func (j *judge) revokedElsewhere(issuer revocation.IssuerID, serial revocation.Serial) bool {
	var ev revocation.Evidence
	j.store.Evidence(issuer, serial, &ev)
	ev.Upstream = nil
	return revocation.Decide(&ev, time.Now()).Status == revocation.Revoked
}

// relay gives on what upstream responders signed; it implements responder.Relay.
type relay struct{ client *upstream.Client }

// Relayed implements responder.Relay.
func (r relay) Relayed(issuer revocation.IssuerID, id *ocspder.CertID) (responder.Relayed, bool) {
	der, f := r.client.Signed(issuer, id.Serial, id.Raw)
	if der == nil || f == nil {
		return responder.Relayed{}, false
	}
	return responder.Relayed{DER: der, Status: f.Status, Entry: f.Entry, ThisUpdate: f.ThisUpdate, NextUpdate: f.NextUpdate}, true
}

// upstreamReport is nil for an issuer whose responder is not asked.
func (d *directory) upstreamReport(issuer revocation.IssuerID, now time.Time) *api.UpstreamReport {
	r, on := d.upstream.Report(issuer, now)
	if !on {
		return nil
	}
	return &api.UpstreamReport{URLs: r.URLs, Revoked: d.store.UpstreamRevocations(issuer), LastAnswer: r.LastAnswer.UTC(), LastError: r.LastError,
		LastFailure: r.LastFailure.UTC(), Failures: r.Failures, NotAskedTill: r.NotUntil.UTC(), Relayed: r.Relay}
}

// manyFailures in a row of a responder make its issuer not ready.
const manyFailures = 3

// evidenceProblem is what keeps an issuer from being answered for besides its CRLs, "" when nothing does.
func (d *directory) evidenceProblem(k *knownIssuer, now time.Time) string {
	info, on := d.store.Inventory(d.inventoryKey(k.ID))
	switch {
	case !on && k.config.Inventory == config.InventoryRequired:
		return "the inventory of issued serials was not put yet, and the configuration requires one"
	case on && info.Damaged:
		return "the inventory of issued serials is damaged on disk: put it again"
	case len(k.sources) > 0:
		return ""
	}
	if r, asked := d.upstream.Report(k.ID, now); asked && r.Failures >= manyFailures {
		return "the CA's OCSP responder does not answer: " + r.LastError
	}
	return ""
}
