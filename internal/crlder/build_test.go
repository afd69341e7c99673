package crlder_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// tlv makes one DER element.
func tlv(tag byte, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	n := len(body)
	switch {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, body...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, body...)
	case n < 0x10000:
		return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, body...)
	}
	return append([]byte{tag, 0x83, byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

func seq(parts ...[]byte) []byte { return tlv(0x30, parts...) }

func utc(s string) []byte { return tlv(0x17, []byte(s)) }

func gen(s string) []byte { return tlv(0x18, []byte(s)) }

// fromHex reads hex with spaces.
func fromHex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// ext makes an Extension from an OID under 2.5.29 and the DER of its value; critical as given.
func ext(arc byte, critical bool, value ...[]byte) []byte {
	flag := []byte(nil)
	if critical {
		flag = fromHex("01 01 ff")
	}
	return seq(fromHex("06 03 55 1d"), []byte{arc}, flag, tlv(0x04, value...))
}

// parts are the pieces of a CRL, each replaceable.
type parts struct {
	version, inner, issuer, this, next, revoked, extensions, tail []byte // tail follows inside tbsCertList
	outer, signature, end                                         []byte // end follows inside CertificateList
}

// sound is a small CRL with nothing wrong: two entries, one with a reason.
func sound() parts {
	algorithm := fromHex("30 0a 06 08 2a8648ce3d040302")
	return parts{
		version: fromHex("02 01 01"), inner: algorithm, outer: algorithm,
		issuer: seq(tlv(0x31, seq(fromHex("06 03 550403"), tlv(0x0c, []byte("Issuer"))))),
		this:   utc("260101000000Z"), next: utc("260201000000Z"),
		revoked:    seq(entry("01", nil), entry("7f02", reason(1))),
		extensions: tlv(0xa0, seq(ext(20, false, fromHex("02 01 07")))),
		signature:  tlv(0x03, fromHex("00 3006 020101 020101")),
	}
}

// entry is an entry revoked at 2025-12-24 06:07:08; extensions are the elements of crlEntryExtensions.
func entry(serial string, extensions []byte) []byte {
	if extensions == nil {
		return seq(tlv(0x02, fromHex(serial)), utc("251224060708Z"))
	}
	return seq(tlv(0x02, fromHex(serial)), utc("251224060708Z"), seq(extensions))
}

func reason(n byte) []byte { return ext(21, false, []byte{0x0a, 1, n}) }

func (p parts) der() []byte {
	tbs := seq(p.version, p.inner, p.issuer, p.this, p.next, p.revoked, p.extensions, p.tail)
	return seq(tbs, p.outer, p.signature, p.end)
}

// listed is a record that outlives the call that passed it.
type listed struct {
	Serial string // hex
	revocation.Record
}

func decode(der []byte) (*crlder.CRL, []listed, error) {
	var list []listed
	crl, err := crlder.Decode(bytes.NewReader(der), crlder.Options{}, func(r *revocation.Record) error {
		kept := listed{hex.EncodeToString(r.Serial), *r}
		kept.Record.Serial = nil
		list = append(list, kept)
		return nil
	})
	return crl, list, err
}

func mustDecode(t *testing.T, der []byte) (*crlder.CRL, []listed) {
	t.Helper()
	crl, list, err := decode(der)
	if err != nil {
		t.Fatalf("decoding %x: %v", der, err)
	}
	return crl, list
}
