package crlder

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The string types of attribute values (X.690 §8.23).
const (
	tagUTF8String      = 0x0c
	tagNumericString   = 0x12
	tagPrintableString = 0x13
	tagTeletexString   = 0x14
	tagIA5String       = 0x16
	tagVisibleString   = 0x1a
	tagUniversalString = 0x1c
	tagBMPString       = 0x1e
)

// NameKey is the same text for two names, given as DER, exactly when they match by RFC 5280 §7.1: the strings of an attribute
// are compared without regard to their type, to case, to space around them and to the amount of space inside; everything
// else octet by octet. Unicode composition is not normalized. The attributes of a multi-valued RDN are a set. What is no Name
// only matches itself.
func NameKey(name []byte) string { return nameKey(name, nil) }

// NameKeyRelative is the NameKey of a name with one more RDN, the content of a nameRelativeToCRLIssuer, at its end.
func NameKeyRelative(name, rdn []byte) string { return nameKey(name, rdn) }

func nameKey(name, last []byte) string {
	outer := der{b: name}
	rdns, err := outer.expect(tagSequence, "Name")
	if err != nil || !outer.empty() {
		return "?" + string(name) + string(last)
	}
	var key []byte
	for !rdns.empty() {
		rdn, err := rdns.expect(tagSet, "RelativeDistinguishedName")
		if err != nil {
			return "?" + string(name) + string(last)
		}
		key = appendRDN(key, rdn)
	}
	if last != nil {
		key = appendRDN(key, der{b: last})
	}
	return string(key)
}

// appendRDN appends the attributes of an RDN in an order that does not depend on their encoding. Each part goes with its length,
// so that no two names run together.
func appendRDN(key []byte, rdn der) []byte {
	var attributes []string
	for !rdn.empty() {
		_, attribute, raw, err := rdn.any("AttributeTypeAndValue")
		if err != nil {
			attributes = append(attributes, "?"+string(rdn.b))
			break
		}
		attributes = append(attributes, attributeKey(attribute, raw))
	}
	slices.Sort(attributes)
	key = binary.AppendUvarint(key, uint64(len(attributes)))
	for _, a := range attributes {
		key = append(binary.AppendUvarint(key, uint64(len(a))), a...)
	}
	return key
}

func attributeKey(attribute der, raw []byte) string {
	oid, err := attribute.expect(tagOID, "AttributeType")
	if err != nil {
		return "?" + string(raw)
	}
	tag, value, whole, err := attribute.any("AttributeValue")
	if err != nil || !attribute.empty() {
		return "?" + string(raw)
	}
	text, ok := stringOf(tag, value.b)
	if !ok {
		return string(oid.b) + "\x01" + string(whole)
	}
	return string(oid.b) + "\x00" + strings.Join(strings.Fields(strings.ToLower(text)), " ")
}

// stringOf decodes a character string; ok is false when it is none, or malformed.
func stringOf(tag byte, b []byte) (text string, ok bool) {
	switch tag {
	case tagUTF8String:
		return string(b), utf8.Valid(b)
	case tagPrintableString, tagNumericString, tagIA5String, tagVisibleString:
		return string(b), !slices.ContainsFunc(b, func(c byte) bool { return c >= 0x80 })
	case tagTeletexString: // read as Latin-1, which is what is written there
		runes := make([]rune, len(b))
		for i, c := range b {
			runes[i] = rune(c)
		}
		return string(runes), true
	case tagBMPString:
		units := make([]uint16, len(b)/2)
		for i := range units {
			units[i] = binary.BigEndian.Uint16(b[2*i:])
		}
		return whole(utf16.Decode(units), len(b)%2 == 0)
	case tagUniversalString:
		runes := make([]rune, len(b)/4)
		for i := range runes {
			runes[i] = rune(binary.BigEndian.Uint32(b[4*i:]))
		}
		return whole(runes, len(b)%4 == 0)
	}
	return "", false
}

// whole makes text of runes unless one is no character: two that are none must not read as the same.
func whole(runes []rune, complete bool) (string, bool) {
	bad := slices.ContainsFunc(runes, func(r rune) bool { return r == utf8.RuneError || !utf8.ValidRune(r) })
	return string(runes), complete && !bad
}
