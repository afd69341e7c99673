package verify

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"github.com/vetopki/veto/revocation"
)

// RevocationOptions tune Revocation. The zero value judges every certificate of the path by complete CRLs.
type RevocationOptions struct {
	LeafOnly  bool                // judge the first certificate only
	Deltas    bool                // apply delta CRLs (RFC 5280 §6.3.1); without, they are left aside
	Untrusted []*x509.Certificate // where the certificates of CRL signers are looked for, besides the path

	// MaxAge is how old a CRL may be, from its thisUpdate on. Zero means: as old as its nextUpdate allows, and seven days for a
	// CRL without one (RFC 5280 §5.1.2.5 leaves those to the profile).
	MaxAge    time.Duration
	ClockSkew time.Duration // how far ahead a thisUpdate may be; zero means five minutes, negative none

	RefuseSHA1      bool // refuse CRLs signed with SHA-1
	RefuseIndirect  bool // refuse indirect CRLs, as relying parties do that do not implement them
	AcceptEmptyList bool // accept an empty revokedCertificates, which RFC 5280 §5.1.2.6 wants absent and some CAs have signed
}

const maxAgeWithoutNextUpdate = 7 * 24 * time.Hour

// CertRevocation is what the CRLs say of one certificate.
type CertRevocation struct {
	Certificate *x509.Certificate
	Status      revocation.Status
	Entry       revocation.Entry // when Revoked

	// Used are the CRLs the status rests on: for Revoked the one that lists the certificate; for Good all that together cover
	// every reason; for Unknown those that cover some.
	Used    []UsedCRL
	Refused []RefusedCRL // those that may not be used for this certificate, in the order given

	Staple *OCSPAnswer // the stapled OCSP response that says so, too; see PeerOptions

	Exempt  string // why no revocation is asked for, and the status is Good; "" when it is
	Invalid error  // a contradiction in the certificate that makes it invalid, whatever CRLs say
	Detail  string // for Unknown: a sentence
}

// UsedCRL is a CRL a status rests on.
type UsedCRL struct {
	CRL     *CRLView
	Delta   *CRLView              // nil when none was applied
	Signer  *x509.Certificate     // whose key verified both
	Reasons revocation.ReasonMask // what it covers for this certificate
	Stale   *revocation.Refusal   // not nil: past its time, and used only because it lists the certificate
}

// RefusedCRL is a CRL that may not be used, and why.
type RefusedCRL struct {
	CRL *CRLView
	Err *revocation.Refusal
}

// Revocation judges the certificates of a path by CRLs (RFC 5280 §6.3.3). The path begins with the certificate in question and
// ends with the trust anchor, which is not judged; that it is a valid path is the caller's word (see [Paths]). The result
// has one element for each certificate judged, in order.
//
// Good means that fresh CRLs whose scopes cover the certificate for all reasons do not list it. A listing counts also when the CRL
// is past its nextUpdate and no fresh one of that scope is given: a revocation does not lapse with its CRL.
func Revocation(path []*x509.Certificate, crls []*CRLView, at time.Time, o RevocationOptions) []CertRevocation {
	if len(path) < 2 {
		return nil
	}
	j := newJudge(path, crls, at, o)
	judged := path[:len(path)-1]
	if o.LeafOnly {
		judged = path[:1]
	}
	results := make([]CertRevocation, len(judged))
	for i, c := range judged {
		results[i] = j.certificate(c)
	}
	return results
}

// certificate runs the algorithm for one certificate: each of its distribution points, then the one implied by its issuer's name
// (RFC 5280 §6.3.3, last paragraph).
func (j *judge) certificate(c *x509.Certificate) CertRevocation {
	r := CertRevocation{Certificate: c}
	if exempt, err := Exemption(c); exempt != "" || err != nil {
		r.Exempt, r.Invalid = exempt, err
		if err == nil {
			r.Status = revocation.Good
		}
		return r
	}
	s, err := subjectOf(c)
	if err != nil {
		r.Detail = err.Error()
	}
	f := findings{refused: map[*CRLView]refusal{}}
	for i := range s.points {
		j.point(&f, s, &s.points[i])
	}
	// What the issuer's own CRL lists is revoked in any case. Its silence counts unless the certificate says that all its CRLs
	// are signed by somebody else.
	f.listingsOnly = s.elsewhere
	j.point(&f, s, s.implied())
	return f.conclude(r, j.crls)
}

// findings are what was found about one certificate so far.
type findings struct {
	used         []UsedCRL
	covered      revocation.ReasonMask
	revoked      *UsedCRL
	entry        revocation.Entry
	refused      map[*CRLView]refusal
	listingsOnly bool
}

// refusal is why a CRL was not used, and how far it came: of several reasons the last step is told.
type refusal struct {
	step step
	err  *revocation.Refusal
}

// step is how far a CRL came.
type step int

const (
	byScope step = iota // not for this certificate
	byForm              // not usable for any
	bySigner
	byDate
)

func (f *findings) refuse(v *CRLView, at step, err *revocation.Refusal) {
	if before, ok := f.refused[v]; !ok || before.step < at {
		f.refused[v] = refusal{at, err}
	}
}

// take books a CRL that may be used.
func (f *findings) take(u UsedCRL, entry revocation.Entry, listed bool) {
	switch {
	case listed && (f.revoked == nil || worse(f.entry, entry) == entry):
		f.revoked, f.entry = &u, entry
	case !listed && !f.listingsOnly:
		f.covered |= u.Reasons
		for i := range f.used {
			if f.used[i].CRL == u.CRL { // by another distribution point
				f.used[i].Reasons |= u.Reasons
				return
			}
		}
		f.used = append(f.used, u)
	}
}

func (f *findings) conclude(r CertRevocation, crls []*CRLView) CertRevocation {
	r.Used = f.used
	if f.revoked != nil {
		r.Status, r.Entry, r.Used = revocation.Revoked, f.entry, []UsedCRL{*f.revoked}
	} else if f.covered == revocation.AllReasons && r.Detail == "" {
		r.Status = revocation.Good
	}
	served := map[*CRLView]bool{}
	for _, u := range r.Used {
		served[u.CRL], served[u.Delta] = true, true
	}
	for _, v := range crls {
		if why, ok := f.refused[v]; ok && !served[v] {
			r.Refused = append(r.Refused, RefusedCRL{v, why.err})
		}
	}
	if r.Status == revocation.Unknown && r.Detail == "" {
		r.Detail = f.detail(len(crls))
	}
	return r
}

// detail says why nothing could be determined.
func (f *findings) detail(given int) string {
	if given == 0 {
		return "no CRL was given"
	}
	if f.covered != 0 {
		return fmt.Sprintf("the CRLs that may be used cover only some reasons; none covers %s (RFC 5280 §6.3.3)",
			strings.Join((revocation.AllReasons&^f.covered).Names(), ", "))
	}
	furthest := refusal{step: -1}
	for _, why := range f.refused {
		if why.step > furthest.step {
			furthest = why
		}
	}
	if furthest.step > byScope {
		return "no CRL given covers it and may be used"
	}
	return "no CRL given covers it"
}
