package explain

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/internal/ocspder"
)

// describeExtension names an extension of an OCSP message, says what it means and where it is defined.
func describeExtension(e *ocspder.Extension) (name, meaning, section string) {
	id := dotted(e.OID)
	value := cryptobyte.String(e.Value)
	switch id {
	case "1.3.6.1.5.5.7.48.1.2":
		return "nonce", nonceMeaning(value), "RFC 9654 §2.1"
	case "1.3.6.1.5.5.7.48.1.3":
		return "CRL references", "which CRL says so, " + octets(value), "RFC 6960 §4.4.2"
	case "1.3.6.1.5.5.7.48.1.4":
		return "acceptable responses", "the client takes responses of the types " + oidList(value), "RFC 6960 §4.4.3"
	case "1.3.6.1.5.5.7.48.1.6":
		return "archive cutoff", "the responder knows certificates that expired since " + timeText(value), "RFC 6960 §4.4.4"
	case "1.3.6.1.5.5.7.48.1.7":
		return "service locator", "the client asks to pass the request on to the CA's own responder, which veto does not do", "RFC 6960 §4.4.6"
	case "1.3.6.1.5.5.7.48.1.8":
		return "preferred signature algorithms", preferences(value), "RFC 6960 §4.4.7"
	case "1.3.6.1.5.5.7.48.1.9":
		return "extended revoke", "the responder says revoked of certificates that were never issued", "RFC 6960 §4.4.8"
	case "2.5.29.21":
		return "CRL reason", octets(value), "RFC 5280 §5.3.1"
	case "2.5.29.24":
		return "invalidity date", "the key is suspect since " + timeText(value), "RFC 5280 §5.3.2"
	case "1.3.6.1.4.1.11129.2.4.5":
		return "certificate transparency", "signed certificate timestamps, " + octets(value), "RFC 6962 §3.3"
	}
	return id, "not known here, " + octets(value), ""
}

// nonceMeaning says what the length of a nonce makes of it.
func nonceMeaning(value cryptobyte.String) string {
	var nonce cryptobyte.String
	if !value.ReadASN1(&nonce, asn1.OCTET_STRING) || !value.Empty() {
		return octets(value) + ", without the OCTET STRING around it that the standard asks for; veto answers as if there were none"
	}
	text := fmt.Sprintf("%x, %d octets", []byte(nonce), len(nonce))
	switch {
	case len(nonce) < 16:
		return text + "; shorter than 16, so that veto answers without it"
	case len(nonce) > 32:
		return text + "; longer than 32, so that veto answers without it"
	}
	return text + "; an answer that repeats it was made for this request"
}

func preferences(value cryptobyte.String) string {
	var list cryptobyte.String
	var names []string
	if !value.ReadASN1(&list, asn1.SEQUENCE) {
		return "cannot be read"
	}
	for !list.Empty() {
		var preferred, algorithm cryptobyte.String
		if !list.ReadASN1(&preferred, asn1.SEQUENCE) || !preferred.ReadASN1Element(&algorithm, asn1.SEQUENCE) {
			return "cannot be read"
		}
		names = append(names, algorithmName(algorithm))
	}
	return "best first, " + strings.Join(names, ", ")
}

func oidList(value cryptobyte.String) string {
	var list cryptobyte.String
	var names []string
	if !value.ReadASN1(&list, asn1.SEQUENCE) {
		return "cannot be read"
	}
	for !list.Empty() {
		var oid cryptobyte.String
		if !list.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) {
			return "cannot be read"
		}
		name := dotted(oid)
		if name == "1.3.6.1.5.5.7.48.1.1" {
			name = "id-pkix-ocsp-basic"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func timeText(value cryptobyte.String) string {
	var t time.Time
	if !value.ReadASN1GeneralizedTime(&t) || !value.Empty() {
		return "a time that cannot be read"
	}
	return stamp(t)
}

// octets shows a value, shortened when it is long.
func octets(value []byte) string {
	const most = 32
	if len(value) > most {
		return fmt.Sprintf("%d octets %x…", len(value), value[:most])
	}
	return fmt.Sprintf("%d octets %x", len(value), value)
}

// dotted writes the content octets of an OBJECT IDENTIFIER as people do.
func dotted(content []byte) string {
	var id x509.OID
	if id.UnmarshalBinary(content) != nil {
		return fmt.Sprintf("%x", content)
	}
	return id.String()
}
