package crlder

import (
	"errors"
	"strings"

	"github.com/vetopki/veto/revocation"
)

// Point is one DistributionPoint of a certificate: where CRLs that cover it are, and who signs them (RFC 5280 §4.2.1.13).
type Point struct {
	FullNames    [][]byte              // DER of each GeneralName of fullName
	RelativeName []byte                // DER content of nameRelativeToCRLIssuer, nil when absent
	Reasons      revocation.ReasonMask // zero: all reasons
	CRLIssuers   [][]byte              // DER of the Name of each directoryName of cRLIssuer

	HasCRLIssuer bool // cRLIssuer is there, whatever it names
}

// Named says whether the point has a distributionPoint field.
func (p *Point) Named() bool { return p.FullNames != nil || p.RelativeName != nil }

// URIs are those of fullName.
func (p *Point) URIs() []string { return urisOf(p.FullNames) }

// ParseDistributionPoints reads the value of a certificate's cRLDistributionPoints (2.5.29.31) in full. crypto/x509 keeps the
// URIs of it only, and refuses a certificate with a nameRelativeToCRLIssuer.
func ParseDistributionPoints(value []byte) ([]Point, error) {
	const what = "cRLDistributionPoints"
	points, err := distributionPoints(der{b: value}, what, "RFC 5280 §4.2.1.13")
	if r, ok := errors.AsType[*revocation.Refusal](err); ok {
		r.Detail = what + strings.TrimPrefix(r.Detail, "CRL") // its octets are counted from the extension's first
	}
	return points, err
}

// distributionPoints reads
//
//	SEQUENCE OF SEQUENCE { distributionPoint [0] OPTIONAL, reasons [1] OPTIONAL, cRLIssuer [2] GeneralNames OPTIONAL }
func distributionPoints(v der, what, section string) ([]Point, error) {
	list, err := v.expect(tagSequence, what)
	if err != nil {
		return nil, err
	}
	if err := v.end(what); err != nil {
		return nil, err
	}
	if list.empty() {
		return nil, malformed(list.off, section, "%s is empty", what)
	}
	var points []Point
	for !list.empty() {
		if len(points) == maxPoints {
			return nil, malformed(list.off, "", "%s has more than %d points", what, maxPoints)
		}
		e, err := list.expect(tagSequence, "distribution point of "+what)
		if err != nil {
			return nil, err
		}
		p, err := readPoint(e, what)
		if err != nil {
			return nil, err
		}
		points = append(points, p)
	}
	return points, nil
}

// maxPoints bounds the distribution points of one certificate; each is compared with each CRL. Those in use have below ten.
const maxPoints = 64

func readPoint(e der, what string) (p Point, err error) {
	if e.next() == tagConstructed {
		name, err := e.expect(tagConstructed, "distributionPoint")
		if err != nil {
			return p, err
		}
		if p.FullNames, p.RelativeName, err = readPointName(name); err != nil {
			return p, err
		}
	}
	if e.next() == tagContext|1 {
		flags, err := e.expect(tagContext|1, "reasons")
		if err != nil {
			return p, err
		}
		if p.Reasons, err = reasonFlags(flags, "reasons"); err != nil {
			return p, err
		}
	}
	if e.next() == tagConstructed|2 {
		issuer, err := e.expect(tagConstructed|2, "cRLIssuer")
		if err != nil {
			return p, err
		}
		names, err := generalNames(issuer, "cRLIssuer")
		if err != nil {
			return p, err
		}
		p.CRLIssuers, p.HasCRLIssuer = directoryNames(names), true
	}
	return p, e.end("a distribution point of " + what)
}

// readPointName reads a DistributionPointName: CHOICE { fullName [0] GeneralNames, nameRelativeToCRLIssuer [1] }.
func readPointName(name der) (full [][]byte, relative []byte, err error) {
	switch name.next() {
	case tagConstructed:
		names, err := name.expect(tagConstructed, "fullName")
		if err != nil {
			return nil, nil, err
		}
		if full, err = generalNames(names, "fullName"); err != nil {
			return nil, nil, err
		}
	case tagConstructed | 1:
		rdn, err := name.expect(tagConstructed|1, "nameRelativeToCRLIssuer")
		if err != nil {
			return nil, nil, err
		}
		relative = append([]byte(nil), rdn.b...)
		if err := checkRDN(rdn, "nameRelativeToCRLIssuer"); err != nil {
			return nil, nil, err
		}
	default:
		return nil, nil, name.unexpected(tagConstructed, "fullName")
	}
	return full, relative, name.end("distributionPoint")
}
