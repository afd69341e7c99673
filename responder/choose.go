package responder

import (
	"bytes"
	"slices"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// choice is who signs an answer, and how.
type choice struct {
	signer *Signer
	scheme *scheme
}

// id tells the choice from others, for answers that are kept.
func (c choice) id() string { return string(c.signer.keyHash[:]) + string(c.scheme.identifier) }

// choices lists who may sign about certificates of all these issuers now, best first: by what the client prefers, then by the
// configuration (RFC 6960 §4.4.7.2.1). A preference for what no signer can do, or for what is too weak, is passed over. The
// second result is false when the issuers have no signer in common.
func (r *Responder) choices(t *table, issuers []*issuer, preferred []ocspder.PreferredSignature, now time.Time) ([]choice, bool) {
	common := commonSigners(issuers)
	usable := make([]*Signer, 0, len(common))
	for _, s := range common {
		if s.inTime(now) && !r.isRevoked(t, s, now) {
			usable = append(usable, s)
		}
	}
	list := make([]choice, 0, len(usable)+1)
	if c, ok := preferredChoice(usable, preferred); ok {
		list = append(list, c)
	}
	for _, s := range usable {
		if c := (choice{s, &s.schemes[0]}); !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list, len(common) > 0 || len(issuers[0].Signers) == 0
}

// commonSigners are the signers of the first issuer that all others have too.
func commonSigners(issuers []*issuer) []*Signer {
	first := issuers[0].Signers
	if len(issuers) == 1 {
		return first
	}
	var common []*Signer
	for _, s := range first {
		if !slices.ContainsFunc(issuers[1:], func(e *issuer) bool { return !slices.ContainsFunc(e.Signers, s.same) }) {
			common = append(common, s)
		}
	}
	return common
}

func preferredChoice(usable []*Signer, preferred []ocspder.PreferredSignature) (choice, bool) {
	for i := range preferred {
		p := &preferred[i]
		for _, s := range usable {
			if !s.hasKey(p) {
				continue
			}
			for j := range s.schemes {
				if s.schemes[j].is(p) {
					return choice{s, &s.schemes[j]}, true
				}
			}
		}
	}
	return choice{}, false
}

// hasKey says whether the signer's key is of the kind a client prefers, if it does.
func (s *Signer) hasKey(p *ocspder.PreferredSignature) bool {
	return p.KeyAlgorithm == nil ||
		(bytes.Equal(p.KeyAlgorithm, s.keyAlgorithm) && (p.KeyParameters == nil || bytes.Equal(p.KeyParameters, s.keyParameters)))
}

// delegateAgain is how long the status of a delegate counts when nothing changes.
const delegateAgain = time.Second

// isRevoked says whether a delegate's own certificate is revoked, as far as its issuer is configured here: its word counts no more. The
// source is asked once for each change, and once a second.
func (r *Responder) isRevoked(t *table, s *Signer, now time.Time) bool {
	d := t.delegates[s]
	if d == nil {
		return false
	}
	if known := d.known.Load(); known != nil && known.moment.current() && now.Before(known.until) {
		return known.revoked
	}
	e := t.byID[d.issuer]
	known := &delegateStatus{moment: e.epochs.read(d.serial), until: now.Add(delegateAgain)}
	known.revoked = r.source.Status(d.issuer, d.serial, now).Status == revocation.Revoked
	d.known.Store(known)
	return known.revoked
}
