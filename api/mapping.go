package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/vetopki/veto/revocation"
)

// problemOf maps an error of a port to the problem answered for it: the one place where this is decided. An error that is
// not foreseen is logged, and the client learns no more than that.
func (a *API) problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if part, ok := errors.AsType[*PartialChange](err); ok {
		p := a.problemOf(part.Err)
		p.Detail = part.Error()
		return p
	}
	if c, ok := errors.AsType[*revocation.Conflict](err); ok {
		p := conflict.problem("%s", c.Detail)
		p.Standing = recordObject(c.Standing)
		return p
	}
	if r, ok := errors.AsType[*revocation.Refusal](err); ok {
		p := refused.problem("%s", r.Detail)
		p.Rule, p.Section = r.Rule, r.Section
		return p
	}
	switch {
	case errors.Is(err, revocation.ErrNoRecord):
		return noRecord.problem("%v", err)
	case errors.Is(err, revocation.ErrNoRetained):
		return nothingRetained.problem("%v", err)
	case errors.Is(err, revocation.ErrNotDurable):
		a.log.Error("change not durable", "error", err)
		return notDurable.problem("nothing was changed and nothing is acknowledged: free some space on the data directory and ask again")
	case errors.Is(err, revocation.ErrUnknownReason):
		return invalidRequest.problem("the reason cannot be used").at("body.reason", err.Error())
	case errors.Is(err, revocation.ErrMalformedSerial):
		return malformedSerial.problem("%v", err)
	case errors.Is(err, revocation.ErrUnknownIssuer):
		return unknownIssuer.problem("%v", err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return shuttingDown.problem("the request ended before it was done")
	}
	a.log.Error("request failed", "error", err)
	return internalFault.problem("the server's log says more; nothing may be concluded from this answer")
}

// transform turns what huma found wrong with a request into a Problem, and notes the outcome of an admin request for its log
// line. Values are not echoed: they may be as large as the body.
func (a *API) transform(ctx huma.Context, _ string, v any) (any, error) {
	p, isProblem := v.(*Problem)
	if model, ok := v.(*huma.ErrorModel); ok {
		p, isProblem = problemOfModel(model), true
	}
	if !isProblem {
		return v, nil
	}
	if c := changeOf(ctx.Context()); c != nil {
		c.refusedBy(p)
	}
	return p, nil
}

// problemOfModel keeps huma's status and locations; its detail becomes the first fault, so that one line says what is wrong.
func problemOfModel(m *huma.ErrorModel) *Problem {
	p := kindOfStatus(m.Status).problem("%s", m.Detail)
	if p.Status != m.Status {
		p.Status, p.Title = m.Status, http.StatusText(m.Status)
	}
	for _, e := range m.Errors {
		if e != nil {
			p.at(strings.TrimSuffix(e.Location, "."), e.Message)
		}
	}
	if len(p.Faults) > 0 {
		p.Detail = strings.TrimPrefix(p.Faults[0].Location+": "+p.Faults[0].Message, ": ")
	}
	return p
}
