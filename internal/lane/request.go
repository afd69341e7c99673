package lane

import (
	"bytes"
	"net/netip"
	"strings"
)

// Request is a simple request. It is only valid during the call that passes it.
type Request struct {
	Post   bool   // POST; otherwise GET
	Target []byte // the path as sent: "/", then what RFC 3986 §3.3 allows, percent-escapes valid; no query
	Body   []byte // of a POST

	// With Server.Fields; the target is then without its query.
	Fields []Field        // all, but Host and Connection
	Remote netip.AddrPort // whose request it is
}

// maxBody bounds Content-Length before it is compared with what is there.
const maxBody = 1 << 16

// parse reads one simple request that is the whole of b.
func parse(b []byte) (r Request, simple bool) {
	rest, ok := bytes.CutPrefix(b, []byte("GET "))
	if !ok {
		if rest, ok = bytes.CutPrefix(b, []byte("POST ")); !ok {
			return r, false
		}
		r.Post = true
	}
	end := bytes.IndexByte(rest, ' ')
	if end < 0 || !isPath(rest[:end]) {
		return r, false
	}
	r.Target = rest[:end]
	if rest, ok = bytes.CutPrefix(rest[end:], []byte(" HTTP/1.1\r\n")); !ok {
		return r, false
	}
	length, rest, ok := readFields(rest, r.Post)
	if !ok || length != len(rest) {
		return r, false
	}
	r.Body = rest
	return r, true
}

// readFields reads the header and returns the Content-Length, of a GET 0, and what follows the header.
func readFields(b []byte, post bool) (length int, rest []byte, ok bool) {
	length = -1
	host, contentType := false, false
	for {
		line, after, found := bytes.Cut(b, []byte("\r\n"))
		if !found {
			return 0, nil, false
		}
		b = after
		if len(line) == 0 {
			break
		}
		name, value, isField := cutField(line)
		if !isField {
			return 0, nil, false
		}
		once := true
		switch kind := kindOf(name); {
		case kind == fieldHost:
			once = !host
			host = isHost(value)
			once = once && host
		case kind == fieldType && post:
			once, contentType = !contentType && string(value) == OCSPRequest, true
		case kind == fieldLength && post:
			once = length < 0
			length = readLength(value)
			once = once && length >= 0
		case kind == fieldConnection:
			once = strings.EqualFold(string(value), "keep-alive")
		case kind != fieldIdle:
			return 0, nil, false
		}
		if !once {
			return 0, nil, false
		}
	}
	if !post {
		return 0, b, host
	}
	return length, b, host && contentType && length >= 0
}

// OCSPRequest is the only media type of a simple POST.
const OCSPRequest = "application/ocsp-request"

// field is what a header field is to a simple request.
type field uint8

const (
	fieldOther      field = iota // may change what is asked: not simple
	fieldIdle                    // changes nothing
	fieldHost                    // must be there once
	fieldType                    // of a POST
	fieldLength                  // of a POST
	fieldConnection              // must say keep-alive
)

// kindOf knows the names that usual clients and proxies send. Names are case-insensitive (RFC 9110 §5.1).
func kindOf(name []byte) field {
	switch len(name) {
	case len("via"):
		return match(name, "via", fieldIdle)
	case len("host"):
		return match(name, "host", fieldHost)
	case len("accept"):
		return max(match(name, "accept", fieldIdle), match(name, "pragma", fieldIdle))
	case len("forwarded"):
		return max(match(name, "forwarded", fieldIdle), match(name, "x-real-ip", fieldIdle))
	case len("user-agent"):
		return max(match(name, "user-agent", fieldIdle), match(name, "connection", fieldConnection))
	case len("content-type"):
		return match(name, "content-type", fieldType)
	case len("cache-control"):
		return match(name, "cache-control", fieldIdle)
	case len("content-length"):
		return match(name, "content-length", fieldLength)
	case len("accept-encoding"):
		return max(match(name, "accept-encoding", fieldIdle), match(name, "accept-language", fieldIdle), match(name, "x-forwarded-for", fieldIdle))
	case len("x-forwarded-host"):
		return match(name, "x-forwarded-host", fieldIdle)
	case len("x-forwarded-proto"):
		return match(name, "x-forwarded-proto", fieldIdle)
	}
	return fieldOther
}

func match(name []byte, known string, kind field) field {
	for i := range known {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != known[i] {
			return fieldOther
		}
	}
	return kind
}

// cutField splits a field line of visible ASCII (RFC 9112 §5): no space before the colon, none around the value but one or several
// before it, nothing that could end a line for somebody else.
func cutField(line []byte) (name, value []byte, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 {
		return nil, nil, false
	}
	for _, c := range line[colon:] {
		if c < ' ' || c > '~' {
			return nil, nil, false
		}
	}
	value = bytes.TrimLeft(line[colon+1:], " ")
	return line[:colon], value, !bytes.HasSuffix(value, []byte(" "))
}

// readLength reads a Content-Length of digits alone, without leading zero; -1 when it is none.
func readLength(value []byte) int {
	if len(value) == 0 || len(value) > len("65535") || (value[0] == '0' && len(value) > 1) {
		return -1
	}
	n := 0
	for _, c := range value {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	if n > maxBody {
		return -1
	}
	return n
}

// isHost takes names, addresses and ports, which is less than RFC 3986 §3.2.2 allows.
func isHost(value []byte) bool {
	for _, c := range value {
		if !isAlphanumeric(c) && c != '.' && c != '-' && c != '_' && c != ':' && c != '[' && c != ']' {
			return false
		}
	}
	return len(value) > 0
}

// isPath says whether a target is an absolute path: pchar and slashes (RFC 3986 §3.3).
func isPath(target []byte) bool {
	if len(target) == 0 || target[0] != '/' {
		return false
	}
	for i := 0; i < len(target); i++ {
		switch c := target[i]; {
		case isAlphanumeric(c), strings.IndexByte("/+=-._~!$&'()*,;:@", c) >= 0:
		case c == '%' && i+2 < len(target) && isHex(target[i+1]) && isHex(target[i+2]):
			i += 2
		default:
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
