// Package explain says in words what an OCSP message contains (RFC 6960 §4, RFC 9654) and why veto answers what it answers. It
// is for people who look for a fault: what it says is never the ground of a decision.
//
// A message that the codec refuses is not explained further than the refusal.
package explain

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
)

// Line is one statement. Depth 0 is about the whole message; a deeper line is about the line above it that is less deep.
type Line struct {
	Depth   int    `json:"depth"`
	Text    string `json:"text"`
	Section string `json:"section,omitempty" doc:"Of the standard that says so"`
}

// The kinds of message.
const (
	Request  = "ocsp-request"
	Response = "ocsp-response"
	Neither  = "neither"
)

// Explanation is a message in words.
type Explanation struct {
	Kind  string `json:"kind" enum:"ocsp-request,ocsp-response,neither"`
	Lines []Line `json:"lines" doc:"What the message contains"`
	Why   []Line `json:"why,omitempty" doc:"Of a request: what is answered here, and why"`

	request *ocspder.Request // parsed, nil unless Kind is Request
}

// Options say what is known besides the message.
type Options struct {
	Issuers []revocation.Issuer // that CertIDs may name and responses may be signed for
	Now     time.Time
}

// OCSP explains an OCSPRequest or OCSPResponse in DER.
func OCSP(der []byte, o Options) *Explanation {
	w := &writer{options: o}
	e := &Explanation{Kind: Neither}
	asRequest, requestErr := ocspder.ParseRequest(der)
	asResponse, responseErr := ocspder.ParseResponse(der)
	switch {
	case requestErr == nil:
		e.Kind, e.request = Request, asRequest
		w.request(der, asRequest)
	case responseErr == nil:
		e.Kind = Response
		w.response(der, asResponse)
	case looksLikeResponse(der):
		e.Kind = Response
		w.refused("An OCSP response that cannot be read", len(der), responseErr)
	case looksLikeRequest(der):
		e.Kind = Request
		w.refused("An OCSP request that cannot be read", len(der), requestErr)
	default:
		w.refused("Neither an OCSP request nor a response", len(der), errors.New("neither begins like this: both are a DER SEQUENCE, of a "+
			"request, with a SEQUENCE first, and of a response, with an ENUMERATED"))
	}
	e.Lines = w.lines
	return e
}

// Decode reads a message as people have it at hand: DER, base64, or the base64 of a GET path with its escapes.
func Decode(data []byte) ([]byte, error) {
	if len(data) > 0 && data[0] == 0x30 && !isText(data) {
		return data, nil
	}
	text := strings.Join(strings.Fields(string(data)), "")
	if plain, err := url.PathUnescape(text); err == nil {
		text = plain
	}
	for range 2 {
		text = strings.TrimSuffix(text, "=")
	}
	der, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("this is neither DER, which begins with the octet 30, nor base64: %w", err)
	}
	return der, nil
}

// isText says whether all octets are printable or white space: base64 may begin with the letter that is 0x30, the digit 0.
func isText(data []byte) bool {
	for _, b := range data {
		if (b < ' ' || b > '~') && b != '\n' && b != '\r' && b != '\t' {
			return false
		}
	}
	return true
}

// Text writes lines for a terminal, two spaces for each depth.
func Text(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.Repeat("  ", l.Depth) + l.Text)
		if l.Section != "" {
			b.WriteString(" [" + l.Section + "]")
		}
		b.WriteByte('\n')
	}
	return b.String()
}
