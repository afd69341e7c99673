package api_test

import (
	"encoding/json"
	"flag"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
)

var update = flag.Bool("update", false, "write testdata/openapi.json anew")

func TestIssuers(t *testing.T) {
	s := newServer(t, nil)
	list := decode[api.IssuerReports](t, s.do(t, "GET", "/v1/issuers", ""), 200).Issuers
	if len(list) != 2 || list[0].Name != "corp" || list[0].Sources[0].CRLNumber != "1042" || !list[1].Administered {
		t.Errorf("got %+v", list)
	}
	one := decode[api.IssuerReport](t, s.do(t, "GET", "/v1/issuers/"+s.homeID.String(), ""), 200)
	if one.Name != "home" {
		t.Errorf("got %+v", one)
	}
	wantProblem(t, s.do(t, "GET", "/v1/issuers/nobody", ""), 404, "unknown-issuer")
	wantProblem(t, s.do(t, "DELETE", "/v1/issuers/corp", ""), 405, "method-not-allowed")
}

func TestHealthAndReadiness(t *testing.T) {
	s := newServer(t, nil)
	if h := decode[api.HealthReport](t, s.do(t, "GET", "/healthz", ""), 200); !h.Alive {
		t.Error("not alive")
	}
	if r := decode[api.ReadyReport](t, s.do(t, "GET", "/readyz", ""), 200); !r.Ready || len(r.Issuers) != 2 {
		t.Errorf("an issuer that is not required does not matter: %+v", r)
	}
	s.notReady = "its CRL expired"
	if r := decode[api.ReadyReport](t, s.do(t, "GET", "/readyz", ""), 503); r.Ready || r.Issuers[0].Problem != "its CRL expired" {
		t.Errorf("a required issuer that is not ready: %+v", r)
	}
}

func TestMetricsCountByRouteAndAnswer(t *testing.T) {
	registry, metrics := prometheus.NewPedanticRegistry(), api.NewMetrics()
	registry.MustRegister(metrics.Collectors()...)
	s := newServer(t, func(o *api.Options) { o.Gatherer, o.Metrics = registry, metrics })
	for _, path := range []string{"/v1/status/corp/0a", "/v1/status/corp/0b", "/v1/status/corp/0b", "/v1/status/nobody/0b", "/nowhere", "/else"} {
		s.do(t, "GET", path, "")
	}
	s.do(t, "BREW", "/v1/issuers", "")
	s.revoke(t, `{"serial":"0c"}`)
	s.do(t, "POST", corpRevocations, `{"serial":"0c"}`, jsonBody)
	text := s.do(t, "GET", "/metrics", "").Body.String()
	for _, line := range []string{
		`veto_api_requests_total{code="200",method="GET",route="/v1/status/{issuer}/{serial}"} 3`,
		`veto_api_requests_total{code="404",method="GET",route="/v1/status/{issuer}/{serial}"} 1`,
		`veto_api_requests_total{code="404",method="GET",route="unmatched"} 2`,
		`veto_api_requests_total{code="405",method="other",route="unmatched"} 1`,
		`veto_api_requests_total{code="201",method="POST",route="/v1/issuers/{issuer}/revocations"} 1`,
		`veto_api_answers_total{because="crl",status="revoked"} 1`,
		`veto_api_answers_total{because="not_listed",status="good"} 2`,
		`veto_api_changes_total{action="revoke",outcome="created"} 1`,
		`veto_api_changes_total{action="revoke",outcome="token-required"} 1`,
		`veto_api_auth_failures_total{why="no-token"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	wantProblem(t, newServer(t, nil).do(t, "GET", "/metrics", ""), 404, "not-found")
}

func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	s := newServer(t, func(o *api.Options) { o.Gatherer = prometheus.NewRegistry(); withExplainer(o) })
	w := s.do(t, "GET", "/openapi.json", "")
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]json.RawMessage
		Components struct{ Schemas map[string]json.RawMessage }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("the document: %v", err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("version %s", doc.OpenAPI)
	}
	for path, methods := range map[string]string{"/v1/status/{issuer}/{serial}": "get", "/v1/status": "post", "/v1/issuers": "get",
		"/v1/issuers/{issuer}": "get", "/v1/issuers/{issuer}/refresh": "post", "/v1/issuers/{issuer}/crl": "put", "/v1/issuers/{issuer}/revocations": "get post",
		"/v1/issuers/{issuer}/revocations/{serial}": "delete", "/v1/issuers/{issuer}/accept": "post", "/v1/changes": "get", "/v1/audit": "get", "/v1/explain/ocsp": "post", "/healthz": "get", "/readyz": "get", "/metrics": "get"} {
		for method := range strings.FieldsSeq(methods) {
			if doc.Paths[path][method] == nil {
				t.Errorf("%s %s is not described", method, path)
			}
		}
	}
	for _, ref := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllStringSubmatch(w.Body.String(), -1) {
		if doc.Components.Schemas[ref[1]] == nil {
			t.Errorf("schema %s is not in the document", ref[1])
		}
	}
	const golden = "testdata/openapi.json"
	if *update {
		if err := os.WriteFile(golden, w.Body.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != w.Body.String() {
		t.Errorf("the document differs from %s (%v): look at the difference, then run go test ./api -update", golden, err)
	}
}

func TestDocsLoadNothingFromElsewhere(t *testing.T) {
	s := newServer(t, nil)
	w := s.do(t, "GET", "/docs", "")
	page := w.Body.String()
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("code %d, %v", w.Code, w.Header())
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("policy %s", policy)
	}
	for _, bad := range []string{"<script", "http://", "https://", "ZgotmplZ", "%!"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, good := range []string{"GET /v1/status/{issuer}/{serial}", "DELETE /v1/issuers/{issuer}/revocations/{serial}",
		"urn:veto:problem:unknown-issuer", "StatusObject", "invalidity_date"} {
		if !strings.Contains(page, good) {
			t.Errorf("the page does not have %q", good)
		}
	}
	if again := s.do(t, "GET", "/docs", "", header("If-None-Match: "+w.Header().Get("Etag"))); again.Code != 304 {
		t.Errorf("again: %d", again.Code)
	}
}

type panicky struct{ api.Source }

func (panicky) Status(revocation.IssuerID, revocation.Serial, time.Time) revocation.CertStatus {
	panic("out of luck")
}

func TestAPanicIsA500AndNeverAnAnswer(t *testing.T) {
	s := newServer(t, func(o *api.Options) { o.Source = panicky{} })
	w := httptest.NewRecorder()
	s.api.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/v1/status/corp/0a", nil))
	wantProblem(t, w, 500, "internal")
	if !strings.Contains(s.log.String(), "out of luck") || strings.Contains(w.Body.String(), "luck") {
		t.Errorf("log %s, body %s", s.log.String(), w.Body)
	}
}

func TestNewRefusesMissingPorts(t *testing.T) {
	if _, err := api.New(api.Options{}); err == nil {
		t.Error("no error")
	}
}
