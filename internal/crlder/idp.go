package crlder

import (
	"fmt"

	"github.com/vetopki/veto/revocation"
)

// DistributionPoint is the issuingDistributionPoint of a CRL: which certificates it speaks of (RFC 5280 §5.2.5).
type DistributionPoint struct {
	Raw          []byte   // DER of the extension's value
	URIs         []string // of fullName
	FullNames    [][]byte // DER of each GeneralName of fullName
	RelativeName []byte   // DER content of nameRelativeToCRLIssuer, nil when absent

	OnlyUser, OnlyCA, OnlyAttribute bool
	OnlyReasons                     revocation.ReasonMask // zero: all reasons
	Indirect                        bool
}

// ParseIssuingDistributionPoint reads the value of a CRL's issuingDistributionPoint: what DistributionPoint.Raw holds.
func ParseIssuingDistributionPoint(value []byte) (*DistributionPoint, error) {
	return parseIDP(der{b: value})
}

// parseIDP reads an issuingDistributionPoint:
//
//	SEQUENCE { distributionPoint [0] OPTIONAL, onlyContainsUserCerts [1] BOOLEAN DEFAULT FALSE, onlyContainsCACerts [2] …,
//	    onlySomeReasons [3] ReasonFlags OPTIONAL, indirectCRL [4] BOOLEAN DEFAULT FALSE, onlyContainsAttributeCerts [5] … }
func parseIDP(v der) (*DistributionPoint, error) {
	p := &DistributionPoint{Raw: append([]byte(nil), v.b...)}
	const what = "issuingDistributionPoint"
	seq, err := v.expect(tagSequence, what)
	if err != nil {
		return nil, err
	}
	if err := v.end(what); err != nil {
		return nil, err
	}
	start := seq.off
	if seq.empty() {
		return nil, malformed(start, "RFC 5280 §5.2.5", "%s is empty, which no CRL may have", what)
	}
	if seq.next() == tagConstructed {
		point, err := seq.expect(tagConstructed, "distributionPoint")
		if err != nil {
			return nil, err
		}
		if p.FullNames, p.RelativeName, err = readPointName(point); err != nil {
			return nil, err
		}
		p.URIs = urisOf(p.FullNames)
	}
	flag := func(number byte, name string, to *bool) {
		if err == nil && seq.next() == tagContext|number {
			*to, err = readFlag(&seq, number, name)
		}
	}
	flag(1, "onlyContainsUserCerts", &p.OnlyUser)
	flag(2, "onlyContainsCACerts", &p.OnlyCA)
	if err == nil && seq.next() == tagContext|3 {
		p.OnlyReasons, err = readReasons(&seq)
	}
	flag(4, "indirectCRL", &p.Indirect)
	flag(5, "onlyContainsAttributeCerts", &p.OnlyAttribute)
	if err == nil {
		err = seq.end(what)
	}
	if err == nil && (p.OnlyUser && p.OnlyCA || p.OnlyUser && p.OnlyAttribute || p.OnlyCA && p.OnlyAttribute) {
		err = malformed(start, "RFC 5280 §5.2.5", "%s says that the CRL holds only two different kinds of certificate", what)
	}
	return p, err
}

func readFlag(seq *der, number byte, what string) (bool, error) {
	b, err := seq.expect(tagContext|number, what)
	if err != nil {
		return false, err
	}
	return true, b.boolean(what)
}

// readReasons reads ReasonFlags, a BIT STRING of named bits: no trailing zero bits in DER (X.690 §11.2.2), and for this
// extension not without any.
func readReasons(seq *der) (revocation.ReasonMask, error) {
	v, err := seq.expect(tagContext|3, "onlySomeReasons")
	if err != nil {
		return 0, err
	}
	return reasonFlags(v, "onlySomeReasons")
}

func reasonFlags(v der, what string) (revocation.ReasonMask, error) {
	bad := func(why string) (revocation.ReasonMask, error) {
		return 0, malformed(v.off, "RFC 5280 §4.2.1.13", "%s %s", what, why)
	}
	if len(v.b) < 2 || len(v.b) > 3 || v.b[0] > 7 {
		return bad("is not a BIT STRING of one to nine bits")
	}
	last := v.b[len(v.b)-1]
	if last&(1<<v.b[0]) == 0 || last&(1<<v.b[0]-1) != 0 {
		return bad("ends in zero bits, which is not DER (X.690 §11.2)")
	}
	var mask revocation.ReasonMask
	for bit := range 8 * (len(v.b) - 1) {
		if v.b[1+bit/8]&(0x80>>(bit%8)) == 0 {
			continue
		}
		if bit >= revocation.ReasonFlags {
			return bad(fmt.Sprintf("has bit %d, which is not defined", bit))
		}
		mask |= 1 << bit
	}
	return mask, nil
}
