package certheader

import (
	"net/url"
	"strings"
)

// charset is which octets a gateway leaves as they are.
type charset [256]bool

// unreserved never need an escape (RFC 3986 §2.3); AWS and mod_rewrite leave what base64 needs as well.
var (
	unreserved = charsetOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
	awsPlain   = charsetOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+=/")
)

func charsetOf(octets string) *charset {
	var set charset
	for _, c := range []byte(octets) {
		set[c] = true
	}
	return &set
}

// unescape resolves percent-encoding (RFC 3986 §2.1) of text in which only certain characters stand for themselves. A plus sign is a
// plus sign: base64 has them, and reading one as a space is what breaks certificates from AWS.
func unescape(text string, plain *charset, header string) (string, error) {
	for i := range len(text) {
		if c := text[i]; c != '%' && !plain[c] {
			return "", refuse("escape", "RFC 3986 §2.1", header, "has %q where its gateway would have escaped it", text[i:i+1])
		}
	}
	s, err := url.PathUnescape(text)
	if err != nil {
		return "", refuse("escape", "RFC 3986 §2.1", header, "is wrongly escaped: %v", err)
	}
	return s, nil
}

// readEscaped reads escaped PEM of one certificate or of a chain, the leaf first.
func readEscaped(plain *charset) func(*Reader, values) (Presented, error) {
	return func(r *Reader, v values) (Presented, error) {
		text, err := unescape(v.first, plain, r.names.Certificate)
		if err != nil {
			return Presented{}, err
		}
		return presented(decodePEM(text, r.names.Certificate))
	}
}

// readAzure reads PEM of which Microsoft does not say how its line ends come through a header: escaped, or as white space.
func readAzure(r *Reader, v values) (Presented, error) {
	if strings.Contains(v.first, "%") {
		return readEscaped(awsPlain)(r, v)
	}
	return readPlainPEM(r, v)
}
