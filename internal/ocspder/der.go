package ocspder

import (
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/revocation"
)

// Context-specific constructed tags, as EXPLICIT tagging writes them.
const (
	explicit0 = asn1.Tag(0xa0)
	explicit1 = asn1.Tag(0xa1)
	explicit2 = asn1.Tag(0xa2)
)

// malformed is the refusal of bytes that are not what the standard says.
func malformed(section, format string, args ...any) error {
	return revocation.Refuse("malformed", section, format, args...)
}

// validOID checks the content octets of an OBJECT IDENTIFIER: sub-identifiers that end and are minimal (X.690 §8.19.2).
func validOID(oid []byte) bool {
	start := true
	for _, b := range oid {
		if start && b == 0x80 {
			return false
		}
		start = b < 0x80
	}
	return len(oid) > 0 && start
}

// readTime reads a GeneralizedTime of the one form RFC 9919 §3.2.4 allows: YYYYMMDDHHMMSSZ, no fraction, no offset.
func readTime(s *cryptobyte.String, t *time.Time) bool {
	var text cryptobyte.String
	if !s.ReadASN1(&text, asn1.GeneralizedTime) || len(text) != len("20060102150405Z") {
		return false
	}
	parsed, err := time.Parse("20060102150405Z", string(text))
	*t = parsed
	return err == nil
}

// Lengths below are those of DER: one octet up to 127, then a count octet and the minimal big-endian number.

func headerSize(n int) int {
	switch {
	case n < 0x80:
		return 2
	case n < 0x100:
		return 3
	case n < 0x10000:
		return 4
	}
	return 5
}

// element is the size of a whole element whose content has n octets.
func element(n int) int { return headerSize(n) + n }

// appendHeader writes a tag and the length of the content that follows, less than 16 MiB.
func appendHeader(b []byte, tag asn1.Tag, n int) []byte {
	switch headerSize(n) {
	case 2:
		return append(b, byte(tag), byte(n))
	case 3:
		return append(b, byte(tag), 0x81, byte(n))
	case 4:
		return append(b, byte(tag), 0x82, byte(n>>8), byte(n))
	}
	return append(b, byte(tag), 0x83, byte(n>>16), byte(n>>8), byte(n))
}

const timeContent = len("20060102150405Z")

// appendTime writes a GeneralizedTime in Zulu with seconds and no fraction (RFC 9919 §3.2.4). Years run from 0 to 9999.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(b, byte(asn1.GeneralizedTime), byte(timeContent))
	b = appendTwoDigits(b, year/100)
	b = appendTwoDigits(b, year%100)
	for _, n := range [...]int{int(month), day, hour, minute, second} {
		b = appendTwoDigits(b, n)
	}
	return append(b, 'Z')
}

func appendTwoDigits(b []byte, n int) []byte { return append(b, byte('0'+n/10%10), byte('0'+n%10)) }
