package api

import (
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
)

// observe counts and times every request under its route's pattern, and answers 500 when a handler panics.
func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, rec := time.Now(), &recorder{ResponseWriter: w}
		defer func() {
			if fault := recover(); fault != nil && fault != http.ErrAbortHandler {
				a.log.Error("panic", "fault", fault, "path", clip(r.URL.Path), "stack", string(debug.Stack()))
				if rec.code != 0 {
					panic(http.ErrAbortHandler) // half an answer must not look like one
				}
				internalFault.problem("the server's log says more; nothing may be concluded from this answer").write(rec)
			} else if fault != nil {
				panic(fault)
			}
			route := routeOf(r)
			a.metrics.requests.WithLabelValues(route, methodLabel(r.Method), strconv.Itoa(max(rec.code, 200))).Inc()
			a.metrics.duration.WithLabelValues(route).Observe(time.Since(start).Seconds())
		}()
		next.ServeHTTP(rec, r)
	})
}

// recorder remembers the status code.
type recorder struct {
	http.ResponseWriter
	code int
}

// WriteHeader remembers the first final status.
func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

// Write counts as status 200 when none was written.
func (r *recorder) Write(b []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// routeOf is the pattern a request was routed by: a label of bounded cardinality.
func routeOf(r *http.Request) string {
	if pattern := chi.RouteContext(r.Context()).RoutePattern(); pattern != "" {
		return pattern
	}
	return "unmatched"
}

// methods are those some route may have, in the order of the Allow header.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

func methodLabel(method string) string {
	if slices.Contains(methods[:], method) {
		return method
	}
	return "other"
}
