package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
)

//go:embed docs.html
var docsTemplate string

//go:embed docs.css
var docsStyle string

// registerDocs serves the OpenAPI document and a page made from it. Both are built once; the page has no script and loads
// nothing from anywhere, so it works where no other host can be reached.
func (a *API) registerDocs(r chi.Router) error {
	schemas := a.openapi.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own, replaced by Problem
	delete(schemas, "ErrorDetail")
	for name, schema := range schemas {
		if !slices.Contains([]string{"RevokeBody", "AcceptBody", "StatusQueries", "StatusQuery", "VerifyBody", "IdentityObject"}, name) {
			schema.AdditionalProperties = nil // answers may have more members in later versions; requests may not
		}
	}
	document, err := json.MarshalIndent(a.openapi, "", " ")
	if err != nil {
		return fmt.Errorf("writing the OpenAPI document: %w", err)
	}
	page, err := docsPage(a.openapi)
	if err != nil {
		return fmt.Errorf("writing the documentation page: %w", err)
	}
	hash := sha256.Sum256([]byte(docsStyle))
	policy := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	r.Get("/openapi.json", func(w http.ResponseWriter, r *http.Request) {
		writeDocument(w, r, document, "application/json")
	})
	r.Get("/docs", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		writeDocument(w, r, page, "text/html; charset=utf-8")
	})
	return nil
}

// writeDocument answers with a document that changes only with the program.
func writeDocument(w http.ResponseWriter, r *http.Request, body []byte, contentType string) {
	etag := entityTag(body)
	w.Header().Set("Etag", etag)
	w.Header().Set("Cache-Control", "no-cache")
	if matchesTag(r.Header["If-None-Match"], etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write(body)
}

// The page shows routes, problems and objects.
type docsData struct {
	Title, Version, Description string
	Style                       template.CSS
	Routes                      []docsRoute
	Problems                    []docsProblem
	Schemas                     []docsSchema
}

type docsRoute struct {
	*huma.Operation
	Anchor string
	Access string   // who may ask
	Bodies []string // media types of the request
	Codes  []docsCode
}

type docsCode struct{ Code, Text string }

type docsProblem struct {
	Type, Title, Doc string
	Status           int
}

type docsSchema struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, Type, Text string
	Required         bool
}

func docsPage(doc *huma.OpenAPI) ([]byte, error) {
	page, err := template.New("docs").Parse(docsTemplate)
	if err != nil {
		return nil, err
	}
	data := docsData{Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description,
		Style: template.CSS(docsStyle), Routes: docsRoutes(doc), Schemas: docsSchemas(doc)}
	for _, k := range kinds() {
		data.Problems = append(data.Problems, docsProblem{ProblemPrefix + k.name, k.title, k.doc, k.status})
	}
	var out bytes.Buffer
	err = page.Execute(&out, data)
	return out.Bytes(), err
}

func docsRoutes(doc *huma.OpenAPI) []docsRoute {
	var routes []docsRoute
	for _, path := range sortedKeys(doc.Paths) {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Delete} {
			if op == nil {
				continue
			}
			route := docsRoute{Operation: op, Anchor: op.OperationID}
			switch len(op.Security) {
			case 1:
				route.Access = "Needs an admin token."
			case 2:
				route.Access = "Needs a token only where read tokens are set."
			}
			if op.RequestBody != nil {
				route.Bodies = sortedKeys(op.RequestBody.Content)
			}
			for _, code := range sortedKeys(op.Responses) {
				route.Codes = append(route.Codes, docsCode{code, op.Responses[code].Description})
			}
			routes = append(routes, route)
		}
	}
	return routes
}

func docsSchemas(doc *huma.OpenAPI) []docsSchema {
	var list []docsSchema
	schemas := doc.Components.Schemas.Map()
	for _, name := range sortedKeys(schemas) {
		s := docsSchema{Name: name}
		for _, field := range sortedKeys(schemas[name].Properties) {
			p := schemas[name].Properties[field]
			s.Fields = append(s.Fields, docsField{field, typeText(p), p.Description, slices.Contains(schemas[name].Required, field)})
		}
		list = append(list, s)
	}
	return list
}

// typeText is a schema in a few words.
func typeText(s *huma.Schema) string {
	switch {
	case s.Ref != "":
		return s.Ref[len("#/components/schemas/"):]
	case s.Type == "array" && s.Items != nil:
		return "list of " + typeText(s.Items)
	case s.Format != "" && s.Type == "string":
		return s.Format
	case len(s.Enum) > 0:
		return fmt.Sprint(s.Enum)
	}
	return s.Type
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
