package main

import (
	"crypto/x509"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
	"github.com/vetopki/veto/upstream"
	"github.com/vetopki/veto/verify"
)

// clockSkew is how far ahead of our clock a CRL's thisUpdate may be and still count.
const clockSkew = 5 * time.Minute

// judge answers for one serial or one certificate: the evidence of the store and the settings of the issuer, by the rule of
// revocation.Decide. It is the Source of the responder and of the API.
type judge struct {
	store    *store.Store
	upstream *upstream.Client
	settings atomic.Pointer[map[revocation.IssuerID]settings]
	evidence sync.Pool // *revocation.Evidence, so that an answer allocates none
}

// settings are what the rule needs to know of an issuer's configuration.
type settings struct {
	administered bool
	staleGrace   time.Duration
	maxAge       time.Duration
	issues       revocation.Kind
	others       []revocation.IssuerID // of the CA's other keys: what an administrator says, and an inventory, counts for all
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
		c := &issuers[i]
		keys := idsOf(c.Certificates)
		for _, id := range keys {
			all[id] = settings{administered: c.Administered(), staleGrace: c.Refresh.StaleGrace, maxAge: c.Refresh.MaxAge,
				issues: kindIssued(c.Issues), others: without(keys, id), asksUpstream: c.Upstream != nil,
				needsList: c.Inventory == config.InventoryRequired}
		}
	}
	j.settings.Store(&all)
}

// Status implements responder.Source and api.Source. What kind of certificate the serial is of is known only when the CA issues one
// kind.
func (j *judge) Status(issuer revocation.IssuerID, serial revocation.Serial, now time.Time) revocation.CertStatus {
	set, known := (*j.settings.Load())[issuer]
	if !known {
		return revocation.CertStatus{Because: revocation.BecauseUnknownIssuer, Generation: j.store.Generation()}
	}
	ev := j.collect(issuer, serial, &set)
	defer j.forget(ev)
	return j.decide(issuer, serial, &set, ev, now)
}

// CertificateStatus implements api.Source.
func (j *judge) CertificateStatus(issuer revocation.IssuerID, cert *x509.Certificate, now time.Time) revocation.CertStatus {
	return j.JudgedStatus(issuer, verify.NewJudged(cert), now)
}

// JudgedStatus implements api.Source. The certificate says what kind it is, and by its distribution points which of the CRLs
// speak of it: the silence of the others is no evidence, and needs not be (RFC 5280 §6.3.3).
func (j *judge) JudgedStatus(issuer revocation.IssuerID, cert *verify.Judged, now time.Time) revocation.CertStatus {
	set, known := (*j.settings.Load())[issuer]
	if !known {
		return revocation.CertStatus{Because: revocation.BecauseUnknownIssuer, Generation: j.store.Generation()}
	}
	if cert.Serial == "" {
		return revocation.CertStatus{Because: revocation.BecauseOutOfScope, Generation: j.store.Generation()}
	}
	ev := j.collect(issuer, cert.Serial, &set)
	defer j.forget(ev)
	ev.Kind = cert.Kind
	for i := range ev.CRLs {
		// A CRL that an older veto stored has no CRLIssuer: it is complete, and its issuer's own.
		if f := &ev.CRLs[i]; len(f.Info.CRLIssuer) > 0 && !f.Info.IsDelta() {
			f.Covers = cert.Covers(f.Info)
		}
	}
	return j.decide(issuer, cert.Serial, &set, ev, now)
}

// isRevoked says whether a certificate is revoked by an issuer that is configured here.
func (s *service) isRevoked(cert *x509.Certificate) bool {
	issuer, known := s.directory.ByCertificate(cert)
	return known && s.judge.CertificateStatus(issuer.ID, cert, time.Now()).Status == revocation.Revoked
}

// collect asks the store. An administrator's record of any key of the CA counts, and so does an inventory: its serials are the CA's.
func (j *judge) collect(issuer revocation.IssuerID, serial revocation.Serial, set *settings) *revocation.Evidence {
	ev, _ := j.evidence.Get().(*revocation.Evidence)
	if ev == nil {
		ev = new(revocation.Evidence)
	}
	*ev = set.evidence(ev.CRLs)
	j.store.Evidence(issuer, serial, ev)
	for _, key := range set.others {
		ev.Admin = revocation.Strongest(ev.Admin, j.store.AdminRecord(key, serial))
		ev.Inventory = ev.Inventory.Or(j.store.InventoryFinding(key, serial))
	}
	return ev
}

// evidence is evidence with the settings and none of the store yet.
func (set *settings) evidence(room []revocation.CRLFinding) revocation.Evidence {
	return revocation.Evidence{CRLs: room, Administered: set.administered, StaleGrace: set.staleGrace, MaxAge: set.maxAge, ClockSkew: clockSkew,
		Kind: set.issues}
}

// forget gives evidence back. It keeps nothing of the store alive.
func (j *judge) forget(ev *revocation.Evidence) {
	clear(ev.CRLs)
	ev.Admin, ev.Upstream = nil, nil
	j.evidence.Put(ev)
}

// decide is revocation.Decide for what the store knows, with what the CA's own responder said.
func (j *judge) decide(issuer revocation.IssuerID, serial revocation.Serial, set *settings, ev *revocation.Evidence, now time.Time) revocation.CertStatus {
	now, _ = j.store.Clock(now)
	if set.needsList && ev.Inventory == revocation.InventoryOff {
		ev.Inventory = revocation.NotIssued
	}
	if !set.asksUpstream {
		return withoutUpstream(ev, now)
	}
	return j.askUpstream(issuer, serial, ev, revocation.Decide(ev, now), now)
}

// kindIssued reads issuers[].issues.
func kindIssued(word string) revocation.Kind {
	switch word {
	case config.IssuesEndEntity:
		return revocation.EndEntity
	case config.IssuesCA:
		return revocation.CACertificate
	}
	return revocation.AnyKind
}

func idsOf(certificates []*x509.Certificate) []revocation.IssuerID {
	ids := make([]revocation.IssuerID, len(certificates))
	for i, c := range certificates {
		ids[i] = revocation.IssuerIDOf(c)
	}
	return ids
}

// without is a list without one of it, nil when nothing is left.
func without(list []revocation.IssuerID, one revocation.IssuerID) (rest []revocation.IssuerID) {
	for _, id := range list {
		if id != one {
			rest = append(rest, id)
		}
	}
	return rest
}
