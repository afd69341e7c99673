package verify

import (
	"cmp"
	"crypto/x509"
	"slices"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// judge holds what one call of Revocation needs for all its certificates.
type judge struct {
	crls   []*CRLView
	at     time.Time
	o      RevocationOptions
	anchor *x509.Certificate

	candidates map[string][]*x509.Certificate // who may have signed CRLs, by NameKey of the subject
	pool       []*x509.Certificate            // the same in one list
	trusted    map[string]int                 // Raw of certificates of the path, and of signers being judged
	depth      int                            // of signers being judged
	judgements int                            // of signers' certificates, so far
	signers    map[string]*revocation.Refusal // of signers judged: nil means trusted
	signatures map[signedBy]error
}

// signedBy is a pair whose signature was verified.
type signedBy struct {
	crl *CRLView
	key string // subjectPublicKeyInfo
}

func newJudge(path []*x509.Certificate, crls []*CRLView, at time.Time, o RevocationOptions) *judge {
	j := &judge{crls: crls, at: at, o: o, anchor: path[len(path)-1], candidates: map[string][]*x509.Certificate{},
		trusted: map[string]int{}, signers: map[string]*revocation.Refusal{}, signatures: map[signedBy]error{}}
	for _, c := range path {
		j.trusted[string(c.Raw)]++
	}
	seen := map[string]bool{}
	for _, c := range slices.Concat(path, o.Untrusted) {
		if seen[string(c.Raw)] {
			continue
		}
		seen[string(c.Raw)] = true
		key := crlder.NameKey(c.RawSubject)
		j.candidates[key] = append(j.candidates[key], c)
		j.pool = append(j.pool, c)
	}
	return j
}

// point consults every CRL that speaks of a certificate through one of its distribution points. The loop of RFC 5280 §6.3.3 may
// stop at the first revocation or when all reasons are covered; this one goes on, so that no order of CRLs hides a listing.
func (j *judge) point(f *findings, s *subject, p *point) {
	for _, group := range j.scopes(f, s, p) {
		j.scope(f, s, group)
	}
}

// covers is the scope of a CRL, within the settings.
func (j *judge) covers(v *CRLView, s *subject, p *point) (revocation.ReasonMask, *revocation.Refusal) {
	if v.indirect() && j.o.RefuseIndirect {
		return 0, revocation.Refuse("indirect", "RFC 5280 §5.2.5", "this is an indirect CRL, which the settings refuse")
	}
	return v.covers(s, p)
}

// inScope is a CRL that speaks of the certificate, and for which reasons.
type inScope struct {
	*CRLView
	reasons revocation.ReasonMask
}

// scopes returns the complete CRLs that speak of the certificate, grouped by issuer and issuing distribution point, the newest
// first.
func (j *judge) scopes(f *findings, s *subject, p *point) [][]inScope {
	var order []string
	groups := map[string][]inScope{}
	for _, v := range j.crls {
		reasons, err := j.covers(v, s, p)
		switch {
		case err != nil:
			f.refuse(v, byScope, err)
			continue
		case v.IsDelta():
			f.refuse(v, byForm, j.deltaAlone())
			continue
		}
		key := scopeKey(v)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], inScope{v, reasons})
	}
	list := make([][]inScope, len(order))
	for i, key := range order {
		slices.SortStableFunc(groups[key], func(a, b inScope) int { return newer(b.CRLView, a.CRLView) })
		list[i] = groups[key]
	}
	return list
}

// scopeKey is the same for CRLs that list the same certificates: one issuer, and identical issuing distribution points or none
// (RFC 5280 §5.2.4).
func scopeKey(v *CRLView) string {
	if v.IDP == nil {
		return v.issuerKey
	}
	return v.issuerKey + "\x00" + string(v.IDP.Raw)
}

// newer orders two CRLs of a scope, by number where both have one (RFC 5280 §5.2.3).
func newer(a, b *CRLView) int {
	if a.Number != "" && b.Number != "" {
		if c := a.Number.Compare(b.Number); c != 0 {
			return c
		}
	}
	return cmp.Compare(a.ThisUpdate.Unix(), b.ThisUpdate.Unix())
}

// scope consults, of the CRLs of one scope, the newest that may be used of each key: a CA that changed its key may go on to
// list the certificates of each key apart. The listings of a stale CRL count too, until a fresh one of the same key does not have
// them, or a fresh one of any key where it was a hold.
func (j *judge) scope(f *findings, s *subject, group []inScope) {
	newest := map[string]*CRLView{} // by subjectPublicKeyInfo of the signer
	type reading struct {
		UsedCRL
		entry  revocation.Entry
		listed bool
	}
	var stale []reading
	for _, v := range group {
		signer, at, err := j.usable(v.CRLView)
		if err != nil {
			f.refuse(v.CRLView, at, err)
			continue
		}
		if by := newest[string(signer.RawSubjectPublicKeyInfo)]; by != nil {
			f.refuse(v.CRLView, byDate, revocation.Refuse("superseded", "RFC 5280 §5.2.3", "a newer CRL of the same scope is used: %s", by.Name))
			continue
		}
		r := reading{UsedCRL: UsedCRL{CRL: v.CRLView, Signer: signer, Reasons: v.reasons}}
		r.Delta, r.Stale = j.combine(f, v.CRLView, signer)
		r.entry, r.listed = lookup(&r.UsedCRL, s)
		if r.Stale != nil {
			stale = append(stale, r)
			continue
		}
		newest[string(signer.RawSubjectPublicKeyInfo)] = v.CRLView
		f.take(r.UsedCRL, r.entry, r.listed)
	}
	for _, r := range stale {
		lifted := newest[string(r.Signer.RawSubjectPublicKeyInfo)] != nil || len(newest) > 0 && r.entry.Reason == revocation.CertificateHold
		if r.listed && !lifted {
			f.take(r.UsedCRL, r.entry, true)
		} else {
			f.refuse(r.CRL, byDate, r.Stale)
		}
	}
}

// lookup asks the delta first and, when it does not mention the certificate, the complete CRL (RFC 5280 §6.3.3 (i) to (k)).
func lookup(u *UsedCRL, s *subject) (revocation.Entry, bool) {
	if u.Delta != nil {
		if entry, ok := u.Delta.Lookup(s.cert.RawIssuer, s.serial); ok {
			return entry, entry.Reason != revocation.RemoveFromCRL
		}
	}
	return u.CRL.Lookup(s.cert.RawIssuer, s.serial)
}
