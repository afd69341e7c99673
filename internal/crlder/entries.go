package crlder

import "github.com/vetopki/veto/revocation"

// revokedCertificates walks the entries. Nearly all have one of two shapes, which commonEntries takes without looking at
// anything twice; whatever it leaves (another shape, or an entry across the border of two chunks) goes through the strict
// path, which also finds the words for what is wrong.
func (d *decoder) revokedCertificates() error {
	tag, err := d.src.next(d.tbs.end)
	if err != nil || tag != tagSequence {
		return err
	}
	list, err := d.src.open(tagSequence, d.tbs.end, "revokedCertificates")
	if err != nil {
		return err
	}
	d.crl.Odd.EmptyList = d.src.off == list.end
	for d.src.off < list.end {
		ready := min(int64(len(d.src.buf)), list.end-d.src.off)
		used, err := d.commonEntries(d.src.buf[:ready])
		if err != nil {
			return err
		}
		d.src.take(used)
		if d.src.off == list.end {
			break
		}
		content, _, err := d.src.element(tagSequence, list.end, "entry of revokedCertificates")
		if err != nil {
			return err
		}
		if err := d.anyEntry(content); err != nil {
			return err
		}
	}
	return nil
}

// reasonExtension is what precedes the octet of the reason in an entry whose only extension is a non-critical reasonCode:
// SEQUENCE { SEQUENCE { OID 2.5.29.21, OCTET STRING { ENUMERATED { … } } } }.
const reasonExtension = "\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01"

// commonEntries takes entries of the common shapes from the front of b and returns the octets taken:
//
//	30 LL  02 LS serial  17 0d YYMMDDHHMMSSZ                    (90 % of the 105,861 entries of the real CRLs at hand)
//	30 LL  02 LS serial  17 0d YYMMDDHHMMSSZ  reasonExtension R (10 %; all other shapes together 0.2 %)
//
// All lengths are one octet, so each part is found by adding. This takes 20 ns an entry, the strict path 80 ns: for ten million
// entries 0.2 s or 0.8 s, beside 0.55 s of both digests.
func (d *decoder) commonEntries(b []byte) (used int, err error) {
	const headers, date = 4, 2 + utcTimeLength // of entry and serial; of the date, with its own
	v2 := d.crl.Version == 2
	rec, reasons := &d.rec, &d.crl.Reasons
	rec.HasInvalidity, rec.InvalidityDate = false, 0
	for {
		rest := b[used:]
		if len(rest) < headers || rest[0] != tagSequence || rest[1] >= 0x80 || rest[2] != tagInteger {
			return used, nil
		}
		size, n := 2+int(rest[1]), int(rest[3])
		// Odd serials (negative, beyond 20 octets, not minimal) are left to the strict path, which counts or refuses them.
		if size > len(rest) || n == 0 || n > maxCommonSerial || size < headers+n+date {
			return used, nil
		}
		e := rest[:size]
		serial, when, extensions := e[headers:headers+n], e[headers+n:headers+n+date], e[headers+n+date:]
		if serial[0] >= 0x80 || serial[0] == 0 && n > 1 && serial[1] < 0x80 || when[0] != tagUTCTime || when[1] != utcTimeLength {
			return used, nil
		}
		at, ok := d.clock.utc(when[2:])
		if !ok {
			return used, nil
		}
		reason := revocation.Unspecified
		if len(extensions) > 0 {
			if !v2 || len(extensions) != len(reasonExtension)+1 || string(extensions[:len(reasonExtension)]) != reasonExtension {
				return used, nil
			}
			reason = revocation.Reason(extensions[len(reasonExtension)])
			if !reason.Valid() || reason == revocation.RemoveFromCRL {
				return used, nil
			}
		}
		rec.Serial, rec.RevokedAt, rec.Reason = serial, at, reason
		if err := d.entry(rec); err != nil {
			return used, err
		}
		reasons[reason]++
		d.crl.Entries++
		used += size
	}
}

// maxCommonSerial is what RFC 5280 §4.1.2.2 allows a CA.
const maxCommonSerial = 20
