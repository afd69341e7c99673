package pkitest

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"math/bits"
	"time"
)

// BigCRLOptions shape a CRL of any size. The zero value but for Entries is CRL number 1 with 16-octet serials in ascending
// order and no reasons, valid from a minute ago for a day.
type BigCRLOptions struct {
	Entries      int
	SerialOctets int     // of each serial, 1 to 64; default 16
	Shuffled     bool    // entries in a scattered order instead of ascending serials
	Descending   bool    // the last serial first
	Repeats      int     // how many entries each serial has, one after another before they are scattered; default 1
	ReasonShare  float64 // of the entries that have a reason code, 0 to 1
	Seed         uint64  // the same seed gives the same serials, reasons and, for the same ThisUpdate, dates

	Number                 *big.Int
	ThisUpdate, NextUpdate time.Time

	BadSignature bool // the signature is of another list
}

// WriteBigCRL writes a signed CRL, DER, in constant memory and about 90 ns an entry. The entries are made twice:
// once for the digest to sign, once to be written. RSA and ECDSA keys sign; Ed25519 is refused, it signs the list and not a digest.
func WriteBigCRL(w io.Writer, ca *CA, o BigCRLOptions) error {
	hash, algorithm, err := bigAlgorithm(ca.Key)
	if err != nil {
		return err
	}
	entries, err := newBigEntries(o)
	if err != nil {
		return err
	}
	before, after, err := bigFrame(ca, o, algorithm)
	if err != nil {
		return err
	}
	list := entries.size()
	if list > 0 {
		before = appendHeader(before, 0x30, list)
	}
	tbsSize := len(before) + list + len(after)
	writeTBS := func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 256<<10)
		out.Write(appendHeader(nil, 0x30, tbsSize))
		out.Write(before)
		if err := entries.write(out); err != nil {
			return err
		}
		out.Write(after)
		return out.Flush()
	}

	h := hash.New()
	if err := writeTBS(h); err != nil {
		return err
	}
	digest := h.Sum(nil)
	if o.BadSignature {
		digest[0] ^= 1
	}
	signature, err := ca.Key.Sign(rand.Reader, digest, hash)
	if err != nil {
		return fmt.Errorf("signing the CRL: %w", err)
	}
	trailer := appendHeader(bytes.Clone(algorithm), 0x03, 1+len(signature))
	trailer = append(append(trailer, 0), signature...)
	header := appendHeader(nil, 0x30, len(appendHeader(nil, 0x30, tbsSize))+tbsSize+len(trailer))
	if _, err := w.Write(header); err != nil {
		return err
	}
	if err := writeTBS(w); err != nil {
		return err
	}
	_, err = w.Write(trailer)
	return err
}

// bigAlgorithm returns the digest for a key and the DER of the AlgorithmIdentifier.
func bigAlgorithm(key crypto.Signer) (crypto.Hash, []byte, error) {
	id := pkix.AlgorithmIdentifier{}
	hash := crypto.SHA256
	switch pub := key.Public().(type) {
	case *rsa.PublicKey:
		id.Algorithm, id.Parameters = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, asn1.NullRawValue
	case *ecdsa.PublicKey:
		id.Algorithm = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
		if pub.Curve.Params().BitSize > 256 {
			hash, id.Algorithm = crypto.SHA384, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
		}
	default:
		return 0, nil, fmt.Errorf("a CRL written as a stream needs an RSA or ECDSA key, not %T", pub)
	}
	der, err := asn1.Marshal(id)
	return hash, der, err
}

// bigFrame returns what stands before and after the entries inside tbsCertList.
func bigFrame(ca *CA, o BigCRLOptions, algorithm []byte) (before, after []byte, err error) {
	before = append([]byte{0x02, 1, 1}, algorithm...)
	before = append(before, ca.Certificate.RawSubject...)
	for _, t := range []time.Time{orTime(o.ThisUpdate, -time.Minute), orTime(o.NextUpdate, 24*time.Hour)} {
		der, err := asn1.Marshal(t.UTC())
		if err != nil {
			return nil, nil, fmt.Errorf("encoding a date: %w", err)
		}
		before = append(before, der...)
	}
	number := o.Number
	if number == nil {
		number = big.NewInt(1)
	}
	numberDER, err := asn1.Marshal(number)
	if err != nil {
		return nil, nil, err
	}
	type keyID struct {
		ID []byte `asn1:"tag:0"`
	}
	keyDER, err := asn1.Marshal(keyID{ca.Certificate.SubjectKeyId})
	if err != nil {
		return nil, nil, err
	}
	extensions, err := asn1.Marshal([]pkix.Extension{
		{Id: asn1.ObjectIdentifier{2, 5, 29, 35}, Value: keyDER},
		{Id: asn1.ObjectIdentifier{2, 5, 29, 20}, Value: numberDER},
	})
	return before, append(appendHeader(nil, 0xa0, len(extensions)), extensions...), err
}

// appendHeader appends a DER tag and length.
func appendHeader(b []byte, tag byte, length int) []byte {
	b = append(b, tag)
	if length < 0x80 {
		return append(b, byte(length))
	}
	octets := (bits.Len(uint(length)) + 7) / 8
	b = append(b, 0x80|byte(octets))
	for i := octets - 1; i >= 0; i-- {
		b = append(b, byte(length>>(8*i)))
	}
	return b
}
