package revocation

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
)

// MaxSerialOctets is the longest serial number read anywhere, in content octets of its DER INTEGER. RFC 5280 §4.1.2.2 asks
// CAs for at most 20; certificates that exceed it exist, so up to 64 are read.
const MaxSerialOctets = 64

// Serial is a certificate serial number: the content octets of its DER INTEGER, minimal two's complement, big endian. Two
// serials are equal exactly when the bytes are. The empty Serial is no serial number.
type Serial string

// SerialFromDER checks the content octets of a DER INTEGER and returns them as a Serial. Empty, over-long and non-minimal
// encodings are refused (X.690 §8.3.2).
func SerialFromDER(content []byte) (Serial, error) {
	if err := CheckSerialDER(content); err != nil {
		return "", err
	}
	return Serial(content), nil
}

// CheckSerialDER says whether content is the minimal encoding of a serial number of an accepted length (X.690 §8.3.2).
func CheckSerialDER(content []byte) error {
	switch {
	case len(content) == 0:
		return fmt.Errorf("%w: empty INTEGER", ErrMalformedSerial)
	case len(content) > MaxSerialOctets:
		return fmt.Errorf("%w: %d octets, at most %d are read", ErrMalformedSerial, len(content), MaxSerialOctets)
	case len(content) > 1 && content[0] == 0x00 && content[1] < 0x80,
		len(content) > 1 && content[0] == 0xff && content[1] >= 0x80:
		return fmt.Errorf("%w: INTEGER is not minimal (X.690 §8.3.2)", ErrMalformedSerial)
	}
	return nil
}

// SerialFromBig converts a certificate's SerialNumber as crypto/x509 presents it.
func SerialFromBig(n *big.Int) (Serial, error) {
	if n == nil {
		return "", fmt.Errorf("%w: none", ErrMalformedSerial)
	}
	return SerialFromDER(twosComplement(n))
}

// ParseSerial reads a serial as people write it: hexadecimal in either case, with or without 0x, colons and leading zeros,
// or "dec:" and a decimal number. A leading minus sign makes it negative.
func ParseSerial(text string) (Serial, error) {
	if s, ok := parsePrinted(text); ok {
		return s, nil
	}
	if len(text) > 4*MaxSerialOctets {
		return "", fmt.Errorf("%w: %d characters are too long", ErrMalformedSerial, len(text))
	}
	base, digits := 16, strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(digits, "dec:"); ok {
		base, digits = 10, rest
	}
	digits, negative := strings.CutPrefix(digits, "-")
	if base == 16 {
		digits = strings.TrimPrefix(strings.TrimPrefix(digits, "0x"), "0X")
		digits = strings.ReplaceAll(digits, ":", "")
	}
	if digits == "" || strings.ContainsAny(digits, "+-_") {
		return "", fmt.Errorf("%w: %q is not a number; write hex (0a:1b or 0x0a1b) or dec:NUMBER", ErrMalformedSerial, text)
	}
	n, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return "", fmt.Errorf("%w: %q is not a number; write hex (0a:1b or 0x0a1b) or dec:NUMBER", ErrMalformedSerial, text)
	}
	if negative {
		n.Neg(n)
	}
	return SerialFromBig(n)
}

// parsePrinted reads the form String writes of a positive serial without going through a big number: it is what gateways send,
// and took a tenth of a GET of /v1/status.
func parsePrinted(text string) (Serial, bool) {
	var b [MaxSerialOctets + 1]byte
	if len(text) < 2 || len(text) > 2*MaxSerialOctets || len(text)%2 != 0 {
		return "", false
	}
	n, err := hex.Decode(b[1:], []byte(text))
	if err != nil {
		return "", false
	}
	content := b[1 : 1+n]
	if content[0] >= 0x80 {
		content = b[:1+n]
	}
	if CheckSerialDER(content) != nil { // leading zeros, or too long: the long way says which
		return "", false
	}
	return Serial(content), true
}

// Big returns the serial as a signed number.
func (s Serial) Big() *big.Int {
	n := new(big.Int).SetBytes([]byte(s))
	if s.Negative() {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(s))))
	}
	return n
}

// Negative says whether the serial is below zero, which RFC 5280 §4.1.2.2 forbids and some CAs have issued.
func (s Serial) Negative() bool { return s != "" && s[0] >= 0x80 }

// String is the magnitude in lower-case hex with an even number of digits, after a minus sign when it is negative.
func (s Serial) String() string { return string(s.AppendText(nil)) }

// AppendText appends what String returns.
func (s Serial) AppendText(b []byte) []byte {
	if s.Negative() {
		n := s.Big()
		return hex.AppendEncode(append(b, '-'), n.Neg(n).Bytes())
	}
	magnitude := string(s)
	if len(magnitude) > 1 && magnitude[0] == 0 {
		magnitude = magnitude[1:]
	}
	const digits = "0123456789abcdef"
	for i := range len(magnitude) {
		b = append(b, digits[magnitude[i]>>4], digits[magnitude[i]&15])
	}
	return b
}

// twosComplement returns the minimal big-endian two's complement form of n.
func twosComplement(n *big.Int) []byte {
	if n.Sign() >= 0 {
		b := n.Bytes()
		if len(b) == 0 || b[0] >= 0x80 {
			b = append([]byte{0}, b...)
		}
		return b
	}
	// -2^(8k-1) fits in k octets: the length follows from |n|-1.
	m := new(big.Int).Not(n)
	size := m.BitLen()/8 + 1
	b := m.FillBytes(make([]byte, size))
	for i := range b {
		b[i] = ^b[i]
	}
	return b
}
