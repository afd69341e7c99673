package lane

import (
	"bytes"
	"strings"
)

// Field is a header field as it was sent, without the white space around its value.
type Field struct{ Name, Value []byte }

// maxFields is how many header fields a simple request has at most, where they are passed on.
const maxFields = 64

// parseWithFields reads one simple request that is the whole of b, for a handler that is passed all header fields (Server.Fields). It is a
// GET, with a query or without. Any field is simple but those that say something of the connection or of a body.
func parseWithFields(b []byte, fields []Field) (r Request, simple bool) {
	rest, ok := bytes.CutPrefix(b, []byte("GET "))
	end := bytes.IndexByte(rest, ' ')
	if !ok || end < 0 {
		return r, false
	}
	path, query, _ := bytes.Cut(rest[:end], []byte("?"))
	if !isPath(path) || !isQuery(query) {
		return r, false
	}
	r.Target = path
	if rest, ok = bytes.CutPrefix(rest[end:], []byte(" HTTP/1.1\r\n")); !ok {
		return r, false
	}
	host := false
	for {
		line, after, found := bytes.Cut(rest, []byte("\r\n"))
		if !found {
			return r, false
		}
		rest = after
		if len(line) == 0 {
			r.Fields = fields
			return r, host && len(rest) == 0
		}
		name, value, isField := cutField(line)
		if !isField || !isToken(name) || len(fields) == maxFields {
			return r, false
		}
		switch frameOf(name) {
		case fieldHost:
			if host || !isHost(value) {
				return r, false
			}
			host = true
		case fieldConnection:
			if !strings.EqualFold(string(value), "keep-alive") {
				return r, false
			}
		case fieldIdle:
			fields = append(fields, Field{name, value})
		default:
			return r, false
		}
	}
}

// framing are the fields that net/http itself acts upon.
var framing = [...]string{"te", "expect", "trailer", "upgrade", "content-length", "http2-settings", "proxy-connection", "transfer-encoding"}

// frameOf tells those from the ones it passes on (fieldIdle). Pragma, from which it makes a Cache-Control where there is none, changes
// nothing that a handler of simple requests looks at.
func frameOf(name []byte) field {
	switch len(name) {
	case len("host"):
		return max(match(name, "host", fieldHost), fieldIdle)
	case len("connection"):
		return max(match(name, "connection", fieldConnection), fieldIdle)
	}
	for _, other := range framing {
		if len(name) == len(other) && match(name, other, fieldHost) != fieldOther {
			return fieldOther
		}
	}
	return fieldIdle
}

// isToken says whether octets can be the name of a field (RFC 9110 §5.6.2).
func isToken(name []byte) bool {
	for _, c := range name {
		if !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return len(name) > 0
}

// isQuery says whether octets can be a query (RFC 3986 §3.4).
func isQuery(query []byte) bool {
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case isAlphanumeric(c), strings.IndexByte("/?+=-._~!$&'()*,;:@", c) >= 0:
		case c == '%' && i+2 < len(query) && isHex(query[i+1]) && isHex(query[i+2]):
			i += 2
		default:
			return false
		}
	}
	return true
}
