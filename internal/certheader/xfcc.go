package certheader

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Element says which element of an Envoy header counts. Each proxy on the way may add one; the last is the nearest proxy's.
type Element uint8

// The choices. OnlyElement refuses a header with several: with forward_client_cert_details SANITIZE_SET there is one.
const (
	OnlyElement Element = iota
	FirstElement
	LastElement
)

const xfccSection = "Envoy, x-forwarded-client-cert"

// readXFCC reads Envoy's x-forwarded-client-cert: elements with commas between, of pairs key=value with semicolons between. A value
// with one of these in it is quoted, and a quote within it escaped.
func readXFCC(r *Reader, v values) (Presented, error) {
	name := r.names.Certificate
	elements, err := splitQuoted(v.first, ',', name)
	if err != nil {
		return Presented{}, err
	}
	if len(elements) > 1 && r.element == OnlyElement {
		return Presented{}, refuse("elements", xfccSection, name, "has %d elements, and no setting says which counts: "+
			"let Envoy sanitize the header (SANITIZE_SET), or choose the first or last element", len(elements))
	}
	chosen := elements[0]
	if r.element == LastElement {
		chosen = elements[len(elements)-1]
	}
	pairs, err := xfccPairs(chosen, name)
	if err != nil {
		return Presented{}, err
	}
	return presented(pairs.certificates(name))
}

// xfcc are the values of an element that matter here, by key in lower case.
type xfcc map[string]string

// xfccPairs reads the pairs of an element. DNS may repeat; By and URI are written by Envoy without quotes, whatever they hold.
func xfccPairs(element, header string) (xfcc, error) {
	parts, err := splitQuoted(element, ';', header)
	if err != nil {
		return nil, err
	}
	pairs := xfcc{}
	for _, part := range parts {
		key, value, ok := strings.Cut(part, "=")
		key = strings.ToLower(strings.Trim(key, " \t"))
		switch {
		case !ok:
			return nil, refuse("pair", xfccSection, header, "has %q, which is not key=value", clip(part))
		case key != "cert" && key != "chain" && key != "hash":
			continue
		}
		if _, again := pairs[key]; again {
			return nil, refuse("pair", xfccSection, header, "has %s twice in one element", key)
		}
		if pairs[key], err = unquote(value, header); err != nil {
			return nil, err
		}
	}
	return pairs, nil
}

// certificates are Chain, which begins with the leaf, or Cert alone. What is said twice must agree.
func (x xfcc) certificates(header string) ([][]byte, error) {
	var list [][]byte
	for _, key := range [...]string{"chain", "cert"} {
		if x[key] == "" {
			continue
		}
		some, err := escapedPEM(x[key], header)
		switch {
		case err != nil:
			return nil, err
		case key == "cert" && len(some) > 1:
			return nil, refuse("pem", xfccSection, header, "has %d certificates in Cert", len(some))
		case list == nil:
			list = some
		case !bytes.Equal(list[0], some[0]):
			return nil, refuse("mismatch", xfccSection, header, "has one certificate in Cert and a chain of another in Chain")
		}
	}
	if list == nil {
		return nil, refuse("no-certificate", xfccSection, header, "names a client but brings no certificate: "+
			"set cert: true in Envoy's set_current_client_cert_details")
	}
	sum := sha256.Sum256(list[0])
	if hash, given := x["hash"]; given && !strings.EqualFold(hash, hex.EncodeToString(sum[:])) {
		return nil, refuse("mismatch", xfccSection, header, "has a Hash that is not that of its certificate")
	}
	return list, nil
}

// EscapedPEM reads the escaped PEM that Envoy passes as source.certificate of an authorization request (CheckRequest), and as Cert
// and Chain of its header. The name is for refusals. An empty text is ErrNone.
func EscapedPEM(text, name string) ([][]byte, error) {
	switch {
	case text == "":
		return nil, ErrNone
	case len(text) > MaxChainHeader:
		return nil, refuse("too-long", "", name, "has %d octets, at most %d are read", len(text), MaxChainHeader)
	}
	return escapedPEM(text, name)
}

func escapedPEM(text, header string) ([][]byte, error) {
	plain, err := unescape(text, unreserved, header)
	if err != nil {
		return nil, err
	}
	return decodePEM(plain, header)
}

// splitQuoted splits at a separator outside quotes.
func splitQuoted(text string, separator byte, header string) ([]string, error) {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == separator && !quoted:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	if quoted {
		return nil, refuse("quote", xfccSection, header, "is cut off within quotes")
	}
	return append(parts, text[start:]), nil
}

// unquote takes the quotes from a value.
func unquote(value, header string) (string, error) {
	inner, opened := strings.CutPrefix(value, `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	switch {
	case !opened && !strings.Contains(value, `"`):
		return value, nil
	case !opened || !closed || strings.Contains(strings.ReplaceAll(inner, `\"`, ""), `"`):
		return "", refuse("quote", xfccSection, header, "has quotes within a value")
	}
	return strings.ReplaceAll(inner, `\"`, `"`), nil
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
