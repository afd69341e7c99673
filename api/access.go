package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// admitReader says whether a request may read. Without read tokens everyone may; admin tokens always may.
func (a *API) admitReader(r *http.Request) *Problem {
	tokens := a.tokens.Load()
	if tokens.read == nil {
		return nil
	}
	bearer, p := a.bearer(r)
	if p != nil {
		return p
	}
	_, ok := tokens.read.Authenticate(bearer)
	if !ok && tokens.admin != nil {
		_, ok = tokens.admin.Authenticate(bearer)
	}
	return a.judge(r, ok)
}

// admitAdmin says who may make a change. A read token is told so, and is no guess.
func (a *API) admitAdmin(r *http.Request) (who string, p *Problem) {
	tokens := a.tokens.Load()
	if tokens.admin == nil {
		a.metrics.authFailures.WithLabelValues(adminDisabled.name).Inc()
		return "", adminDisabled.problem("no admin token is configured: start the server with --admin-token-file FILE, " +
			"or set admin.token_file in its configuration")
	}
	bearer, p := a.bearer(r)
	if p != nil {
		return "", p
	}
	who, ok := tokens.admin.Authenticate(bearer)
	reader := false
	if !ok && tokens.read != nil {
		_, reader = tokens.read.Authenticate(bearer)
	}
	if p := a.judge(r, ok || reader); p != nil {
		return "", p
	}
	if reader {
		a.metrics.authFailures.WithLabelValues(readOnlyToken.name).Inc()
		return "", readOnlyToken.problem("use an admin token to change something").
			with("WWW-Authenticate", `Bearer realm="veto", error="insufficient_scope"`)
	}
	return who, nil
}

// bearer reads the token of a request (RFC 6750 §2.1). A request without one is asked for it; that is no guess.
func (a *API) bearer(r *http.Request) (string, *Problem) {
	if values := r.Header["Authorization"]; len(values) == 1 {
		scheme, token, _ := strings.Cut(values[0], " ")
		if token = strings.TrimSpace(token); strings.EqualFold(scheme, "Bearer") && token != "" {
			return token, nil
		}
	}
	a.metrics.authFailures.WithLabelValues("no-token").Inc()
	return "", tokenRequired.problem("send the header Authorization: Bearer TOKEN, once").
		with("WWW-Authenticate", `Bearer realm="veto"`)
}

// judge turns the result of an authentication into an answer, and counts failures against the client's address.
func (a *API) judge(r *http.Request, right bool) *Problem {
	wait := a.guard.judge(r.RemoteAddr, right, time.Now())
	if wait > 0 {
		a.metrics.authFailures.WithLabelValues(tooManyAttempts.name).Inc()
		seconds := int((wait + time.Second - 1) / time.Second)
		return tooManyAttempts.problem("too many wrong tokens came from this address; wait %d s", seconds).
			with("Retry-After", strconv.Itoa(seconds))
	}
	if !right {
		a.metrics.authFailures.WithLabelValues("wrong-token").Inc()
		return tokenRequired.problem("the token is not known here").
			with("WWW-Authenticate", `Bearer realm="veto", error="invalid_token"`)
	}
	return nil
}

// reader lets a hand-written route answer only those who may read.
func (a *API) reader(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if p := a.admitReader(r); p != nil {
			p.write(w)
			return
		}
		next(w, r)
	}
}

// changeOf is the admin request a context belongs to, nil for none.
func changeOf(ctx context.Context) *change {
	c, _ := ctx.Value(changeKey{}).(*change)
	return c
}

type changeKey struct{}
