package responder

import (
	"time"

	"github.com/vetopki/veto/internal/ocspder"
)

// AppendHTTP appends the whole HTTP/1.1 response to a usual request, one without conditions, to b: what [Responder.ServeHTTP] gives
// through net/http, without its work for each request. target is the path as it was sent, valid by RFC 3986, and body that of
// a POST of application/ocsp-request. It appends nothing and says false when HTTP has something else to say than OCSP does.
func (r *Responder) AppendHTTP(b []byte, post bool, target, body []byte) (out []byte, ok bool) {
	now := r.now()
	path := cutMount(string(target))
	q := question{key: cacheKey{form: byGet, octets: path}}
	if post {
		q = question{key: cacheKey{form: byPost, octets: string(body)}, body: body}
	}
	if (path == "") != post || len(body) > MaxBody {
		return b, false
	}
	defer func() {
		if fault := recover(); fault != nil {
			r.panicked(fault)
			out, ok = r.appendError(b, ocspder.InternalError, now), true
		}
	}()
	reply := r.respond(&q, now)
	if reply.answer == nil {
		return r.appendError(b, reply.status, now), true
	}
	return r.appendAnswer(b, &reply, now), true
}

const statusLine = "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nDate: "

// appendAnswer has the header of [Responder.write].
func (r *Responder) appendAnswer(b []byte, reply *reply, now time.Time) []byte {
	a := reply.answer
	r.metrics.count(a.result)
	b = append(append(b, statusLine...), r.date.At(now)...)
	b = appendField(b, "\r\nContent-Length: ", a.headers.length)
	b = appendField(b, "\r\nCache-Control: ", r.cacheControlOf(reply, now))
	if !a.private {
		b = appendField(b, "\r\nEtag: ", a.headers.etag)
		b = appendField(b, "\r\nLast-Modified: ", a.headers.lastModified)
		b = appendField(b, "\r\nExpires: ", a.headers.expires)
	}
	b = append(b, "\r\n\r\n"...)
	return append(b, a.body...)
}

// appendError has the header of [Responder.writeError].
func (r *Responder) appendError(b []byte, status ocspder.ResponseStatus, now time.Time) []byte {
	r.metrics.count(resultOfError(status))
	b = append(append(b, statusLine...), r.date.At(now)...)
	b = appendField(b, "\r\nContent-Length: ", r.fixed.errorLength)
	b = appendField(b, "\r\nCache-Control: ", r.fixed.noStore)
	b = appendField(b, "\r\nPragma: ", r.fixed.noCache)
	if status == ocspder.TryLater {
		b = appendField(b, "\r\nRetry-After: ", r.fixed.retryAfter)
	}
	b = append(b, "\r\n\r\n"...)
	return append(b, r.fixed.errorBodies[status]...)
}

func appendField(b []byte, name string, value []string) []byte {
	return append(append(b, name...), value[0]...)
}
