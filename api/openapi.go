package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// describeStatus documents the status routes, which are served without huma.
func (a *API) describeStatus() {
	text := &huma.Schema{Type: "string"}
	get := a.read(huma.Operation{
		OperationID: "get-status", Method: http.MethodGet, Path: statusPath, Tags: []string{"status"},
		Summary: "Status of one certificate",
		Description: "200 with the status, also when it is revoked or unknown: read status, never the HTTP code. May be kept for ttl " +
			"seconds; 304 when If-None-Match has the ETag of the answer.",
		Parameters: []*huma.Param{
			{Name: "issuer", In: "path", Required: true, Schema: text, Description: "The issuer's name, or its IssuerID in hex"},
			{Name: "serial", In: "path", Required: true, Schema: text, Description: "Hex, with or without 0x and colons, or dec: and a decimal number"},
			{Name: "If-None-Match", In: "header", Schema: text, Description: "The ETag of an answer held"},
		},
		Responses: map[string]*huma.Response{
			"200": {Description: "The status", Content: a.json(reflect.TypeFor[StatusObject]()), Headers: map[string]*huma.Param{
				"ETag":          {Schema: text, Description: "Strong, of this answer"},
				"Cache-Control": {Schema: text, Description: "max-age is the ttl"},
			}},
			"304": {Description: "The answer held is still the answer"},
		},
	}, unknownIssuer, malformedSerial)
	binary := &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	many := a.read(huma.Operation{
		OperationID: "query-status", Method: http.MethodPost, Path: statusesPath, Tags: []string{"status"},
		Summary: "Status of many certificates, or of one given as it is",
		Description: "JSON: 1 to 10,000 queries, results in the same order; a query that cannot be answered has an error as its result, an " +
			"issuer that is not configured is unknown. A bare certificate: one status object; in a PEM chain, the first certificate counts.",
		RequestBody: &huma.RequestBody{Required: true, Content: a.json(reflect.TypeFor[StatusQueries]())},
		Responses: map[string]*huma.Response{"200": {Description: "Results; for a bare certificate, one status object",
			Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{OneOf: []*huma.Schema{
				a.schema(reflect.TypeFor[StatusResults]()), a.schema(reflect.TypeFor[StatusObject]())}}}}}},
	}, malformedRequest, malformedCertificate, malformedSerial, timedOut, tooLarge, wrongMediaType, invalidRequest, shuttingDown)
	for _, mediaType := range certificateTypes {
		many.RequestBody.Content[mediaType] = binary
	}
	a.openapi.AddOperation(&get)
	a.openapi.AddOperation(&many)
	a.openapi.Components.Schemas.Map()["StatusResult"] = &huma.Schema{
		Description: "A status, or what was wrong with the query",
		OneOf: []*huma.Schema{a.schema(reflect.TypeFor[StatusObject]()), {Type: "object", Required: []string{"error"},
			Properties: map[string]*huma.Schema{"error": a.schema(reflect.TypeFor[Problem]())}}},
	}
}

// describeMetrics documents GET /metrics.
func (a *API) describeMetrics() {
	op := a.read(huma.Operation{
		OperationID: "metrics", Method: http.MethodGet, Path: metricsPath, Tags: []string{"operation"},
		Summary: "Metrics", Description: "In the text format of Prometheus.",
		Responses: map[string]*huma.Response{"200": {Description: "Metrics", Content: map[string]*huma.MediaType{
			"text/plain": {Schema: &huma.Schema{Type: "string"}}}}},
	})
	a.openapi.AddOperation(&op)
}

func (a *API) schema(t reflect.Type) *huma.Schema {
	return a.openapi.Components.Schemas.Schema(t, true, t.Name())
}

func (a *API) json(t reflect.Type) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: a.schema(t)}}
}

// describeAuthz documents the answers to gateways, which are served before the router.
func (a *API) describeAuthz() {
	text := &huma.Schema{Type: "string"}
	headers := map[string]*huma.Param{}
	for name, doc := range map[string]string{
		"X-Veto-Decision": "allow; allow-degraded: by the policy, though not plainly good; would-deny: allowed because the policy only reports; deny; error",
		"X-Veto-Status":   "good, revoked or unknown", "X-Veto-Reason": "Why: a revocation's reason, what gave the status, or the rule that refused",
		"X-Veto-Serial": "Serial number, hex", "X-Veto-Issuer": "The issuer's name", "X-Veto-Generation": "Of the store",
		"Cache-Control": "max-age, or no-store", "Vary": "The headers that the answer depends on",
	} {
		headers[name] = &huma.Param{Schema: text, Description: doc}
	}
	op := huma.Operation{
		OperationID: "authorize", Method: http.MethodGet, Path: authzRoute, Tags: []string{"gateways"},
		Summary: "May a gateway let this client in?",
		Description: "Any method, and any path below. Headers of the request carry the client's certificate as the profile says, and who may ask is " +
			"in the profile, too. The body is not read.",
		Parameters: []*huma.Param{{Name: "profile", In: "path", Required: true, Schema: text, Description: "A profile of the configuration"}},
		Responses: map[string]*huma.Response{
			"200": {Description: "Let the client in", Headers: headers},
			"401": {Description: "There is no certificate", Headers: headers},
			"403": {Description: "Keep the client out: its certificate is revoked, invalid, or refused by the policy; or the caller may not ask", Headers: headers},
			"503": {Description: "It cannot be told, and the policy wants an error then", Headers: headers},
		},
	}
	a.describeProblems(&op, notFound)
	a.openapi.AddOperation(&op)
}
