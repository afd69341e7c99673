package certheader

import (
	"encoding/hex"
	"math/big"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/vetopki/veto/revocation"
)

// Radix is how a gateway writes serial numbers.
type Radix int

// The two in use. nginx, Apache, AWS, Cloudflare and CloudFront write hex; Traefik and Caddy decimal.
const (
	Decimal Radix = 10
	Hex     Radix = 16
)

// readPair reads a serial and, where the gateway names it, the issuer.
func readPair(r *Reader, v values) (Presented, error) {
	if v.first == "(null)" { // Apache, without a certificate
		return Presented{}, ErrNone
	}
	serial, err := parseSerial(v.first, r.radix, r.names.Serial)
	if err != nil {
		return Presented{}, err
	}
	if r.names.Issuer != "" && v.second == "" {
		return Presented{}, noIssuer(r)
	}
	return Presented{Serial: serial, IssuerDN: v.second}, nil
}

func noIssuer(r *Reader) error {
	return refuse("issuer", "RFC 5280 §4.1.2.2", r.names.Serial, "comes without %s: a serial number means nothing without its issuer", r.names.Issuer)
}

// readGoogle reads a serial and the DER of the issuer's Name in base64.
func readGoogle(r *Reader, v values) (Presented, error) {
	p, err := readPair(r, v)
	if err != nil || p.IssuerDN == "" {
		return p, err
	}
	name, err := decodeBase64(p.IssuerDN, r.names.Issuer)
	if err != nil {
		return Presented{}, err
	}
	input := cryptobyte.String(name)
	if !input.SkipASN1(asn1.SEQUENCE) || !input.Empty() {
		return Presented{}, refuse("der", "RFC 5280 §4.1.2.4", r.names.Issuer, "does not hold a Name and nothing else")
	}
	p.IssuerDN, p.IssuerDER = "", name
	return p, nil
}

// readCEA reads a CertificateExactAssertion in the GSER encoding (RFC 4523 §A.1, RFC 3642): { serialNumber 7, issuer rdnSequence:"…" }.
func readCEA(r *Reader, v values) (Presented, error) {
	if v.first == "(null)" {
		return Presented{}, ErrNone
	}
	const section = "RFC 4523 §A.1"
	body, opened := strings.CutPrefix(v.first, "{ serialNumber ")
	body, closed := strings.CutSuffix(body, `" }`)
	number, name, ok := strings.Cut(body, `, issuer rdnSequence:"`)
	if !opened || !closed || !ok {
		return Presented{}, refuse("cea", section, r.names.Serial, `is not { serialNumber N, issuer rdnSequence:"…" }`)
	}
	plain := strings.ReplaceAll(name, `""`, "") // GSER doubles a quote
	if name == "" || strings.Contains(plain, `"`) {
		return Presented{}, refuse("cea", section, r.names.Serial, "has no issuer, or quotes within it")
	}
	serial, err := parseSerial(number, r.radix, r.names.Serial)
	if err != nil {
		return Presented{}, err
	}
	return Presented{Serial: serial, IssuerDN: strings.ReplaceAll(name, `""`, `"`)}, nil
}

// parseSerial reads a serial in the radix it is known to be written in. Hex has pairs of digits, with colons between all or none.
func parseSerial(text string, radix Radix, header string) (revocation.Serial, error) {
	digits, negative := strings.CutPrefix(text, "-")
	n, ok := new(big.Int), false
	if len(digits) <= 3*revocation.MaxSerialOctets {
		switch radix {
		case Decimal:
			ok = digits != "" && strings.Trim(digits, "0123456789") == ""
			if ok {
				n.SetString(digits, 10)
			}
		case Hex:
			var octets []byte
			octets, ok = hexOctets(digits)
			n.SetBytes(octets)
		}
	}
	if !ok {
		return "", refuse("serial", "RFC 5280 §4.1.2.2", header, "has %q, which is no serial number in %s", clip(text), radix)
	}
	if negative {
		n.Neg(n)
	}
	serial, err := revocation.SerialFromBig(n)
	if err != nil {
		return "", refuse("serial", "RFC 5280 §4.1.2.2", header, "has a serial number that is not read: %v", err)
	}
	return serial, nil
}

func hexOctets(text string) ([]byte, bool) {
	if strings.Contains(text, ":") {
		for pair := range strings.SplitSeq(text, ":") {
			if len(pair) != 2 {
				return nil, false
			}
		}
		text = strings.ReplaceAll(text, ":", "")
	}
	octets, err := hex.DecodeString(text)
	return octets, err == nil && len(octets) > 0
}

// String names the radix.
func (r Radix) String() string {
	if r == Decimal {
		return "decimal"
	}
	return "hex, two digits an octet"
}
