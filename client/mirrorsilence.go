package client

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"sync/atomic"
	"time"

	"github.com/vetopki/veto/internal/snapshot"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// silence is what is known of serials of an issuer that nothing lists. It answers by the rule of the server, revocation.Decide, over the same
// evidence.
type silence struct {
	ask      bool
	evidence revocation.Evidence              // by the serial alone
	cases    atomic.Pointer[map[string]*like] // by what of a certificate counts
}

// like is the evidence of certificates that are alike: of one kind, with the same distribution points.
type like struct {
	evidence revocation.Evidence
	last     atomic.Pointer[verdict]
}

// verdict is what was decided, and from when until when it is decided so.
type verdict struct {
	revocation.CertStatus
	from, until time.Time
}

func newSilence(i *snapshot.Issuer) *silence {
	s := &silence{ask: i.Ask, evidence: i.Evidence()}
	s.cases.Store(&map[string]*like{})
	return s
}

// answer fills in what is said of a certificate that nothing lists.
func (s *silence) answer(a *Answer, cert *x509.Certificate, now time.Time) {
	if s.ask {
		a.Because = revocation.BecauseOutOfScope
		return
	}
	st := s.likeOf(cert).decide(now)
	a.Status, a.Because, a.ThisUpdate, a.NextUpdate, a.Fresh = st.Status, st.Because, st.ThisUpdate, st.NextUpdate, st.Fresh
}

var oidDistributionPoints = asn1.ObjectIdentifier{2, 5, 29, 31}

// likeOf finds what counts for a certificate. Of the certificates of a CA nearly all are alike.
func (s *silence) likeOf(cert *x509.Certificate) *like {
	var room [1024]byte
	key := append(room[:0], byte(verify.KindOf(cert)), byte(len(cert.RawIssuer)>>8), byte(len(cert.RawIssuer)))
	key = append(key, cert.RawIssuer...)
	for i := range cert.Extensions {
		if e := &cert.Extensions[i]; e.Id.Equal(oidDistributionPoints) {
			key = append(key, e.Value...)
		}
	}
	known := *s.cases.Load()
	if l := known[string(key)]; l != nil {
		return l
	}
	l := &like{evidence: s.evidenceOf(cert)}
	if len(known) < maxKnown {
		next := make(map[string]*like, len(known)+1)
		for k, v := range known {
			next[k] = v
		}
		next[string(bytes.Clone(key))] = l
		s.cases.Store(&next) // another that was added meanwhile is found anew
	}
	return l
}

// evidenceOf is the evidence for a certificate, as the server has it: by its distribution points, which of the CRLs speak of it
// (RFC 5280 §6.3.3).
func (s *silence) evidenceOf(cert *x509.Certificate) revocation.Evidence {
	ev := s.evidence
	ev.Kind = verify.KindOf(cert)
	ev.CRLs = slices.Clone(ev.CRLs)
	for i := range ev.CRLs {
		if f := &ev.CRLs[i]; len(f.Info.CRLIssuer) > 0 { // one that an older veto stored has none: it is complete, and its issuer's own
			f.Covers, _ = verify.Covers(f.Info, cert)
		}
	}
	return ev
}

// decide applies the rule, unless it was applied since the evidence last began or ceased to count.
func (l *like) decide(now time.Time) *revocation.CertStatus {
	if v := l.last.Load(); v != nil && !now.Before(v.from) && now.Before(v.until) {
		return &v.CertStatus
	}
	v := &verdict{CertStatus: revocation.Decide(&l.evidence, now), from: now, until: turn(&l.evidence, now)}
	l.last.Store(v)
	return &v.CertStatus
}

// turn is the next moment at which the rule may decide otherwise over the same evidence.
func turn(ev *revocation.Evidence, now time.Time) time.Time {
	next := now.Add(time.Hour)
	at := func(t time.Time) {
		if t.After(now) && t.Before(next) {
			next = t
		}
	}
	for i := range ev.CRLs {
		for _, crl := range [...]*revocation.CRLInfo{ev.CRLs[i].Info, ev.CRLs[i].Delta} {
			if crl != nil {
				end := crl.Lapses(ev.MaxAge)
				at(crl.ThisUpdate.Add(-ev.ClockSkew))
				at(crl.NextUpdate)
				at(end)
				at(end.Add(ev.StaleGrace))
			}
		}
	}
	return next
}
