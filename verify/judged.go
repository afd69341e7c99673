package verify

import (
	"crypto/x509"
	"sync/atomic"

	"github.com/vetopki/veto/revocation"
)

// Judged is a certificate that is asked for again and again. It remembers what the CRLs in force cover of it, which takes longer to find
// out than everything else about it. It is safe for concurrent use.
type Judged struct {
	*x509.Certificate
	Serial revocation.Serial // "" when it cannot be one
	Kind   revocation.Kind

	known atomic.Pointer[[]coverageOf]
}

// coverageOf is what one CRL covers.
type coverageOf struct {
	info   *revocation.CRLInfo
	covers revocation.Coverage
}

// rememberedCRLs is how many CRLs a certificate remembers: an issuer has rarely more in force. Those of older generations go first.
const rememberedCRLs = 8

// NewJudged wraps a certificate.
func NewJudged(c *x509.Certificate) *Judged {
	j := &Judged{Certificate: c, Kind: KindOf(c)}
	j.Serial, _ = revocation.SerialFromBig(c.SerialNumber)
	return j
}

// Covers is [Covers], from memory when that CRL was asked for before.
func (j *Judged) Covers(info *revocation.CRLInfo) revocation.Coverage {
	known := j.known.Load()
	if known != nil {
		for i := range *known {
			if (*known)[i].info == info {
				return (*known)[i].covers
			}
		}
	}
	covers, _ := Covers(info, j.Certificate)
	next := []coverageOf{{info, covers}}
	if known != nil {
		next = append(next, (*known)[:min(len(*known), rememberedCRLs-1)]...)
	}
	j.known.Store(&next) // who comes at the same time may forget the other's: it is found out again
	return covers
}
