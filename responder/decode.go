package responder

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

const (
	// MaxBody is the longest request read by POST, in octets.
	MaxBody = 10_000
	// MaxPath is the longest path read by GET, in octets as sent.
	MaxPath = 8 << 10
)

// question is a request as it came in: looked up in the cache by key and decoded only when it is not there.
type question struct {
	key   cacheKey // of a GET: the base64 text, still escaped
	body  []byte   // of a POST
	buf   *buffer  // holds body; given back by release
	owner *sync.Pool
}

type buffer [MaxBody + 1]byte

// httpError is a request that HTTP itself answers, before OCSP has a say.
type httpError struct {
	code int
	text string
}

// receive reads the request off the wire. An empty path of GET is the question nobody asked: see [Responder.ServeHTTP].
func (r *Responder) receive(req *http.Request) (question, *httpError) {
	path := cutMount(escapedPath(req.URL))
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		return question{key: cacheKey{form: byGet, octets: path}}, nil
	case http.MethodPost:
		if path != "" {
			return question{}, &httpError{http.StatusNotFound, "POST an OCSP request to / or /ocsp"}
		}
		return r.receiveBody(req)
	}
	return question{}, &httpError{http.StatusMethodNotAllowed, "use GET or POST (RFC 6960 appendix A.1)"}
}

// escapedPath is u.EscapedPath without its proof that RawPath is an escaped form of Path, which costs a third of a cached GET
// and holds for every URL that net/http parsed.
func escapedPath(u *url.URL) string {
	if u.RawPath != "" {
		return u.RawPath
	}
	return u.EscapedPath()
}

// cutMount leaves what follows the mount point / or /ocsp. Naive clients join a URL that ends in a slash and a path that
// begins with one: exactly one more slash is cut. A request itself never begins with one, since its DER begins with 0x30.
func cutMount(path string) string {
	if rest, mounted := strings.CutPrefix(path, "/ocsp"); mounted && (rest == "" || rest[0] == '/') {
		path = rest
	}
	return strings.TrimPrefix(strings.TrimPrefix(path, "/"), "/")
}

func (r *Responder) receiveBody(req *http.Request) (question, *httpError) {
	if !isOCSPRequest(req.Header.Get("Content-Type")) {
		return question{}, &httpError{http.StatusUnsupportedMediaType, "Content-Type must be application/ocsp-request (RFC 6960 appendix A.1)"}
	}
	if req.ContentLength > MaxBody {
		return question{}, tooLarge()
	}
	buf, _ := r.bodies.Get().(*buffer)
	if buf == nil {
		buf = new(buffer)
	}
	q := question{buf: buf, owner: &r.bodies}
	n, err := io.ReadFull(req.Body, buf[:])
	switch err {
	case io.EOF, io.ErrUnexpectedEOF:
		q.body = buf[:n]
		q.key = cacheKey{form: byPost, octets: string(q.body)}
		return q, nil
	case nil:
		q.release()
		return question{}, tooLarge()
	}
	q.release()
	return question{}, &httpError{http.StatusBadRequest, "the request body could not be read"}
}

func tooLarge() *httpError {
	return &httpError{http.StatusRequestEntityTooLarge, fmt.Sprintf("an OCSP request has at most %d octets", MaxBody)}
}

// release gives the memory of the body back; no slice of it may be used afterwards.
func (q *question) release() {
	if q.buf != nil {
		q.owner.Put(q.buf)
	}
}

// der is the OCSPRequest.
func (q *question) der() ([]byte, error) {
	if q.key.form == byPost {
		return q.body, nil
	}
	return decodePath(q.key.octets)
}

// decodePath reads the base64 of a GET path (RFC 6960 appendix A.1): standard alphabet, percent-escapes decoded once,
// slashes as they are. It takes a space for the '+' it once was, and missing padding; it refuses the URL-safe alphabet,
// line breaks (RFC 9919 §6 forbids both to clients) and anything else that is not base64.
func decodePath(path string) ([]byte, error) {
	if len(path) > MaxPath {
		return nil, fmt.Errorf("the path has %d octets, more than %d; use POST", len(path), MaxPath)
	}
	text, err := url.PathUnescape(path)
	if err != nil {
		return nil, err
	}
	text = strings.ReplaceAll(text, " ", "+")
	if strings.ContainsAny(text, "\r\n") { // encoding/base64 would skip them
		return nil, fmt.Errorf("the base64 of the path has line breaks")
	}
	for range 2 {
		text = strings.TrimSuffix(text, "=")
	}
	return base64.RawStdEncoding.Strict().DecodeString(text)
}

func isOCSPRequest(contentType string) bool {
	if contentType == "application/ocsp-request" {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == "application/ocsp-request"
}
