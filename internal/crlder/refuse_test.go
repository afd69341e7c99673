package crlder_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/vetopki/veto/revocation"
)

// refusal is one thing changed in a sound CRL, and a piece of the sentence it is refused with.
type refusal struct {
	name   string
	change func(*parts)
	says   string
}

func checkRefusals(t *testing.T, table []refusal) {
	t.Helper()
	for _, row := range table {
		t.Run(row.name, func(t *testing.T) {
			p := sound()
			row.change(&p)
			crl, _, err := decode(p.der())
			if err == nil {
				t.Fatalf("accepted: %+v", crl)
			}
			rule := revocation.RuleOf(err, "none")
			if rule != "parse" && rule != "algorithm" || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), "CRL octet ") {
				t.Errorf("got rule %q, %v; want %q at an octet", rule, err, row.says)
			}
		})
	}
}

func TestStructureIsStrict(t *testing.T) {
	checkRefusals(t, []refusal{
		{"an element after the signature", func(p *parts) { p.end = fromHex("05 00") }, "follow the last element of CertificateList"},
		{"an element after the extensions", func(p *parts) { p.tail = fromHex("05 00") }, "follow the last element of tbsCertList"},
		{"a second list of entries", func(p *parts) { p.revoked = append(p.revoked, p.revoked...) }, "follow the last element of tbsCertList"},
		{"two lists of extensions", func(p *parts) { p.tail = p.extensions }, "follow the last element of tbsCertList"},
		{"three dates", func(p *parts) { p.next = append(p.next, p.next...) }, "follow the last element"},
		{"v1 written out", func(p *parts) { p.version = fromHex("02 01 00") }, "version is 0x00"},
		{"v3", func(p *parts) { p.version = fromHex("02 01 02") }, "version is 0x02"},
		{"version of two octets", func(p *parts) { p.version = fromHex("02 02 00 01") }, "version is 0x0001"},
		{"v1 with extensions", func(p *parts) { p.version = nil; p.revoked = nil }, "v1 CRL must not have"},
		{"v1 with entry extensions", func(p *parts) { p.version, p.extensions = nil, nil }, "v1 CRL must not have"},
		{"no algorithm", func(p *parts) { p.inner = nil }, "algorithm expected"},
		{"algorithms that differ", func(p *parts) { p.outer = fromHex("30 0a 06 08 2a8648ce3d040303") }, "differs"},
		{"algorithms that differ in parameters", func(p *parts) { p.outer = fromHex("30 0c 06 08 2a8648ce3d040302 0500") }, "differs"},
		{"an algorithm with two parameters", func(p *parts) { p.inner = fromHex("30 0e 06 08 2a8648ce3d040302 0500 0500") }, "AlgorithmIdentifier"},
		{"an algorithm without a name", func(p *parts) { p.inner = fromHex("30 02 05 00") }, "algorithm expected"},
		{"an algorithm of 20 KiB", func(p *parts) { p.inner = seq(fromHex("06 01 2a"), tlv(4, make([]byte, 20<<10))) }, "larger than"},
		{"an empty issuer", func(p *parts) { p.issuer = seq() }, "empty name"},
		{"an issuer that is a string", func(p *parts) { p.issuer = tlv(0x0c, []byte("x")) }, "issuer expected"},
		{"an issuer with a SEQUENCE for a SET", func(p *parts) { p.issuer = seq(seq()) }, "RelativeDistinguishedName expected"},
		{"an issuer with an empty SET", func(p *parts) { p.issuer = seq(tlv(0x31)) }, "is empty"},
		{"an attribute without a value", func(p *parts) { p.issuer = seq(tlv(0x31, seq(fromHex("06 03 550403")))) }, "AttributeValue"},
		{"an attribute with two values", func(p *parts) {
			p.issuer = seq(tlv(0x31, seq(fromHex("06 03 550403 0c 00 0c 00"))))
		}, "follow the last element of AttributeTypeAndValue"},
		{"no thisUpdate", func(p *parts) { p.this, p.next = nil, nil }, "thisUpdate expected"},
		{"an empty list of extensions", func(p *parts) { p.extensions = tlv(0xa0, seq()) }, "must be absent"},
		{"extensions without their SEQUENCE", func(p *parts) { p.extensions = tlv(0xa0) }, "crlExtensions is missing"},
		{"octets after the extensions", func(p *parts) { p.extensions = tlv(0xa0, seq(reason(1)), fromHex("0500")) }, "crlExtensions"},
		{"a signature of no octets", func(p *parts) { p.signature = fromHex("03 01 00") }, "signatureValue"},
		{"a signature of no content", func(p *parts) { p.signature = fromHex("03 00") }, "signatureValue"},
		{"a signature with unused bits", func(p *parts) { p.signature = fromHex("03 02 04 30") }, "whole octets"},
		{"a signature in an OCTET STRING", func(p *parts) { p.signature = fromHex("04 02 00 30") }, "signatureValue expected"},
		{"a signature of 70 KiB", func(p *parts) { p.signature = tlv(3, make([]byte, 70<<10)) }, "more than"},
		{"an indefinite length", func(p *parts) { p.issuer = fromHex("30 80 00 00") }, "indefinite"},
		{"a length that is not minimal", func(p *parts) { p.version = fromHex("02 81 01 01") }, "shortest form"},
		{"a length with a leading zero", func(p *parts) { p.version = fromHex("02 82 00 01 01") }, "shortest form"},
		{"a tag number above 30", func(p *parts) { p.version = nil; p.inner = fromHex("3f 81 01 00") }, "tbsCertList.signature expected"},
		{"an element longer than what contains it", func(p *parts) { p.tail = fromHex("30 7f"); p.extensions, p.revoked = nil, nil }, "only"},
	})
}

func TestNothingMayFollowTheCRL(t *testing.T) {
	for name, more := range map[string][]byte{"a zero": {0}, "a new line": {'\n'}, "the CRL again": sound().der(), "64 KiB": make([]byte, 1<<16)} {
		_, _, err := decode(append(sound().der(), more...))
		if revocation.RuleOf(err, "") != "parse" || !strings.Contains(err.Error(), "follow the end of the CRL") {
			t.Errorf("%s after the CRL: got %v", name, err)
		}
	}
}

func TestEntriesAreStrict(t *testing.T) {
	at := utc("251224060708Z")
	one := func(e ...[]byte) func(*parts) { return func(p *parts) { p.revoked = seq(e...) } }
	serial := fromHex("02 01 05")
	checkRefusals(t, []refusal{
		{"an entry that is no SEQUENCE", one(entry("01", nil), fromHex("05 00")), "entry of revokedCertificates expected"},
		{"an empty entry", one(seq()), "userCertificate is missing"},
		{"an empty serial", one(seq(fromHex("02 00"), at)), "empty INTEGER"},
		{"a serial with a leading zero", one(seq(fromHex("02 02 00 01"), at)), "not minimal"},
		{"a serial with leading ones", one(seq(fromHex("02 02 ff 80"), at)), "not minimal"},
		{"a serial of 65 octets", one(seq(tlv(2, bytes.Repeat([]byte{1}, 65)), at)), "at most 64"},
		{"a serial that is no INTEGER", one(seq(fromHex("04 01 05"), at)), "userCertificate expected"},
		{"no date", one(seq(serial)), "revocationDate is missing"},
		{"an element after the date", one(seq(serial, at, fromHex("0500"))), "crlEntryExtensions expected"},
		{"an element after the extensions", one(seq(serial, at, seq(reason(1)), fromHex("0500"))), "follow the last element of an entry"},
		{"an empty list of extensions", one(seq(serial, at, seq())), "must be absent"},
		{"a reason twice", one(entry("01", append(reason(1), reason(1)...))), "2.5.29.21 twice"},
		{"an unknown extension twice", one(entry("01", append(ext(99, false), ext(99, false)...))), "twice"},
		{"a reason in an INTEGER", one(entry("01", ext(21, false, fromHex("02 01 01")))), "reasonCode expected"},
		{"an empty reason", one(entry("01", ext(21, false, fromHex("0a 00")))), "not a minimal ENUMERATED"},
		{"a reason with a leading zero", one(entry("01", ext(21, false, fromHex("0a 02 00 01")))), "not a minimal ENUMERATED"},
		{"octets after the reason", one(entry("01", ext(21, false, fromHex("0a 01 01 00")))), "reasonCode"},
		{"an extension without a value", one(entry("01", seq(fromHex("06 03 551d15")))), "extnValue is missing"},
		{"an extension with two values", one(entry("01", seq(fromHex("06 03 551d15 04 00 04 00")))), "follow the last element of an extension"},
		{"FALSE written out", one(entry("01", seq(fromHex("06 03 551d63 01 01 00 04 00")))), "must be absent"},
		{"TRUE as 1", one(entry("01", seq(fromHex("06 03 551d63 01 01 01 04 00")))), "not TRUE"},
		{"an OID that does not end", one(entry("01", seq(fromHex("06 02 5581 04 00")))), "object identifier"},
		{"an OID of 129 octets", one(entry("01", seq(tlv(6, bytes.Repeat([]byte{1}, 129)), fromHex("04 00")))), "at most 128"},
		{"65 extensions", one(entry("01", manyExtensions(65))), "more than 64"},
		{"an invalidity date in UTCTime", one(entry("01", ext(24, false, at))), "invalidityDate expected"},
		{"an invalidity date on 31 June", one(entry("01", ext(24, false, gen("20250631000000Z")))), "moment that exists"},
		{"an invalidity date with fractions", one(entry("01", ext(24, false, gen("20250601000000.5Z")))), "moment that exists"},
		{"a hold instruction that is no OID", one(entry("01", ext(23, false, fromHex("05 00")))), "holdInstructionCode expected"},
		{"a certificate issuer without a name", one(entry("01", ext(29, true, seq()))), "has no name"},
		{"a certificate issuer with a wrong name", one(entry("01", ext(29, true, seq(fromHex("0c 00"))))), "no GeneralName"},
		{"a certificate issuer with a broken name", one(entry("01", ext(29, true, seq(fromHex("a4 02 05 00"))))), "directoryName"},
		{"an entry of 70 KiB", one(entry("01", ext(99, false, make([]byte, 70<<10)))), "more than"},
	})
}

func manyExtensions(n int) []byte {
	var list []byte
	for i := range n {
		list = append(list, seq([]byte{6, 3, 0x2a, 3, byte(i)}, fromHex("04 00"))...)
	}
	return list
}

func TestDatesAreStrict(t *testing.T) {
	var table []refusal
	for name, tm := range map[string][]byte{
		"without seconds":            utc("2512240607Z"),
		"without Z":                  utc("251224060708"),
		"with an offset":             utc("2512240607+0100"),
		"with an offset and seconds": utc("251224060708+0100"),
		"with a lower-case z":        utc("251224060708z"),
		"with a space":               utc("25122406070 Z"),
		"with a letter":              utc("2512240a0708Z"),
		"with a sign":                utc("2512-4060708Z"),
		"with high bits":             utc("2512\xb24060708Z"),
		"month 0":                    utc("250024060708Z"),
		"month 13":                   utc("251324060708Z"),
		"month 17":                   utc("251724060708Z"),
		"day 0":                      utc("251200060708Z"),
		"31 November":                utc("251131060708Z"),
		"29 February 2025":           utc("250229060708Z"),
		"hour 24":                    utc("251224240708Z"),
		"minute 60":                  utc("251224066008Z"),
		"second 60":                  utc("251224060760Z"),
		"UTCTime with a century":     utc("20251224060708Z"),
		"empty":                      utc(""),
		"GeneralizedTime too short":  gen("251224060708Z"),
		"GeneralizedTime, fractions": gen("20251224060708.5Z"),
		"GeneralizedTime, offset":    gen("20251224060708+0100"),
		"GeneralizedTime, no Z":      gen("202512240607081"),
		"29 February 2100":           gen("21000229000000Z"),
		"letters for a century":      gen("ab251224060708Z"),
	} {
		table = append(table,
			refusal{"revocationDate " + name, func(p *parts) { p.revoked = seq(entry("01", nil), seq(fromHex("02 01 05"), tm)) }, "revocationDate"},
			refusal{"nextUpdate " + name, func(p *parts) { p.next = tm }, "nextUpdate"})
	}
	checkRefusals(t, table)
}
