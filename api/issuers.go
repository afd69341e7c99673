package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// The inputs of huma routes repeat the path: huma cannot set fields of an embedded unexported type.
type issuerInput struct {
	Issuer string `path:"issuer" doc:"The issuer's name, or its IssuerID in hex"`
}

type refreshInput struct {
	Issuer string `path:"issuer" doc:"The issuer's name, or its IssuerID in hex"`
	Wait   bool   `query:"wait" doc:"Answer when the refresh is done, with what changed"`
}

type output[T any] struct {
	Status int
	Body   T
}

func (a *API) registerIssuers(h huma.API) {
	huma.Register(h, a.read(huma.Operation{
		OperationID: "list-issuers", Method: http.MethodGet, Path: issuersPath, Tags: []string{"issuers"},
		Summary:     "All configured issuers",
		Description: "Every issuer with the state of its CRL sources, in the order of the configuration.",
	}), func(context.Context, *struct{}) (*output[IssuerReports], error) {
		return &output[IssuerReports]{Status: http.StatusOK, Body: IssuerReports{Issuers: a.directory.Issuers()}}, nil
	})
	huma.Register(h, a.read(huma.Operation{
		OperationID: "get-issuer", Method: http.MethodGet, Path: issuerPath, Tags: []string{"issuers"},
		Summary:     "One issuer",
		Description: "The CRL in force of each source, how fetching it goes, and how OCSP answers are signed.",
	}, unknownIssuer), func(_ context.Context, in *issuerInput) (*output[IssuerReport], error) {
		report, known := a.directory.Issuer(in.Issuer)
		if !known {
			return nil, unknownIssuerProblem(in.Issuer)
		}
		return &output[IssuerReport]{Status: http.StatusOK, Body: report}, nil
	})
	huma.Register(h, a.change("refresh", huma.Operation{
		OperationID: "refresh-issuer", Method: http.MethodPost, Path: refreshPath, Tags: []string{"administration"},
		Summary: "Fetch the issuer's CRLs now", DefaultStatus: http.StatusAccepted,
		Description: "Starts a refresh and answers 202. With wait=true it answers 200 when the refresh is done, with what changed, or " +
			"502 when a source failed: the CRL held before stays in force.",
		Responses: map[string]*huma.Response{"200": {Description: "Done (wait=true)", Content: a.json(reflect.TypeFor[RefreshReport]())}},
	}, unknownIssuer, invalidRequest, nothingToFetch, fetchFailed, shuttingDown, notDurable), a.refresh)
}
