package responder

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
)

// Header values are made once and assigned as they are, under canonical keys: they are shared and never changed.

// fixedHeaders are the same for every answer.
type fixedHeaders struct {
	contentType    []string
	noStore        []string
	noCache        []string // Pragma, for HTTP/1.0 caches
	errorLength    []string
	retryAfter     []string // with tryLater
	publicControl  []string // while the answer has longer to live than MaxAge
	privateControl []string
	textPlain      []string
	errorBodies    [ocspder.Unauthorized + 1][]byte
	allow          []string
	closeConn      []string
	maxAgeSecond   int64
}

func newFixedHeaders(maxAge time.Duration) fixedHeaders {
	seconds := int64(maxAge / time.Second)
	f := fixedHeaders{
		contentType: []string{"application/ocsp-response"}, noStore: []string{"no-store"}, noCache: []string{"no-cache"},
		errorLength: []string{"5"}, retryAfter: []string{"5"}, textPlain: []string{"text/plain; charset=utf-8"}, allow: []string{"GET, HEAD, POST"},
		closeConn: []string{"close"}, maxAgeSecond: seconds,
		publicControl: []string{cacheControl(seconds, "public")}, privateControl: []string{cacheControl(seconds, "private")},
	}
	for s := range f.errorBodies {
		f.errorBodies[s] = ocspder.ErrorResponse(ocspder.ResponseStatus(s))
	}
	return f
}

// cacheControl is the directive of RFC 9919 §7.2.
func cacheControl(seconds int64, who string) string {
	return "max-age=" + strconv.FormatInt(seconds, 10) + ", " + who + ", no-transform, must-revalidate"
}

// answerHeaders belong to one answer.
type answerHeaders struct {
	length       []string
	etag         []string
	lastModified []string
	expires      []string
}

// newAnswerHeaders makes the validators of RFC 9919 §7.2: a strong ETag over the response, Last-Modified = thisUpdate,
// Expires = nextUpdate.
func newAnswerHeaders(body []byte, thisUpdate, nextUpdate time.Time) answerHeaders {
	sum := sha256.Sum256(body)
	values := []string{
		strconv.Itoa(len(body)),
		`"` + hex.EncodeToString(sum[:]) + `"`,
		thisUpdate.UTC().Format(http.TimeFormat),
		nextUpdate.UTC().Format(http.TimeFormat),
	}
	return answerHeaders{length: values[0:1:1], etag: values[1:2:2], lastModified: values[2:3:3], expires: values[3:4:4]}
}

// write gives an answer out. HTTP caches may keep one to GET and give it to others when it is public; one to POST, or to a signed
// request, is for the asker alone; one with a nonce is for this one request.
func (r *Responder) write(w http.ResponseWriter, req *http.Request, reply *reply, now time.Time) {
	a := reply.answer
	r.metrics.count(a.result)
	h := w.Header()
	h["Content-Type"] = r.fixed.contentType
	h["Cache-Control"] = r.cacheControlOf(reply, now)
	if !a.private {
		h["Etag"] = a.headers.etag
		h["Last-Modified"] = a.headers.lastModified
		h["Expires"] = a.headers.expires
	}
	if !a.private && req.Method != http.MethodPost && notModified(req, a) {
		delete(h, "Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Length"] = a.headers.length
	if req.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	w.Write(a.body)
}

// cacheControlOf keeps max-age short, so that a revocation is seen soon, and its end before nextUpdate.
func (r *Responder) cacheControlOf(reply *reply, now time.Time) []string {
	left := int64(reply.answer.nextUpdate.Sub(now)/time.Second) - 1
	switch {
	case reply.answer.private:
		return r.fixed.noStore
	case left >= r.fixed.maxAgeSecond && reply.public:
		return r.fixed.publicControl
	case left >= r.fixed.maxAgeSecond:
		return r.fixed.privateControl
	case reply.public:
		return []string{cacheControl(max(left, 0), "public")}
	}
	return []string{cacheControl(max(left, 0), "private")}
}

// notModified says whether the client has this very answer (RFC 9110 §13.1). Answers that say the same of the same evidence
// share their thisUpdate but not their nextUpdate, so that If-Modified-Since = Last-Modified proves nothing: only a date after
// this answer was made does.
func notModified(req *http.Request, a *answer) bool {
	if tags := req.Header["If-None-Match"]; len(tags) > 0 {
		return matchesETag(tags, a.headers.etag[0])
	}
	since := req.Header.Get("If-Modified-Since")
	if since == "" {
		return false
	}
	t, err := http.ParseTime(since)
	return err == nil && t.After(a.producedAt)
}

func matchesETag(lines []string, etag string) bool {
	for _, line := range lines {
		for tag := range strings.SplitSeq(line, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag == etag || tag == "*" {
				return true
			}
		}
	}
	return false
}

// writeError gives an unsigned OCSP error: 200, and never kept (RFC 9919 §7.2).
func (r *Responder) writeError(w http.ResponseWriter, status ocspder.ResponseStatus) {
	r.metrics.count(resultOfError(status))
	h := w.Header()
	h["Content-Type"] = r.fixed.contentType
	h["Content-Length"] = r.fixed.errorLength
	h["Cache-Control"] = r.fixed.noStore
	h["Pragma"] = r.fixed.noCache
	if status == ocspder.TryLater {
		h["Retry-After"] = r.fixed.retryAfter
	}
	w.Write(r.fixed.errorBodies[status])
}

// writeHTTPError answers what is no OCSP request at all.
func (r *Responder) writeHTTPError(w http.ResponseWriter, e *httpError) {
	r.metrics.count(resultRefused)
	h := w.Header()
	h["Cache-Control"] = r.fixed.noStore
	switch e.code {
	case http.StatusMethodNotAllowed:
		h["Allow"] = r.fixed.allow
	case http.StatusRequestEntityTooLarge, http.StatusBadRequest:
		h["Connection"] = r.fixed.closeConn // the rest of the body is not read
	}
	http.Error(w, e.text, e.code)
}

// writeGreeting tells a person who opened the URL what it is.
func (r *Responder) writeGreeting(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = r.fixed.textPlain
	h["Cache-Control"] = r.fixed.noStore
	w.Write([]byte("This is an OCSP responder: ask by POST, or by GET with the base64 of the request in the path (RFC 6960).\n"))
}
