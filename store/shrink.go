package store

import "github.com/vetopki/veto/revocation"

// CommitOptions say how a CRL is put in force.
type CommitOptions struct {
	// Guard keeps revoked what a complete CRL drops when it drops too much at once: more than 100 serials and more than MaxShrink percent
	// of those in force. Everything else of the CRL takes effect. A delta CRL, and the first CRL of a scope, drop nothing.
	Guard     bool
	MaxShrink float64
}

// fewDropped is how many serials a CRL may drop at once, however small it is.
const fewDropped = 100

// bound is how many of the serials in force may be dropped at once.
func (o CommitOptions) bound(inForce int) int {
	if share := o.MaxShrink / 100 * float64(inForce); share > fewDropped {
		return int(min(share, float64(inForce)))
	}
	return fewDropped
}

// exceeds says whether a CRL that replaces old drops more of it than may go at once. Serials retained before count for nothing.
func (o CommitOptions) exceeds(dropped int, old *generation, info *revocation.CRLInfo) bool {
	if !o.Guard || old == nil || old.info.IsDelta() || info.IsDelta() {
		return false
	}
	return dropped > o.bound(int(old.header.entries)-old.info.Retained)
}
