package pkitest

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Reasons is a set of reasons as ReasonFlags has them (RFC 5280 §4.2.1.13): bit 1 keyCompromise to bit 8 aACompromise.
type Reasons uint16

// Scope shapes an issuing distribution point (RFC 5280 §5.2.5).
type Scope struct {
	URIs             []string
	OnlyUser, OnlyCA bool
	Indirect         bool
	OnlyReasons      Reasons // zero: all
}

// IDP is the extension of a CRL of that scope.
func (s Scope) IDP() pkix.Extension {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addPointName(b, s.URIs)
		for number, set := range map[uint8]bool{1: s.OnlyUser, 2: s.OnlyCA} { // never both
			if set {
				b.AddASN1(context(number), func(b *cryptobyte.Builder) { b.AddUint8(0xff) })
			}
		}
		if s.OnlyReasons != 0 {
			b.AddASN1(context(3), s.OnlyReasons.add)
		}
		if s.Indirect {
			b.AddASN1(context(4), func(b *cryptobyte.Builder) { b.AddUint8(0xff) })
		}
	})
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: b.BytesOrPanic()}
}

// Point is a distribution point of a certificate (RFC 5280 §4.2.1.13).
type Point struct {
	URIs      []string
	CRLIssuer []byte // DER of the Name of who signs the CRL, nil when that is the certificate's issuer
}

// DistributionPoints is the cRLDistributionPoints extension of a certificate.
func DistributionPoints(points ...Point) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 31}, Value: pointList(points)}
}

// FreshestCRL is the extension of a complete CRL that says where its delta CRL is (RFC 5280 §5.2.6).
func FreshestCRL(uris ...string) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 46}, Value: pointList([]Point{{URIs: uris}})}
}

// DeltaIndicator is the extension of a delta CRL: it lists what changed since the complete CRL of a number (RFC 5280 §5.2.4).
func DeltaIndicator(base int64) pkix.Extension {
	value, err := asn1.Marshal(big.NewInt(base))
	if err != nil {
		panic(err) // an int64 can be encoded
	}
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: value}
}

// CertificateIssuer is the extension of an entry of an indirect CRL, from which on the certificates are those of the issuer (RFC 5280
// §5.3.3).
func CertificateIssuer(issuer *x509.Certificate) pkix.Extension {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(context(4).Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(issuer.RawSubject) })
	})
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 29}, Critical: true, Value: b.BytesOrPanic()}
}

func pointList(points []Point) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, p := range points {
			b.AddASN1(cryptobyteasn1.SEQUENCE, p.add)
		}
	})
	return b.BytesOrPanic()
}

func (p Point) add(b *cryptobyte.Builder) {
	addPointName(b, p.URIs)
	if p.CRLIssuer != nil {
		b.AddASN1(context(2).Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1(context(4).Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(p.CRLIssuer) })
		})
	}
}

// addPointName adds distributionPoint [0] { fullName [0] { uniformResourceIdentifier [6] … } }, unless there are no URIs.
func addPointName(b *cryptobyte.Builder, uris []string) {
	if len(uris) == 0 {
		return
	}
	b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
		b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
			for _, uri := range uris {
				b.AddASN1(context(6), func(b *cryptobyte.Builder) { b.AddBytes([]byte(uri)) })
			}
		})
	})
}

// add adds the octets of a named BIT STRING: how many bits of the last are not used, then the bits from the highest on, without
// zeros at the end (X.690 §11.2.2).
func (r Reasons) add(b *cryptobyte.Builder) {
	var octets [2]byte
	last := 0
	for bit := range 9 {
		if r&(1<<bit) != 0 {
			octets[bit/8] |= 0x80 >> (bit % 8)
			last = bit
		}
	}
	b.AddUint8(uint8(7 - last%8))
	b.AddBytes(octets[:last/8+1])
}

func context(number uint8) cryptobyteasn1.Tag { return cryptobyteasn1.Tag(number).ContextSpecific() }
