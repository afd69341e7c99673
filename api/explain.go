package api

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/vetopki/veto/internal/explain"
)

// MaxExplained is the longest message explained, in octets as sent.
const MaxExplained = 256 << 10

// explainTypes are the media types of an OCSP message; base64 comes as text/plain.
var explainTypes = []string{"application/ocsp-request", "application/ocsp-response", "application/octet-stream", "text/plain"}

// explainOCSP answers POST /v1/explain/ocsp.
func (a *API) explainOCSP(w http.ResponseWriter, r *http.Request) {
	mediaType, p := mediaTypeOf(r)
	if p == nil && !slices.Contains(explainTypes, mediaType) {
		list := strings.Join(explainTypes, ", ")
		p = wrongMediaType.problem("send the message as it is, or its base64, with Content-Type one of %s", list).with("Accept", list)
	}
	if p != nil {
		p.write(w)
		return
	}
	deadline := http.NewResponseController(w)
	deadline.SetReadDeadline(time.Now().Add(statusBodyReadLimit)) // best effort: tests have no connection
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxExplained))
	deadline.SetReadDeadline(time.Time{})
	if err != nil {
		readProblem(err).write(w)
		return
	}
	der, err := explain.Decode(data)
	if err != nil {
		malformedRequest.problem("%v", err).write(w)
		return
	}
	body, err := json.Marshal(a.explainer.ExplainOCSP(r.Context(), der))
	if err != nil {
		internalFault.problem("writing the explanation").write(w)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	w.Write(append(body, '\n'))
}

// describeExplain documents the route, which is served without huma: its body is no JSON.
func (a *API) describeExplain() {
	op := a.read(huma.Operation{
		OperationID: "explain-ocsp", Method: http.MethodPost, Path: explainPath, Tags: []string{"operation"},
		Summary: "Say in words what an OCSP request or response contains",
		Description: "The message in DER, or its base64. Of a request, why says what the responder here answers at this moment, and why: an " +
			"issuer that is not known here is shown beside those that are, by their hashes.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}},
		Responses:   map[string]*huma.Response{"200": {Description: "The explanation", Content: a.json(reflect.TypeFor[explain.Explanation]())}},
	}, malformedRequest, timedOut, tooLarge, wrongMediaType)
	for _, mediaType := range explainTypes {
		op.RequestBody.Content[mediaType] = &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	}
	a.openapi.AddOperation(&op)
}
