package api

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// open makes an operation that never needs a token.
func (a *API) open(op huma.Operation) huma.Operation {
	op.Middlewares = append(op.Middlewares, neverStore)
	a.describeProblems(&op)
	return op
}

// read makes an operation that needs a token when reading does. The document says "or none": the tokens may change while it stands.
func (a *API) read(op huma.Operation, kinds ...kind) huma.Operation {
	op.Security = []map[string][]string{{}, {"token": {}}}
	kinds = append(kinds, tokenRequired, tooManyAttempts)
	op.RejectUnknownQueryParameters = true
	op.Middlewares = append(op.Middlewares, neverStore, a.asReader)
	if op.MaxBodyBytes > 0 {
		op.Middlewares = append(op.Middlewares, onlyJSON(op.MaxBodyBytes))
		op.BodyReadTimeout = 15 * time.Second
	}
	a.describeProblems(&op, kinds...)
	return op
}

// change makes an operation for administrators. Whoever may not is refused before the body is looked at.
func (a *API) change(action string, op huma.Operation, kinds ...kind) huma.Operation {
	op.Security = []map[string][]string{{"token": {}}}
	op.RejectUnknownQueryParameters = true
	op.Middlewares = append(op.Middlewares, neverStore, a.asAdmin(action))
	if op.MaxBodyBytes > 0 {
		op.Middlewares = append(op.Middlewares, onlyJSON(op.MaxBodyBytes))
		op.BodyReadTimeout = 15 * time.Second
	}
	kinds = append(kinds, tokenRequired, adminDisabled, readOnlyToken, tooManyAttempts)
	a.describeProblems(&op, kinds...)
	return op
}

func neverStore(ctx huma.Context, next func(huma.Context)) {
	ctx.SetHeader("Cache-Control", "no-store")
	next(ctx)
}

// onlyJSON refuses other media types, and bodies over a limit in octets.
func onlyJSON(limit int64) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		mediaType, p := mediaTypeOf(r)
		switch {
		case p != nil:
		case mediaType != "application/json":
			p = wrongMediaType.problem("send Content-Type: application/json").with("Accept", "application/json")
		case r.ContentLength >= limit:
			p = tooLarge.problem("the body has more than %d octets", limit-1)
		}
		if p != nil {
			if c := changeOf(ctx.Context()); c != nil {
				c.refusedBy(p)
			}
			p.write(w)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		next(ctx)
	}
}

// describeProblems documents the problems an operation may answer with, those of one status together.
func (a *API) describeProblems(op *huma.Operation, kinds ...kind) {
	schema := a.openapi.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	titles := map[int][]string{}
	for _, k := range append(slices.Clone(kinds), internalFault) {
		titles[k.status] = append(titles[k.status], k.title+" ("+ProblemPrefix+k.name+")")
	}
	for status, list := range titles {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Description: strings.Join(list, "; "),
			Content: map[string]*huma.MediaType{problemMediaType: {Schema: schema}}}
	}
}
