package api

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/vetopki/veto/revocation"
)

// encodeJSON is a value of this package as JSON and a line feed. Like everywhere in this API, the characters < > & stay as
// they are: nothing here is put into HTML.
func encodeJSON(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // strings, numbers and times only
	}
	return out.Bytes()
}

// appendString appends a JSON string as encodeJSON writes it. Plain ASCII, nearly always, is copied.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return append(b, bytes.TrimSuffix(encodeJSON(s), []byte("\n"))...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendTime appends a member with an RFC 3339 time in UTC, whole seconds, or nothing for the zero time.
func appendTime(b []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	b = append(b, `,"`...)
	b = append(b, name...)
	b = append(b, `":"`...)
	b = t.UTC().AppendFormat(b, time.RFC3339)
	return append(b, '"')
}

// appendDecimal appends a CRL number in decimal, without big numbers when it fits into 64 bits.
func appendDecimal(b []byte, n revocation.CRLNumber) []byte {
	if len(n) > 8 {
		return append(b, n.String()...)
	}
	var v uint64
	for i := range len(n) {
		v = v<<8 | uint64(n[i])
	}
	return strconv.AppendUint(b, v, 10)
}
