package explain

import (
	"fmt"
	"net"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/internal/ocspder"
)

// details are the parts of a request that the codec reads over: nothing an answer depends on.
type details struct {
	requestor  cryptobyte.String // a GeneralName; empty when there is none
	single     [][]ocspder.Extension
	extensions []ocspder.Extension
	algorithm  []byte // of the signature; nil when there is none
	certs      [][]byte
}

// request explains a request that the codec has read, hence of sound structure.
func (w *writer) request(der []byte, q *ocspder.Request) {
	d := readDetails(der)
	w.say(0, "RFC 6960 §4.1", "An OCSP request, %d octets, about %s.", len(der), count(len(q.CertIDs), "certificate"))
	for i := range q.CertIDs {
		id := &q.CertIDs[i]
		w.say(1, "", "certificate %d: serial %s", i+1, id.Serial)
		w.certID(2, id)
		if i < len(d.single) {
			w.extensions(2, d.single[i])
		}
	}
	if !d.requestor.Empty() {
		w.say(1, "RFC 6960 §4.1.2", "the requestor calls itself %s, which veto passes over", generalName(d.requestor))
	}
	w.extensions(1, d.extensions)
	if !q.NonceSent {
		w.say(1, "RFC 9654 §2.1", "no nonce: the answer may be one that was made for somebody else, within its time")
	}
	if q.Signature != nil {
		w.say(1, "RFC 6960 §4.1.2", "signed by %s; whether veto looks at that is the setting request_signature of the issuer", algorithmName(d.algorithm))
		w.certificates(2, d.certs)
	}
	if len(der) <= 255*3/4 {
		w.say(1, "RFC 9919 §6", "short enough for GET")
	}
}

// readDetails walks over a sound request.
func readDetails(der []byte) (d details) {
	message := cryptobyte.String(der)
	var body, tbs, list, wrapped cryptobyte.String
	var present bool
	message.ReadASN1(&body, asn1.SEQUENCE)
	body.ReadASN1(&tbs, asn1.SEQUENCE)
	tbs.SkipOptionalASN1(tag(0))
	if tbs.ReadOptionalASN1(&wrapped, &present, tag(1)) && present {
		d.requestor = wrapped
	}
	tbs.ReadASN1(&list, asn1.SEQUENCE)
	for !list.Empty() {
		var request cryptobyte.String
		if !list.ReadASN1(&request, asn1.SEQUENCE) || !request.SkipASN1(asn1.SEQUENCE) {
			break
		}
		d.single = append(d.single, optionalExtensions(&request, tag(0)))
	}
	d.extensions = optionalExtensions(&tbs, tag(2))
	if body.ReadOptionalASN1(&wrapped, &present, tag(0)) && present {
		d.readSignature(wrapped)
	}
	return d
}

func (d *details) readSignature(wrapped cryptobyte.String) {
	var signature, certs, list cryptobyte.String
	var present bool
	if !wrapped.ReadASN1(&signature, asn1.SEQUENCE) || !signature.ReadASN1Element((*cryptobyte.String)(&d.algorithm), asn1.SEQUENCE) ||
		!signature.SkipASN1(asn1.BIT_STRING) || !signature.ReadOptionalASN1(&certs, &present, tag(0)) || !present ||
		!certs.ReadASN1(&list, asn1.SEQUENCE) {
		return
	}
	for !list.Empty() {
		var certificate cryptobyte.String
		if !list.ReadASN1Element(&certificate, asn1.SEQUENCE) {
			return
		}
		d.certs = append(d.certs, certificate)
	}
}

// optionalExtensions reads Extensions under an explicit tag; what cannot be read ends them.
func optionalExtensions(s *cryptobyte.String, outer asn1.Tag) (list []ocspder.Extension) {
	var wrapped, body cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&wrapped, &present, outer) || !present || !wrapped.ReadASN1(&body, asn1.SEQUENCE) {
		return nil
	}
	for !body.Empty() {
		var extension, critical cryptobyte.String
		var e ocspder.Extension
		if !body.ReadASN1(&extension, asn1.SEQUENCE) || !extension.ReadASN1((*cryptobyte.String)(&e.OID), asn1.OBJECT_IDENTIFIER) ||
			!extension.ReadOptionalASN1(&critical, &e.Critical, asn1.BOOLEAN) ||
			!extension.ReadASN1((*cryptobyte.String)(&e.Value), asn1.OCTET_STRING) {
			return list
		}
		list = append(list, e)
	}
	return list
}

// generalName shows a GeneralName (RFC 5280 §4.2.1.6).
func generalName(name cryptobyte.String) string {
	var content cryptobyte.String
	var kind asn1.Tag
	whole := []byte(name)
	if !name.ReadAnyASN1(&content, &kind) {
		return octets(whole)
	}
	switch kind {
	case asn1.Tag(1).ContextSpecific(), asn1.Tag(2).ContextSpecific(), asn1.Tag(6).ContextSpecific():
		return fmt.Sprintf("%q", []byte(content))
	case asn1.Tag(4).ContextSpecific().Constructed():
		return nameText(content)
	case asn1.Tag(7).ContextSpecific():
		if len(content) == net.IPv4len || len(content) == net.IPv6len {
			return net.IP(content).String()
		}
	}
	return octets(whole)
}

func tag(n asn1.Tag) asn1.Tag { return n.ContextSpecific().Constructed() }

// count says a number of things.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
