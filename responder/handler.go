package responder

import (
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
)

// ServeHTTP answers one OCSP request. It must be mounted in front of any router that cleans paths, for "/ocsp" and "/" alike:
// base64 may hold "//".
func (r *Responder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	defer r.recoverPanic(w)
	now := r.now()

	q, refused := r.receive(req)
	if refused != nil {
		r.writeHTTPError(w, refused)
		return
	}
	defer q.release()
	if q.key == (cacheKey{form: byGet}) {
		r.writeGreeting(w)
		return
	}
	reply := r.respond(&q, now)
	if reply.answer == nil {
		r.writeError(w, reply.status)
		return
	}
	r.write(w, req, &reply, now)
}

// reply is an answer, or the error status to give instead.
type reply struct {
	answer *answer
	status ocspder.ResponseStatus
	public bool // HTTP caches may give the answer to others
}

// respond finds the answer by the octets of the question, or reads the question and decides.
func (r *Responder) respond(q *question, now time.Time) reply {
	if a := r.cache.get(q.key, now); a != nil {
		r.metrics.hits.Inc()
		return reply{answer: a, public: q.key.form == byGet}
	}
	der, err := q.der()
	if err != nil {
		return reply{status: ocspder.MalformedRequest}
	}
	request, err := ocspder.ParseRequest(der)
	if err != nil {
		return reply{status: ocspder.MalformedRequest}
	}
	r.metrics.misses.Inc()
	if status := r.admit(request, now); status != ocspder.Successful {
		return reply{status: status}
	}
	a, status := r.answer(request, now)
	if a != nil && request.Plain { // others do not come again, or not from others
		q.key.octets = strings.Clone(q.key.octets)
		r.cache.put(q.key, a)
	}
	return reply{answer: a, status: status, public: q.key.form == byGet && request.Signature == nil}
}

// recoverPanic turns a fault of ours into internalError: never good, and the process lives.
func (r *Responder) recoverPanic(w http.ResponseWriter) {
	fault := recover()
	if fault == nil {
		return
	}
	if fault == http.ErrAbortHandler {
		panic(fault)
	}
	r.panicked(fault)
	r.writeError(w, ocspder.InternalError)
}

// panicked counts and reports a fault of ours.
func (r *Responder) panicked(fault any) {
	r.metrics.Panics.Inc()
	r.panicLog.Do(func() {
		r.log.Error("answering an OCSP request panicked", "fault", fault, "stack", string(debug.Stack()))
	})
}

// signingFailed counts and reports an answer that could not be signed.
func (r *Responder) signingFailed(err error, s *Signer) {
	if err == errOverloaded {
		r.metrics.Overloaded.Inc()
		return
	}
	r.metrics.SignFailures.Inc()
	r.signLog.Do(func() {
		r.log.Error("OCSP answers tryLater", "err", err, "signer", s.certificate.Subject.String())
	})
}
