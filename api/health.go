package api

import (
	"context"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

func (a *API) registerHealth(h huma.API) {
	huma.Register(h, a.open(huma.Operation{
		OperationID: "healthz", Method: http.MethodGet, Path: "/healthz", Tags: []string{"operation"},
		Summary: "Whether the process lives", Description: "200 while the process answers. It says nothing about CRLs; see /readyz.",
	}), func(context.Context, *struct{}) (*output[HealthReport], error) {
		return &output[HealthReport]{Status: http.StatusOK, Body: HealthReport{Alive: true}}, nil
	})
	huma.Register(h, a.open(huma.Operation{
		OperationID: "readyz", Method: http.MethodGet, Path: "/readyz", Tags: []string{"operation"},
		Summary: "Whether every required issuer can be answered for",
		Description: "200 when every required issuer has a verified, unexpired answer; otherwise 503, and the body, of the same shape, " +
			"says which has not and why.",
		Responses: map[string]*huma.Response{"503": {Description: "Not ready", Content: a.json(reflect.TypeFor[ReadyReport]())}},
	}), func(context.Context, *struct{}) (*output[ReadyReport], error) {
		report := ReadyReport{Ready: true, Issuers: a.ready(time.Now())}
		out := &output[ReadyReport]{Status: http.StatusOK}
		for _, issuer := range report.Issuers {
			if issuer.Required && !issuer.Ready {
				report.Ready, out.Status = false, http.StatusServiceUnavailable
			}
		}
		out.Body = report
		return out, nil
	})
}
