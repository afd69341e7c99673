package main

import (
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
	"github.com/vetopki/veto/upstream"
)

// clockSkew is how far ahead of our clock a CRL's thisUpdate may be and still count.
const clockSkew = 5 * time.Minute

// judge answers for one serial: the evidence of the store and the settings of the issuer, by the rule of
// revocation.Decide. It is the Source of the responder and of the API.
type judge struct {
	store    *store.Store
	upstream *upstream.Client
	settings atomic.Pointer[map[revocation.IssuerID]settings]
}

// settings are what the rule needs to know of an issuer's configuration.
type settings struct {
	administered bool
	staleGrace   time.Duration
	asksUpstream bool
	needsList    bool // nothing counts as issued without an inventory
}

func newJudge(s *store.Store) *judge {
	j := &judge{store: s}
	j.settings.Store(&map[revocation.IssuerID]settings{})
	return j
}

// configure replaces what is known of the issuers.
func (j *judge) configure(issuers []config.Issuer) {
	all := make(map[revocation.IssuerID]settings, len(issuers))
	for i := range issuers {
		all[revocation.IssuerIDOf(issuers[i].Certificate)] = settings{issuers[i].Administered(), issuers[i].Refresh.StaleGrace,
			issuers[i].Upstream != nil, issuers[i].Inventory == config.InventoryRequired}
	}
	j.settings.Store(&all)
}

// Status implements responder.Source and api.Source.
func (j *judge) Status(issuer revocation.IssuerID, serial revocation.Serial, now time.Time) revocation.CertStatus {
	set, known := (*j.settings.Load())[issuer]
	if !known {
		return revocation.CertStatus{Because: revocation.BecauseUnknownIssuer, Generation: j.store.Generation()}
	}
	var findings [4]revocation.CRLFinding // on the stack: an issuer has rarely more scopes
	ev := revocation.Evidence{CRLs: findings[:0], Administered: set.administered, StaleGrace: set.staleGrace, ClockSkew: clockSkew}
	j.store.Evidence(issuer, serial, &ev)
	return j.decide(issuer, serial, &set, &ev, now)
}

// decide is revocation.Decide for what the store knows, with what the CA's own responder said.
func (j *judge) decide(issuer revocation.IssuerID, serial revocation.Serial, set *settings, ev *revocation.Evidence, now time.Time) revocation.CertStatus {
	if set.needsList && ev.Inventory == revocation.InventoryOff {
		ev.Inventory = revocation.NotIssued
	}
	if !set.asksUpstream {
		return withoutUpstream(ev, now)
	}
	return j.askUpstream(issuer, serial, ev, revocation.Decide(ev, now), now)
}
