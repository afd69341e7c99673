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
	now := time.Now()

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
	if a := r.cache.get(q.key, now); a != nil {
		r.metrics.hits.Inc()
		r.write(w, req, a, now, req.Method != http.MethodPost)
		return
	}
	der, err := q.der()
	if err != nil {
		r.writeError(w, ocspder.MalformedRequest)
		return
	}
	request, err := ocspder.ParseRequest(der)
	if err != nil {
		r.writeError(w, ocspder.MalformedRequest)
		return
	}
	r.metrics.misses.Inc()
	if status := r.admit(request, now); status != ocspder.Successful {
		r.writeError(w, status)
		return
	}
	a, status := r.answer(request, now)
	if a == nil {
		r.writeError(w, status)
		return
	}
	if request.Plain { // others do not come again, or not from others
		q.key.octets = strings.Clone(q.key.octets)
		r.cache.put(q.key, a)
	}
	r.write(w, req, a, now, req.Method != http.MethodPost && request.Signature == nil)
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
	r.metrics.Panics.Inc()
	r.panicLog.Do(func() {
		r.log.Error("answering an OCSP request panicked", "fault", fault, "stack", string(debug.Stack()))
	})
	r.writeError(w, ocspder.InternalError)
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
