package crlder_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"pgregory.net/rapid"
)

func TestVersionOneIsRead(t *testing.T) {
	p := sound()
	p.version, p.extensions, p.revoked = nil, nil, seq(entry("01", nil), entry("02", nil))
	crl, list := mustDecode(t, p.der())
	if crl.Version != 1 || len(list) != 2 || crl.Number != "" || crl.Extensions != nil {
		t.Errorf("got %+v with %d entries, want a v1 CRL with two", crl, len(list))
	}
}

func TestOptionalPartsMayBeAbsent(t *testing.T) {
	p := sound()
	p.next, p.revoked, p.extensions = nil, nil, nil
	crl, list := mustDecode(t, p.der())
	if !crl.NextUpdate.IsZero() || len(list) != 0 || crl.Entries != 0 {
		t.Errorf("got %+v with %d entries, want no nextUpdate and none", crl, len(list))
	}
	if want := []string{"the CRL has no CRL number (RFC 5280 §5.2.3)"}; !cmp.Equal(crl.Oddities(), want) {
		t.Errorf("oddities %q, want %q", crl.Oddities(), want)
	}
}

func TestAnEmptyListOfEntriesIsOdd(t *testing.T) {
	p := sound()
	p.revoked = seq()
	crl, list := mustDecode(t, p.der())
	if len(list) != 0 || !crl.Odd.EmptyList || len(crl.Oddities()) != 1 {
		t.Errorf("%d entries, oddities %q; want none and one", len(list), crl.Oddities())
	}
}

func TestEntriesAreReadAsTheyAre(t *testing.T) {
	const at, early = 1766556428, -631152000 // 2025-12-24 06:07:08, 1950-01-01
	long := strings.Repeat("77", 64)
	at2050 := time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	at1583 := time.Date(1583, 2, 28, 0, 0, 0, 0, time.UTC).Unix()
	directory := tlv(0xa4, sound().issuer)
	for _, row := range []struct {
		name  string
		entry []byte
		want  listed
		odd   crlder.Oddities
	}{
		{"plain", entry("05", nil), listed{"05", revocation.Record{RevokedAt: at}}, crlder.Oddities{}},
		{"serial zero", entry("00", nil), listed{"00", revocation.Record{RevokedAt: at}}, crlder.Oddities{}},
		{"a leading zero that is needed", entry("0080", nil), listed{"0080", revocation.Record{RevokedAt: at}}, crlder.Oddities{}},
		{"a serial of 20 octets", entry(long[:40], nil), listed{long[:40], revocation.Record{RevokedAt: at}}, crlder.Oddities{}},
		{"a serial of 21 octets", entry(long[:42], nil), listed{long[:42], revocation.Record{RevokedAt: at}}, crlder.Oddities{LongSerials: 1}},
		{"a serial of 64 octets", entry(long, nil), listed{long, revocation.Record{RevokedAt: at}}, crlder.Oddities{LongSerials: 1}},
		{"a negative serial", entry("ff", nil), listed{"ff", revocation.Record{RevokedAt: at}}, crlder.Oddities{NegativeSerials: 1}},
		{"the first UTCTime", seq(fromHex("02 01 05"), utc("500101000000Z")), listed{"05", revocation.Record{RevokedAt: early}}, crlder.Oddities{}},
		{"GeneralizedTime from 2050", seq(fromHex("02 01 05"), gen("20500101000000Z")), listed{"05", revocation.Record{RevokedAt: at2050}}, crlder.Oddities{}},
		{"GeneralizedTime before 2050", seq(fromHex("02 01 05"), gen("20251224060708Z")), listed{"05", revocation.Record{RevokedAt: at}}, crlder.Oddities{EarlyGeneralizedTimes: 1}},
		{"GeneralizedTime long ago", seq(fromHex("02 01 05"), gen("15830228000000Z")), listed{"05", revocation.Record{RevokedAt: at1583}}, crlder.Oddities{EarlyGeneralizedTimes: 1}},
		{"a reason", entry("05", reason(3)), listed{"05", revocation.Record{RevokedAt: at, Reason: revocation.AffiliationChanged}}, crlder.Oddities{}},
		{"the last reason", entry("05", reason(10)), listed{"05", revocation.Record{RevokedAt: at, Reason: revocation.AACompromise}}, crlder.Oddities{}},
		{"a critical reason", entry("05", ext(21, true, fromHex("0a 01 06"))), listed{"05", revocation.Record{RevokedAt: at, Reason: revocation.CertificateHold}}, crlder.Oddities{}},
		{"reason 7", entry("05", reason(7)), listed{"05", revocation.Record{RevokedAt: at}}, crlder.Oddities{UndefinedReasons: 1}},
		{"reason 11", entry("05", reason(11)), listed{"05", revocation.Record{RevokedAt: at}}, crlder.Oddities{UndefinedReasons: 1}},
		{"reason -1", entry("05", reason(255)), listed{"05", revocation.Record{RevokedAt: at}}, crlder.Oddities{UndefinedReasons: 1}},
		{"reason 256", entry("05", ext(21, false, fromHex("0a 02 0100"))), listed{"05", revocation.Record{RevokedAt: at}}, crlder.Oddities{UndefinedReasons: 1}},
		{"removeFromCRL in a complete CRL", entry("05", reason(8)), listed{"05", revocation.Record{RevokedAt: at, Reason: revocation.RemoveFromCRL}}, crlder.Oddities{RemovalsInComplete: 1}},
		{"an invalidity date", entry("05", append(reason(1), ext(24, false, gen("19700101000001Z"))...)),
			listed{"05", revocation.Record{RevokedAt: at, Reason: revocation.KeyCompromise, InvalidityDate: 1, HasInvalidity: true}}, crlder.Oddities{}},
		{"a hold instruction", entry("05", append(reason(6), ext(23, false, fromHex("06 07 2a8648ce380203"))...)),
			listed{"05", revocation.Record{RevokedAt: at, Reason: revocation.CertificateHold}}, crlder.Oddities{}},
		{"an unknown extension", entry("05", ext(99, false, fromHex("0500"))), listed{"05", revocation.Record{RevokedAt: at}}, crlder.Oddities{}},
		{"a certificate issuer", entry("05", ext(29, true, seq(directory))), listed{"05", revocation.Record{RevokedAt: at, CertificateIssuer: directory[2:]}}, crlder.Oddities{}},
		{"an entry of more than 127 octets", entry("05", ext(99, false, make([]byte, 300))), listed{"05", revocation.Record{RevokedAt: at}}, crlder.Oddities{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := sound()
			p.revoked = seq(entry("01", ext(24, false, gen("20200101000000Z"))), row.entry, entry("02", nil))
			crl, list := mustDecode(t, p.der())
			if len(list) != 3 || crl.Entries != 3 {
				t.Fatalf("%d entries, counted %d, want 3", len(list), crl.Entries)
			}
			if diff := cmp.Diff(row.want, list[1]); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
			if list[2].HasInvalidity {
				t.Error("the invalidity date of another entry stuck to the last one")
			}
			if diff := cmp.Diff(row.odd, crl.Odd); diff != "" {
				t.Errorf("oddities (-want +got):\n%s", diff)
			}
			if crl.Reasons[row.want.Reason] == 0 {
				t.Errorf("reason %v was not counted: %v", row.want.Reason, crl.Reasons)
			}
		})
	}
}

func TestEntriesSayWhatMakesTheCRLUnusable(t *testing.T) {
	p := sound()
	p.revoked = seq(entry("01", ext(99, true, fromHex("0500"))), entry("02", ext(99, true, fromHex("0500"))),
		entry("03", ext(29, true, seq(tlv(0xa4, p.issuer)))))
	crl, list := mustDecode(t, p.der())
	if len(list) != 3 || !cmp.Equal(crl.UnknownCriticalEntry, []string{"2.5.29.99"}) || crl.IndirectEntries != 1 || !crl.IsIndirect() {
		t.Errorf("unknown critical %q, %d indirect entries; want one of each", crl.UnknownCriticalEntry, crl.IndirectEntries)
	}
}

// Both paths of the walk agree with encoding by the book, whatever the serial, the date and the reason.
func TestEntriesSurviveARoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []listed
		var encoded [][]byte
		for range rapid.IntRange(1, 20).Draw(t, "entries") {
			serial := rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "serial")
			for len(serial) > 1 && (serial[0] == 0 && serial[1] < 0x80 || serial[0] == 0xff && serial[1] >= 0x80) {
				serial = serial[1:]
			}
			at := time.Unix(rapid.Int64Range(-631152000, 2524607999).Draw(t, "date"), 0).UTC()
			e := listed{hex.EncodeToString(serial), revocation.Record{RevokedAt: at.Unix()}}
			date, extensions := utc(at.Format("060102150405Z")), []byte(nil)
			if rapid.Bool().Draw(t, "generalized") {
				date = gen(at.Format("20060102150405Z"))
			}
			if code := rapid.IntRange(0, 10).Draw(t, "reason"); code != 0 && code != 7 {
				e.Reason, extensions = revocation.Reason(code), seq(reason(byte(code)))
			}
			want, encoded = append(want, e), append(encoded, seq(tlv(2, serial), date, extensions))
		}
		p := sound()
		p.revoked = seq(encoded...)
		_, got, err := decode(p.der())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("entries (-want +got):\n%s", diff)
		}
	})
}

func TestAlgorithmsAreNamedAndJudged(t *testing.T) {
	const pss = "06 09 2a864886f70d01010a"
	sha256, mgf := "300d 0609 608648016503040201 0500", "06 09 2a864886f70d010108"
	for _, row := range []struct{ name, der, want, problem string }{
		{"RSA with NULL", "06 09 2a864886f70d01010b 0500", "sha256WithRSAEncryption", ""},
		{"RSA without parameters", "06 09 2a864886f70d01010b", "sha256WithRSAEncryption", ""},
		{"RSA with other parameters", "06 09 2a864886f70d01010b 020101", "sha256WithRSAEncryption", "must not have"},
		{"SHA-1 by its older name", "06 05 2b0e03021d", "sha1WithRSA", ""},
		{"MD5", "06 09 2a864886f70d010104 0500", "md5WithRSAEncryption", "can be forged"},
		{"MD2", "06 09 2a864886f70d010102 0500", "md2WithRSAEncryption", "can be forged"},
		{"ECDSA with NULL", "06 08 2a8648ce3d040302 0500", "ecdsa-with-SHA256", "must not have"},
		{"Ed448", "06 03 2b6571", "ED448", "not supported"},
		{"unknown", "06 03 2a0304", "1.2.3.4", "not known"},
		{"PSS with SHA-256", pss + hexOf(seq(tlv(0xa0, fromHex(sha256)), tlv(0xa1, seq(fromHex(mgf), fromHex(sha256))), fromHex("a203 020120"))),
			"rsassaPss (SHA-256, salt 32)", ""},
		{"PSS by default", pss + "3000", "rsassaPss (SHA-1, salt 20)", ""},
		{"PSS without parameters", pss, "rsassaPss", "malformed"},
		{"PSS with two digests", pss + hexOf(seq(tlv(0xa0, fromHex(sha256)))), "rsassaPss", "mask generation"},
		{"PSS with another trailer", pss + hexOf(seq(fromHex("a303 020102"))), "rsassaPss", "trailer"},
		{"PSS with a negative salt", pss + hexOf(seq(fromHex("a203 0201ff"))), "rsassaPss", "INTEGER"},
		{"PSS with an unknown digest", pss + hexOf(seq(tlv(0xa0, seq(fromHex("06 03 2a0304"))))), "rsassaPss", "digest 1.2.3.4"},
		{"PSS with a broken digest", pss + hexOf(seq(tlv(0xa0, seq(fromHex("06 02 2a83"))))), "rsassaPss", "digest 0x2a83"},
		{"PSS with more", pss + hexOf(seq(fromHex("a403 020102"))), "rsassaPss", "follow"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := sound()
			p.inner = seq(fromHex(row.der))
			p.outer = p.inner
			crl, _ := mustDecode(t, p.der())
			if crl.SignatureAlgorithmName() != row.want {
				t.Errorf("name %q, want %q", crl.SignatureAlgorithmName(), row.want)
			}
			if problem := crl.Algorithm.Problem; row.problem == "" && problem != "" || !strings.Contains(problem, row.problem) {
				t.Errorf("problem %q, want %q", problem, row.problem)
			}
			if hashed := crl.Digest != nil; hashed != (row.problem == "") {
				t.Errorf("the signed part was hashed: %v", hashed)
			}
		})
	}
}

func TestSHA1IsOdd(t *testing.T) {
	p := sound()
	p.inner = fromHex("30 09 06 07 2a8648ce3d0401")
	p.outer = p.inner
	crl, _ := mustDecode(t, p.der())
	if odd := crl.Oddities(); len(odd) != 1 || !strings.Contains(odd[0], "SHA-1") {
		t.Errorf("oddities %q, want SHA-1 among them", odd)
	}
}

func TestIssuerThatCannotBeShownIsAnError(t *testing.T) {
	p := sound()
	p.issuer = seq(tlv(0x31, seq(fromHex("06 03 550403"), tlv(0x13, []byte("a*b\x00")))))
	crl, _ := mustDecode(t, p.der())
	if _, err := crl.Issuer(); err == nil || !bytes.Equal(crl.RawIssuer, p.issuer) {
		t.Errorf("error %v, raw issuer %x; want an error and the octets", err, crl.RawIssuer)
	}
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
