package crlder

import (
	"github.com/vetopki/veto/revocation"
)

// anyEntry reads an entry of any shape (RFC 5280 §5.1.2.6):
//
//	SEQUENCE { userCertificate CertificateSerialNumber, revocationDate Time, crlEntryExtensions Extensions OPTIONAL }
func (d *decoder) anyEntry(e der) error {
	serial, err := e.expect(tagInteger, "userCertificate")
	if err != nil {
		return err
	}
	if err := revocation.CheckSerialDER(serial.b); err != nil {
		return malformed(serial.off, "RFC 5280 §4.1.2.2", "userCertificate: %v", err)
	}
	tag := e.next()
	if tag != tagGeneralizedTime {
		tag = tagUTCTime
	}
	date, err := e.expect(tag, "revocationDate")
	if err != nil {
		return err
	}
	at, err := d.readTime(tag, date, "revocationDate")
	if err != nil {
		return err
	}
	d.rec = revocation.Record{Serial: serial.b, RevokedAt: at, CertificateIssuer: d.rec.CertificateIssuer}
	if !e.empty() {
		if err := d.entryExtensions(&e); err != nil {
			return err
		}
	}
	if err := e.end("an entry of revokedCertificates"); err != nil {
		return err
	}
	if err := d.entry(&d.rec); err != nil {
		return err
	}
	d.count()
	return nil
}

// count books the entry that was passed on.
func (d *decoder) count() {
	d.crl.Entries++
	d.crl.Reasons[d.rec.Reason]++
	if d.rec.Serial[0] >= 0x80 {
		d.crl.Odd.NegativeSerials++
	}
	if len(d.rec.Serial) > maxCommonSerial {
		d.crl.Odd.LongSerials++
	}
}

// entryExtensions reads crlEntryExtensions (§5.3).
func (d *decoder) entryExtensions(e *der) error {
	at := e.off
	list, err := e.expect(tagSequence, "crlEntryExtensions")
	if err != nil {
		return err
	}
	if d.crl.Version == 1 {
		return malformed(at, "RFC 5280 §5.1.2.1", "an entry has extensions, which a v1 CRL must not have")
	}
	return d.eachExtension(list, "crlEntryExtensions", (*decoder).entryExtension)
}

func (d *decoder) entryExtension(x extension) error {
	switch string(x.oid.b) {
	case oidReasonCode:
		return d.reasonCode(x.value)
	case oidInvalidityDate:
		return d.invalidityDate(x.value)
	case oidHoldInstruction:
		return checkHoldInstruction(x.value)
	case oidCertificateIssuer:
		return d.certificateIssuer(x.value)
	}
	if x.critical {
		d.crl.UnknownCriticalEntry = addOnce(d.crl.UnknownCriticalEntry, oidString(x.oid))
	}
	return nil
}

// reasonCode is an ENUMERATED (§5.3.1). A number the RFC does not define leaves the certificate revoked, for no stated reason.
func (d *decoder) reasonCode(v der) error {
	code, err := v.expect(tagEnumerated, "reasonCode")
	if err != nil {
		return err
	}
	if revocation.CheckSerialDER(code.b) != nil { // the contents rules of INTEGER (X.690 §8.4)
		return malformed(code.off, "X.690 §8.4", "reasonCode is not a minimal ENUMERATED")
	}
	reason := revocation.Reason(code.b[0])
	switch {
	case len(code.b) > 1 || !reason.Valid():
		d.crl.Odd.UndefinedReasons++
	default:
		d.rec.Reason = reason
	}
	return v.end("reasonCode")
}

// invalidityDate is a GeneralizedTime, whatever the year (§5.3.2).
func (d *decoder) invalidityDate(v der) error {
	t, err := v.expect(tagGeneralizedTime, "invalidityDate")
	if err != nil {
		return err
	}
	at, ok := d.clock.read(tagGeneralizedTime, t.b)
	if !ok {
		return malformed(t.off, "RFC 5280 §5.3.2", "invalidityDate %.20q is not YYYYMMDDHHMMSSZ of a moment that exists", t.b)
	}
	d.rec.InvalidityDate, d.rec.HasInvalidity = at, true
	return v.end("invalidityDate")
}

// checkHoldInstruction reads an OBJECT IDENTIFIER nobody acts upon (RFC 3280 §5.3.2; RFC 5280 dropped it).
func checkHoldInstruction(v der) error {
	oid, err := v.expect(tagOID, "holdInstructionCode")
	if err != nil {
		return err
	}
	if err := checkOID(oid, "holdInstructionCode"); err != nil {
		return err
	}
	return v.end("holdInstructionCode")
}

// noIssuer is no Name: an entry that has it is of nobody's certificate.
var noIssuer = []byte{}

// certificateIssuer says whose certificate this entry and those after it are, until the next that says so (§5.3.3). A name
// that is not exactly one directoryName is counted, and makes the CRL unusable.
func (d *decoder) certificateIssuer(v der) error {
	names, err := v.expect(tagSequence, "certificateIssuer")
	if err != nil {
		return err
	}
	list, err := generalNames(names, "certificateIssuer")
	if err != nil {
		return err
	}
	d.crl.IndirectEntries++
	d.rec.CertificateIssuer = noIssuer
	if of := directoryNames(list); len(of) == 1 {
		d.rec.CertificateIssuer = of[0]
	} else {
		d.crl.UnnamedIssuers++
	}
	return v.end("certificateIssuer")
}
