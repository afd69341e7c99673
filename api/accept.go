package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/vetopki/veto/revocation"
)

type acceptInput struct {
	Issuer string `path:"issuer" doc:"The issuer's name, or its IssuerID in hex"`
	Body   AcceptBody
}

// maxAcceptBody bounds the body of an accept, in octets: a URL and a comment.
const maxAcceptBody = 16 << 10

func (a *API) registerAccept(h huma.API) {
	huma.Register(h, a.change("accept", huma.Operation{
		OperationID: "accept", Method: http.MethodPost, Path: acceptPath, Tags: []string{"administration"},
		Summary: "Accept that a CRL dropped many entries, or keep them revoked", MaxBodyBytes: maxAcceptBody + 1,
		Description: "When a CRL drops more of its entries at once than the issuer's max_shrink, they stay revoked (because retained) and the " +
			"source has retained_alarm. Accepting drops them: their revocations end. With keep they stay revoked, and the alarm ends. " +
			"409 when nothing is retained.",
	}, unknownIssuer, malformedRequest, nothingRetained, tooLarge, wrongMediaType, invalidRequest, refused, shuttingDown, notDurable), a.accept)
}

// accept answers POST /v1/issuers/{issuer}/accept.
func (a *API) accept(ctx context.Context, in *acceptInput) (*output[AcceptReport], error) {
	issuer, known := a.directory.Resolve(in.Issuer)
	if !known {
		return nil, unknownIssuerProblem(in.Issuer)
	}
	c := changeOf(ctx)
	c.issuer = issuer.Name
	if p := checkComment(in.Body.Comment, "body.comment"); p != nil {
		return nil, p
	}
	results, err := a.acceptor.Accept(ctx, AcceptRequest{Issuer: issuer.ID, URL: in.Body.URL, Keep: in.Body.Keep, By: c.who,
		Comment: in.Body.Comment, Now: time.Now()})
	if err != nil {
		return nil, a.acceptProblem(err)
	}
	c.outcome = results[0].Outcome
	return &output[AcceptReport]{Status: http.StatusOK,
		Body: AcceptReport{Issuer: issuer.Name, IssuerID: issuer.ID.String(), Results: results}}, nil
}

func (a *API) acceptProblem(err error) *Problem {
	if revocation.RuleOf(err, "") == "source" {
		return invalidRequest.problem("%s; GET /v1/issuers/{issuer} lists its sources", a.problemOf(err).Detail).
			at("body.url", "expected the URL of a CRL source")
	}
	return a.problemOf(err)
}
