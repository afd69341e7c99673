package api

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// routes builds the router. Hot routes are written by hand and only described to huma; huma serves the others. Nothing here
// rewrites paths or believes forwarding headers.
func (a *API) routes(version string) (http.Handler, error) {
	r := chi.NewRouter()
	r.Use(a.observe, middleware.GetHead)
	r.NotFound(a.notFound)
	r.MethodNotAllowed(a.methodNotAllowed(r))

	h := a.newHuma(r, version)
	a.openapi = h.OpenAPI()
	r.Get(statusPath, a.reader(a.getStatus))
	r.Post(statusesPath, a.reader(a.postStatus))
	a.describeStatus()
	a.registerVerify(h)
	a.registerIssuers(h)
	a.registerPush(h)
	a.registerRevocations(h)
	a.registerAccept(h)
	a.registerChanges(h)
	a.registerAudit(h)
	if a.inventories != nil {
		a.registerInventory(h)
	}
	a.registerHealth(h)
	if a.mirrored != nil {
		r.Get(eventsPath, a.reader(a.events))
		r.Get(snapshotPath, a.reader(a.getSnapshot))
		a.describeFeed()
	}
	if a.explainer != nil {
		r.Post(explainPath, a.reader(a.explainOCSP))
		a.describeExplain()
	}
	if a.gatherer != nil {
		metrics := promhttp.HandlerFor(a.gatherer, promhttp.HandlerOpts{})
		r.Get(metricsPath, a.reader(metrics.ServeHTTP))
		a.describeMetrics()
	}
	a.describeAuthz()
	return a.beforeRouter(r), a.registerDocs(r)
}

// beforeRouter serves gateways, who use any method, also those the router does not know, and are many.
func (a *API) beforeRouter(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, authzPrefix) {
			a.authz(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// The paths of the API.
const (
	statusesPath    = "/v1/status"
	statusPath      = "/v1/status/{issuer}/{serial}"
	verifyPath      = "/v1/verify"
	issuersPath     = "/v1/issuers"
	issuerPath      = "/v1/issuers/{issuer}"
	refreshPath     = "/v1/issuers/{issuer}/refresh"
	crlPath         = "/v1/issuers/{issuer}/crl"
	revocationsPath = "/v1/issuers/{issuer}/revocations"
	revocationPath  = "/v1/issuers/{issuer}/revocations/{serial}"
	acceptPath      = "/v1/issuers/{issuer}/accept"
	changesPath     = "/v1/changes"
	eventsPath      = "/v1/events"
	snapshotPath    = "/v1/snapshot"
	auditPath       = "/v1/audit"
	explainPath     = "/v1/explain/ocsp"
	metricsPath     = "/metrics"
)

// newHuma makes the part of the API that huma serves: JSON only, no links into responses, no pages of its own.
func (a *API) newHuma(r chi.Router, version string) huma.API {
	config := huma.DefaultConfig("veto", version)
	config.Info.Description = "Revocation status of certificates, and its administration. Errors are problem details (RFC 9457)."
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.Transformers = []huma.Transformer{a.transform}
	json := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshalJSON}
	config.Formats = map[string]huma.Format{"application/json": json, "json": json}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "A token of the server's admin.token_file (for reading: api.read_token)."},
	}
	return humachi.New(r, config)
}

func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	notFound.problem("%s is no path of this API", clip(r.URL.Path)).write(w)
}

// methodNotAllowed names the methods of the path (RFC 9110 §15.5.6).
func (a *API) methodNotAllowed(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range methods {
			if method == "HEAD" && len(allowed) > 0 || routes.Match(chi.NewRouteContext(), method, r.URL.EscapedPath()) {
				allowed = append(allowed, method)
			}
		}
		list := strings.Join(allowed, ", ")
		methodNotAllowed.problem("%s is not allowed here, use %s", clip(r.Method), list).with("Allow", list).write(w)
	}
}

// pathParam is a parameter of the path. chi matches the escaped path, when there is one.
func pathParam(r *http.Request, name string) string {
	value := chi.URLParam(r, name)
	if r.URL.RawPath == "" {
		return value
	}
	if plain, err := url.PathUnescape(value); err == nil {
		return plain
	}
	return value
}
