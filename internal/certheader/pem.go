package certheader

import "strings"

const (
	pemBegin = "-----BEGIN CERTIFICATE-----"
	pemEnd   = "-----END CERTIFICATE-----"
)

// decodePEM reads certificates in PEM (RFC 7468 §5.1), and nothing but certificates. Line ends may have become any white space:
// nginx continues lines with a tab, which HTTP turns into a space; Apache writes a space.
func decodePEM(text, header string) ([][]byte, error) {
	var list [][]byte
	for text = strings.TrimLeft(text, pemSpace); text != ""; text = strings.TrimLeft(text, pemSpace) {
		if len(list) == MaxCertificates {
			return nil, tooMany(header)
		}
		der, rest, err := decodeBlock(text, header)
		if err != nil {
			return nil, err
		}
		list, text = append(list, der), rest
	}
	if len(list) == 0 {
		return nil, refuse("pem", "RFC 7468 §5.1", header, "holds no certificate")
	}
	return list, nil
}

const pemSpace = " \t\r\n"

// decodeBlock reads the certificate that the text begins with, and returns what follows.
func decodeBlock(text, header string) (der []byte, rest string, err error) {
	body, ok := strings.CutPrefix(text, pemBegin)
	if !ok {
		return nil, "", refuse("pem", "RFC 7468 §2", header, "does not go on with %q", pemBegin)
	}
	body, rest, ok = strings.Cut(body, pemEnd)
	if !ok {
		return nil, "", refuse("pem", "RFC 7468 §2", header, "is cut off: there is no %q", pemEnd)
	}
	if trimmed := strings.Trim(body, pemSpace); len(body)-len(trimmed) < 2 || !strings.ContainsRune(pemSpace, rune(body[0])) {
		return nil, "", refuse("pem", "RFC 7468 §2", header, "has base64 on the line of its label")
	}
	der, err = decodeCertificate(withoutSpace(body), header)
	return der, rest, err
}

func withoutSpace(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for i := range len(text) {
		if c := text[i]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// readPlainPEM reads PEM that is not escaped. Apache writes "(null)" where there is no certificate.
func readPlainPEM(r *Reader, v values) (Presented, error) {
	if v.first == "(null)" {
		return Presented{}, ErrNone
	}
	return presented(decodePEM(v.first, r.names.Certificate))
}
