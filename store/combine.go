package store

import "github.com/vetopki/veto/revocation"

// combine merges two entries of one serial in one CRL as the decision rule merges evidence: the earliest dates, and the reason that
// says most; of two that say as much, the one with the lower number, so that the order of the entries does not matter. A removal
// (RFC 5280 §5.3.1, removeFromCRL) says nothing beside a revocation.
func combine(p, q packed) packed {
	if removal := p.removal(); removal != q.removal() {
		if removal {
			return q
		}
		return p
	}
	if rp, rq := reasonRank(p.flags), reasonRank(q.flags); rq > rp || rq == rp && q.flags < p.flags {
		p.flags = q.flags
	}
	p.revoked, p.invalidity = min(p.revoked, q.revoked), min(p.invalidity, q.invalidity)
	return p
}

func (p packed) removal() bool {
	return revocation.Reason(p.flags&reasonMask) == revocation.RemoveFromCRL
}

// reasonRank: keyCompromise beats all, a permanent reason beats a hold.
func reasonRank(flags byte) int {
	switch revocation.Reason(flags & reasonMask) {
	case revocation.KeyCompromise:
		return 2
	case revocation.CertificateHold:
		return 0
	}
	return 1
}
