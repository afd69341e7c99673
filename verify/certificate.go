package verify

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"slices"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// ParseCertificate reads one certificate, DER. It is x509.ParseCertificate, and for two kinds of certificate that it refuses and
// RFC 5280 allows, or CAs have issued, more: those with a nameRelativeToCRLIssuer (§4.2.1.13), and those with a negative serial
// number (§4.1.2.2). Of these, crypto/x509 reads a copy in which the extension has another identifier and the serial another
// sign; what it read is put upon the original octets, so that signatures are verified over those.
func ParseCertificate(der []byte) (*x509.Certificate, error) {
	c, err := x509.ParseCertificate(der)
	if err == nil {
		return c, nil
	}
	if patched := parsePatched(bytes.Clone(der)); patched != nil {
		return patched, nil
	}
	return nil, err
}

var (
	oidDistributionPoints = asn1.ObjectIdentifier{2, 5, 29, 31}
	oidStandIn            = asn1.ObjectIdentifier{2, 5, 29, 127} // of the same length, and assigned to nothing
)

// parsePatched reads what only a patched copy lets crypto/x509 read, nil when that does not help either.
func parsePatched(der []byte) *x509.Certificate {
	place, ok := locate(der)
	if !ok {
		return nil
	}
	serial, err := revocation.SerialFromDER(der[place.serial.content:place.serial.end])
	if err != nil {
		return nil
	}
	patched := bytes.Clone(der)
	if serial.Negative() {
		patched[place.serial.content] = 1
	}
	if place.points > 0 {
		patched[place.points] = byte(oidStandIn[3])
	}
	c, err := x509.ParseCertificate(patched)
	if err != nil {
		return nil
	}
	c.Raw, c.RawTBSCertificate = der, der[place.tbs.start:place.tbs.end]
	c.SerialNumber = serial.Big()
	if place.points > 0 && !restorePoints(c) {
		return nil
	}
	return c
}

// restorePoints gives the extension its identifier back and reads it; false when it is malformed.
func restorePoints(c *x509.Certificate) bool {
	for i := range c.Extensions {
		x := &c.Extensions[i]
		if !x.Id.Equal(oidStandIn) {
			continue
		}
		x.Id = oidDistributionPoints
		c.UnhandledCriticalExtensions = slices.DeleteFunc(c.UnhandledCriticalExtensions, oidStandIn.Equal)
		points, err := crlder.ParseDistributionPoints(x.Value)
		for _, p := range points {
			c.CRLDistributionPoints = append(c.CRLDistributionPoints, p.URIs()...)
		}
		return err == nil
	}
	return false
}

// places are where in a certificate the parts are that parsePatched needs.
type places struct {
	tbs, serial element
	points      int // of the last octet of the identifier of cRLDistributionPoints; 0 when there is none
}

// element is where an element begins, where its content does, and where it ends.
type element struct {
	tag                 byte
	start, content, end int
}

// elementAt finds the element at an offset, within a limit.
func elementAt(b []byte, at, limit int) (e element, ok bool) {
	if at < 0 || limit > len(b) || at+2 > limit {
		return e, false
	}
	e = element{tag: b[at], start: at, content: at + 2}
	length := int(b[at+1])
	if length >= 0x80 {
		n := length & 0x7f
		if n == 0 || n > 3 || e.content+n > limit {
			return e, false
		}
		length = 0
		for _, o := range b[e.content : e.content+n] {
			length = length<<8 | int(o)
		}
		e.content += n
	}
	e.end = e.content + length
	return e, e.end <= limit
}

// locate walks Certificate { tbsCertificate { [0] version, serialNumber, signature, issuer, validity, subject,
// subjectPublicKeyInfo, [1], [2], [3] extensions }, … } (RFC 5280 §4.1).
func locate(der []byte) (p places, ok bool) {
	outer, ok := elementAt(der, 0, len(der))
	if !ok {
		return p, false
	}
	if p.tbs, ok = elementAt(der, outer.content, outer.end); !ok {
		return p, false
	}
	for at := p.tbs.content; at < p.tbs.end; {
		e, ok := elementAt(der, at, p.tbs.end)
		if !ok {
			return p, false
		}
		switch {
		case e.tag == 0x02 && p.serial.end == 0:
			p.serial = e
		case e.tag == 0xa3:
			p.points = locatePoints(der, e)
		}
		at = e.end
	}
	return p, p.serial.end > p.serial.content
}

// locatePoints finds the last octet of the identifier of cRLDistributionPoints among the extensions.
func locatePoints(der []byte, extensions element) int {
	const identifier = "\x06\x03\x55\x1d\x1f" // 2.5.29.31
	list, ok := elementAt(der, extensions.content, extensions.end)
	for at := list.content; ok && at < list.end; {
		var x element
		if x, ok = elementAt(der, at, list.end); ok {
			if bytes.HasPrefix(der[x.content:x.end], []byte(identifier)) {
				return x.content + len(identifier) - 1
			}
			at = x.end
		}
	}
	return 0
}
