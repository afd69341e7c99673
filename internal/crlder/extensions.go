package crlder

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/vetopki/veto/revocation"
)

// Content octets of the object identifiers of extensions (RFC 5280 §5.2, §5.3).
const (
	oidCRLNumber         = "\x55\x1d\x14" // 2.5.29.20
	oidReasonCode        = "\x55\x1d\x15" // 2.5.29.21
	oidHoldInstruction   = "\x55\x1d\x17" // 2.5.29.23
	oidInvalidityDate    = "\x55\x1d\x18" // 2.5.29.24
	oidDeltaCRLIndicator = "\x55\x1d\x1b" // 2.5.29.27
	oidIDP               = "\x55\x1d\x1c" // 2.5.29.28
	oidCertificateIssuer = "\x55\x1d\x1d" // 2.5.29.29
	oidAuthorityKeyID    = "\x55\x1d\x23" // 2.5.29.35
	oidFreshestCRL       = "\x55\x1d\x2e" // 2.5.29.46
)

// maxExtensions bounds one list of extensions: looking for a duplicate compares each with all before it. RFC 5280 knows seven.
const maxExtensions = 64

// maxOID bounds an object identifier; those in use have below 20 octets.
const maxOID = 128

// extension is one extension being read.
type extension struct {
	oid      der
	critical bool
	value    der // content of extnValue
}

// crlExtensions reads the extensions of the CRL (§5.2), which a v1 CRL cannot have.
func (d *decoder) crlExtensions() error {
	tag, err := d.src.next(d.tbs.end)
	if err != nil || tag != tagConstructed {
		return err
	}
	at := d.src.off
	wrapped, _, err := d.src.element(tagConstructed, d.tbs.end, "crlExtensions")
	if err != nil {
		return err
	}
	if d.crl.Version == 1 {
		return malformed(at, "RFC 5280 §5.1.2.1", "crlExtensions are present, which a v1 CRL must not have")
	}
	list, err := wrapped.expect(tagSequence, "crlExtensions")
	if err != nil {
		return err
	}
	if err := wrapped.end("crlExtensions"); err != nil {
		return err
	}
	return d.eachExtension(list, "crlExtensions", (*decoder).crlExtension)
}

func (d *decoder) crlExtension(x extension) (err error) {
	oid, err := parseOID(x.oid, "extnID")
	if err != nil {
		return err
	}
	d.crl.Extensions = append(d.crl.Extensions, Extension{oid, x.critical, bytes.Clone(x.value.b)})
	switch string(x.oid.b) {
	case oidCRLNumber:
		d.crl.Number, err = crlNumber(x.value, "cRLNumber")
	case oidDeltaCRLIndicator:
		d.crl.BaseNumber, err = crlNumber(x.value, "deltaCRLIndicator")
	case oidIDP:
		d.crl.IDP, err = parseIDP(x.value)
	case oidAuthorityKeyID:
		d.crl.AuthorityKeyID, d.crl.AuthorityCert, err = parseAuthorityKeyID(x.value)
	case oidFreshestCRL:
		d.crl.FreshestCRL, err = parseFreshestCRL(x.value)
	default:
		if x.critical {
			d.crl.UnknownCritical = addOnce(d.crl.UnknownCritical, oid.String())
		}
	}
	return err
}

// eachExtension reads the elements of Extensions (RFC 5280 §4.1):
//
//	Extension ::= SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
func (d *decoder) eachExtension(list der, what string, each func(*decoder, extension) error) error {
	if list.empty() {
		return malformed(list.off, "RFC 5280 §4.1", "%s is empty: without extensions it must be absent", what)
	}
	d.seen = d.seen[:0]
	for !list.empty() {
		at := list.off
		if len(d.seen) == maxExtensions {
			return malformed(at, "", "%s has more than %d extensions", what, maxExtensions)
		}
		x, err := readExtension(&list)
		if err != nil {
			return err
		}
		for _, other := range d.seen {
			if bytes.Equal(other, x.oid.b) {
				return malformed(at, "RFC 5280 §4.2", "%s has extension %s twice", what, oidString(x.oid))
			}
		}
		d.seen = append(d.seen, x.oid.b)
		if err := each(d, x); err != nil {
			return err
		}
	}
	return nil
}

func readExtension(list *der) (x extension, err error) {
	e, err := list.expect(tagSequence, "extension")
	if err != nil {
		return x, err
	}
	oid, err := e.expect(tagOID, "extnID")
	if err != nil {
		return x, err
	}
	if err := checkOID(oid, "extnID"); err != nil {
		return x, err
	}
	x.oid = oid
	if e.next() == tagBoolean {
		b, err := e.expect(tagBoolean, "critical")
		if err != nil {
			return x, err
		}
		if err := b.boolean("critical"); err != nil {
			return x, err
		}
		x.critical = true
	}
	if x.value, err = e.expect(tagOctetString, "extnValue"); err != nil {
		return x, err
	}
	return x, e.end("an extension")
}

// crlNumber reads a CRL number, or the one a delta builds upon (§5.2.3, §5.2.4).
func crlNumber(v der, what string) (revocation.CRLNumber, error) {
	n, err := v.expect(tagInteger, what)
	if err != nil {
		return "", err
	}
	number, err := revocation.CRLNumberFromDER(n.b)
	if err != nil {
		return "", malformed(n.off, "RFC 5280 §5.2.3", "%s: %v", what, err)
	}
	return number, v.end(what)
}

// checkOID sees that the content octets are an object identifier: numbers in base 128, none cut off, none with a leading zero
// (X.690 §8.19). It runs for each extension of each entry, so it makes no [x509.OID].
func checkOID(oid der, what string) error {
	if len(oid.b) > maxOID {
		return malformed(oid.off, "", "%s: object identifier of %d octets, at most %d are read", what, len(oid.b), maxOID)
	}
	first, ok := true, len(oid.b) > 0
	for _, o := range oid.b {
		ok = ok && !(first && o == 0x80)
		first = o < 0x80
	}
	if !ok || !first {
		return malformed(oid.off, "X.690 §8.19", "%s: object identifier is malformed", what)
	}
	return nil
}

// parseOID makes an OID of content octets.
func parseOID(oid der, what string) (parsed x509.OID, err error) {
	if err := checkOID(oid, what); err != nil {
		return parsed, err
	}
	if err := parsed.UnmarshalBinary(oid.b); err != nil {
		return parsed, malformed(oid.off, "X.690 §8.19", "%s: %v", what, err)
	}
	return parsed, nil
}

// oidString writes the content octets of an object identifier, as hex when they are none.
func oidString(oid der) string {
	parsed, err := parseOID(oid, "")
	if err != nil {
		return fmt.Sprintf("0x%x", oid.b)
	}
	return parsed.String()
}

// addOnce appends a name that is not in the list; beyond maxExtensions different ones the rest is not told apart.
func addOnce(list []string, name string) []string {
	if len(list) >= maxExtensions || slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}
