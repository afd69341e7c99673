package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/vetopki/veto/revocation"
)

// crlTypes are the media types of a CRL (RFC 2585 §4.2), and those that curl and openssl users send PEM as.
var crlTypes = []string{"application/pkix-crl", "application/x-pem-file", "application/x-pkcs7-crl", "text/plain"}

type pushInput struct {
	Issuer string `path:"issuer" doc:"The issuer's name, or its IssuerID in hex"`
	Source string `query:"source" maxLength:"2048" doc:"The URL of the CRL source, as GET /v1/issuers/{issuer} shows it; needed only when the issuer has several"`
}

func (a *API) registerPush(h huma.API) {
	op := a.change("push", huma.Operation{
		OperationID: "push-crl", Method: http.MethodPut, Path: crlPath, Tags: []string{"administration"},
		Summary: "Bring a CRL of the issuer",
		Description: "The CRL, DER or PEM, is judged exactly as a fetched one. 200 with what changed once it is in force, or with not_modified " +
			"when it was; 409 when it is older than the one in force, or differs and has the same number; 422 when another rule refuses it.",
		RequestBody: streamedBody(crlTypes),
	}, unknownIssuer, malformedRequest, timedOut, nothingToFetch, crlNotNewer, tooLarge, wrongMediaType, invalidRequest, refused, shuttingDown, notDurable)
	op.Middlewares = append(op.Middlewares, streamed(crlTypes, "send the CRL with Content-Type: application/pkix-crl, or PEM as one of "+
		strings.Join(crlTypes, ", ")))
	huma.Register(h, op, a.push)
}

// push answers PUT /v1/issuers/{issuer}/crl.
func (a *API) push(ctx context.Context, in *pushInput) (*output[RefreshResult], error) {
	issuer, known := a.directory.Resolve(in.Issuer)
	if !known {
		return nil, unknownIssuerProblem(in.Issuer)
	}
	c := changeOf(ctx)
	c.issuer = issuer.Name
	if report, known := a.directory.Issuer(issuer.ID.String()); known && report.Administered {
		return nil, nothingToFetch.problem("%s is administered here and has no CRL source; configure one with the URL push:", issuer.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, streamLimit)
	defer cancel()
	body := streamOf(ctx)
	result, err := a.pusher.Push(ctx, issuer.ID, in.Source, body)
	switch {
	case body.failed != nil:
		return nil, readProblem(body.failed)
	case err != nil:
		return nil, a.pushProblem(err)
	}
	c.outcome = result.Outcome
	return &output[RefreshResult]{Status: http.StatusOK, Body: result}, nil
}

// pushProblem is the problem of a CRL that was not taken. What was in force stays so.
func (a *API) pushProblem(err error) *Problem {
	p := a.problemOf(err)
	switch p.Rule {
	case "rollback", "equivocation":
		p.Type, p.Status, p.Title = ProblemPrefix+crlNotNewer.name, crlNotNewer.status, crlNotNewer.title
	case "too-big":
		p.Type, p.Status, p.Title = ProblemPrefix+tooLarge.name, tooLarge.status, tooLarge.title
	case "source":
		return invalidRequest.problem("%s; GET /v1/issuers/{issuer} lists its sources", p.Detail).at("query.source", "expected the URL of a CRL source")
	}
	return p
}

// pushSource says why a refresh does nothing for sources that are never fetched; nil for other errors.
func pushSource(issuer revocation.Issuer, err error) *Problem {
	if revocation.RuleOf(err, "") != "push" {
		return nil
	}
	return nothingToFetch.problem("the CRLs of %s are pushed, with PUT /v1/issuers/%s/crl; nothing is fetched", issuer.Name, issuer.Name)
}
