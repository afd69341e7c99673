package crlder

import (
	"fmt"

	"github.com/vetopki/veto/revocation"
)

// The tags of a CRL, identifier octets with class and constructed bit (X.690 §8.1.2).
const (
	tagBoolean         = 0x01
	tagInteger         = 0x02
	tagBitString       = 0x03
	tagOctetString     = 0x04
	tagNull            = 0x05
	tagOID             = 0x06
	tagEnumerated      = 0x0a
	tagUTCTime         = 0x17
	tagGeneralizedTime = 0x18
	tagSequence        = 0x30
	tagSet             = 0x31

	tagContext     = 0x80 // [0] primitive; add the number
	tagConstructed = 0xa0 // [0] constructed; add the number
)

// maxHeader is the longest header read: an identifier octet and a length of up to maxLengthOctets after its own count. Five
// octets reach one tebibyte.
const (
	maxLengthOctets = 5
	maxHeader       = 2 + maxLengthOctets
)

// der is the content of one element: what is left to read of it, and where that begins in the CRL.
type der struct {
	b   []byte
	off int64
}

func (d *der) empty() bool { return len(d.b) == 0 }

// next takes the tag of the element that follows, 0 when none does.
func (d *der) next() byte {
	if len(d.b) == 0 {
		return 0
	}
	return d.b[0]
}

// any takes the next element, whatever its tag. raw is the whole element, header included.
func (d *der) any(what string) (tag byte, content der, raw []byte, err error) {
	tag, header, length, fault := parseHeader(d.b)
	switch {
	case fault != "":
		return 0, der{}, nil, malformed(d.off, "X.690 §10.1", "%s: %s", what, fault)
	case length > int64(len(d.b)-header):
		return 0, der{}, nil, malformed(d.off, "X.690 §10.1", "%s says it has %d octets, but what contains it has only %d left",
			what, length, len(d.b)-header)
	}
	size := header + int(length)
	raw, content = d.b[:size:size], der{d.b[header:size:size], d.off + int64(header)}
	d.b, d.off = d.b[size:], d.off+int64(size)
	return tag, content, raw, nil
}

// expect takes the next element, which must have the tag.
func (d *der) expect(tag byte, what string) (der, error) {
	if d.next() != tag {
		return der{}, d.unexpected(tag, what)
	}
	_, content, _, err := d.any(what)
	return content, err
}

// end refuses whatever is left.
func (d *der) end(what string) error {
	if d.empty() {
		return nil
	}
	return malformed(d.off, "X.690 §8.9", "%d octets follow the last element of %s", len(d.b), what)
}

func (d *der) unexpected(tag byte, what string) error {
	return unexpected(d.off, d.next(), d.empty(), tag, what)
}

func unexpected(off int64, got byte, none bool, want byte, what string) error {
	if none {
		return malformed(off, "RFC 5280 §5.1", "%s is missing", what)
	}
	return malformed(off, "RFC 5280 §5.1", "%s expected with tag 0x%02x, found tag 0x%02x", what, want, got)
}

// parseHeader reads an identifier octet and a definite, minimal length (X.690 §10.1). The fault is "" when they are in order.
func parseHeader(b []byte) (tag byte, header int, length int64, fault string) {
	if len(b) < 2 {
		return 0, 0, 0, "no room for a tag and a length"
	}
	tag = b[0]
	if tag&0x1f == 0x1f {
		return 0, 0, 0, "tag number above 30"
	}
	if b[1] < 0x80 {
		return tag, 2, int64(b[1]), ""
	}
	n := int(b[1] & 0x7f)
	switch {
	case n == 0:
		return 0, 0, 0, "indefinite length is not DER"
	case n > maxLengthOctets:
		return 0, 0, 0, "length beyond one tebibyte"
	case len(b) < 2+n:
		return 0, 0, 0, "no room for its length"
	}
	for _, o := range b[2 : 2+n] {
		length = length<<8 | int64(o)
	}
	if b[2] == 0 || length < 0x80 {
		return 0, 0, 0, "length is not in its shortest form"
	}
	return tag, 2 + n, length, ""
}

// boolean reads a BOOLEAN with DEFAULT FALSE: in DER only TRUE is ever written (X.690 §11.1, §11.5).
func (d der) boolean(what string) error {
	if len(d.b) != 1 || d.b[0] != 0xff {
		return malformed(d.off, "X.690 §11.5", "%s is not TRUE (0xff): FALSE is its default and must be absent", what)
	}
	return nil
}

// malformed refuses what is at an octet of the CRL.
func malformed(off int64, section, format string, args ...any) error {
	r := revocation.Refuse("parse", section, format, args...)
	r.Detail = fmt.Sprintf("CRL octet %d: %s", off, r.Detail)
	return r
}

// ElementSize is how many octets the DER element takes that b begins with, its header included. b needs to hold the header only.
func ElementSize(b []byte) (size int64, ok bool) {
	_, header, length, fault := parseHeader(b)
	return int64(header) + length, fault == ""
}
