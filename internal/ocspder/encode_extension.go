package ocspder

import (
	"time"

	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/revocation"
)

// The singleExtensions a responder writes, none of them critical. RFC 6960 §4.4.5 lets it copy CRL entry extensions; CA/B
// Forum BR §7.3 forbids the reason code among them.

// ArchiveCutoff says since when this responder keeps what it knows of expired certificates (RFC 6960 §4.4.4).
func ArchiveCutoff(t time.Time) Extension {
	return Extension{OID: []byte(oidArchiveCutoff), Value: appendTime(nil, t)}
}

// InvalidityDate says since when the key is known or suspected to be compromised (RFC 5280 §5.3.2).
func InvalidityDate(t time.Time) Extension {
	return Extension{OID: []byte(oidInvalidityDate), Value: appendTime(nil, t)}
}

// CRLReference names the CRL that a status was found on, or not (RFC 6960 §4.4.2):
//
//	CrlID ::= SEQUENCE { crlUrl [0] EXPLICIT IA5String, crlNum [1] EXPLICIT INTEGER, crlTime [2] EXPLICIT GeneralizedTime }
//
// Each is optional: "" and a CRL without number leave theirs out. thisUpdate is when the CRL was made.
func CRLReference(url string, number revocation.CRLNumber, thisUpdate time.Time) Extension {
	var fields []byte
	if url != "" {
		fields = appendHeader(fields, explicit0, element(len(url)))
		fields = appendHeader(fields, asn1.IA5String, len(url))
		fields = append(fields, url...)
	}
	if number != "" {
		content := []byte(number) // a magnitude: an INTEGER with the first bit set would be negative
		if content[0] >= 0x80 {
			content = append([]byte{0}, content...)
		}
		fields = appendHeader(fields, explicit1, element(len(content)))
		fields = appendHeader(fields, asn1.INTEGER, len(content))
		fields = append(fields, content...)
	}
	fields = appendHeader(fields, explicit2, element(timeContent))
	fields = appendTime(fields, thisUpdate)
	return Extension{OID: []byte(oidCRLReference), Value: append(appendHeader(nil, asn1.SEQUENCE, len(fields)), fields...)}
}

func extensionsSize(list []Extension) int {
	n := 0
	for i := range list {
		n += element(list[i].size())
	}
	return n
}

// appendExtensions writes an Extensions list.
func appendExtensions(b []byte, list []Extension) []byte {
	b = appendHeader(b, asn1.SEQUENCE, extensionsSize(list))
	for i := range list {
		e := &list[i]
		b = appendHeader(b, asn1.SEQUENCE, e.size())
		b = appendHeader(b, asn1.OBJECT_IDENTIFIER, len(e.OID))
		b = append(b, e.OID...)
		if e.Critical {
			b = append(b, byte(asn1.BOOLEAN), 1, 0xff)
		}
		b = appendHeader(b, asn1.OCTET_STRING, len(e.Value))
		b = append(b, e.Value...)
	}
	return b
}

func (e *Extension) size() int {
	n := element(len(e.OID)) + element(len(e.Value))
	if e.Critical {
		n += element(1)
	}
	return n
}
