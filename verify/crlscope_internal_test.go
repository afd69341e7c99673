package verify

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// FuzzScope looks for pairs of cRLDistributionPoints and issuingDistributionPoint that a CRL covers and must not.
func FuzzScope(f *testing.F) {
	name, err := asn1.Marshal(pkix.Name{CommonName: "CA"}.ToRDNSequence())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, points, idp []byte, isCA bool) {
		crl, err := crlder.Decode(bytes.NewReader(unsigned(name, idp)), crlder.Options{}, nil)
		if err != nil {
			return
		}
		c := &x509.Certificate{Version: 3, SerialNumber: big.NewInt(1), RawIssuer: name, BasicConstraintsValid: true, IsCA: isCA,
			Extensions: []pkix.Extension{{Id: oidDistributionPoints, Value: points}}}
		s, err := subjectOf(c)
		if err != nil {
			return
		}
		view := NewCRLView(crl, "", nil)
		covered, first := Covers(CRLInfo(crl, revocation.IssuerID{}, revocation.ScopeID{}, ""), c)
		if by, _ := view.coversAny(s); covered.EndEntity|covered.CA != by || (by == 0) != (first != nil) {
			t.Fatalf("a stored CRL covers %+v, %v; the same one at hand %x", covered, first, by)
		}
		for i := range s.points {
			p := &s.points[i]
			reasons, refused := view.covers(s, p)
			idp := crl.IDP
			switch {
			case (reasons == 0) != (refused != nil):
				t.Fatalf("reasons %x with refusal %v", reasons, refused)
			case refused != nil:
			case reasons&^p.reasons != 0 || reasons&^revocation.AllReasons != 0:
				t.Fatalf("covers %x of %x", reasons, p.reasons)
			case p.foreign && (idp == nil || !idp.Indirect):
				t.Fatal("a cRLIssuer is served by a CRL that is not indirect")
			case idp != nil && (idp.OnlyAttribute || idp.OnlyUser && isCA || idp.OnlyCA && !isCA || reasons&^idp.OnlyReasons.OrAll() != 0):
				t.Fatalf("the scope %+v covers it", idp)
			}
		}
	})
}

// unsigned is a CRL with an issuing distribution point and no signature worth the name.
func unsigned(issuer, idp []byte) []byte {
	algorithm, _ := hex.DecodeString("300a06082a8648ce3d040302")
	element := func(tag byte, parts ...[]byte) []byte {
		b, err := asn1.Marshal(asn1.RawValue{Class: int(tag >> 6), Tag: int(tag & 0x1f), IsCompound: tag&0x20 != 0, Bytes: bytes.Join(parts, nil)})
		if err != nil {
			panic(err)
		}
		return b
	}
	extension := element(0x30, []byte("\x06\x03\x55\x1d\x1c\x01\x01\xff"), element(0x04, idp))
	tbs := element(0x30, []byte("\x02\x01\x01"), algorithm, issuer, element(0x17, []byte("260101000000Z")), element(0xa0, element(0x30, extension)))
	return element(0x30, tbs, algorithm, element(0x03, []byte(strings.Repeat("\x00", 9))))
}
