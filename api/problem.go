package api

import "net/http"

// Problem is an error as the API answers it (RFC 9457): what kind (Type, Title and Status belong together) and what happened
// this time (Detail, and the members that some kinds add).
type Problem struct {
	Type   string `json:"type" format:"uri" doc:"Which kind of problem: stable, listed on /docs"`
	Title  string `json:"title"`
	Status int    `json:"status" doc:"The HTTP status"`
	Detail string `json:"detail,omitempty" doc:"What happened this time, and what to do"`

	Faults   []Fault           `json:"errors,omitempty" doc:"Where the request is wrong"`
	Rule     string            `json:"rule,omitempty" doc:"Which rule refused"`
	Section  string            `json:"section,omitempty" doc:"The section of the standard the rule comes from"`
	Standing *RevocationObject `json:"standing,omitempty" doc:"What stands, when a change contradicts it"`
	Results  []RefreshResult   `json:"results,omitempty" doc:"When a fetch failed: what came of each source"`

	header http.Header // further response headers, nil for none
}

// Fault is one thing wrong with a request.
type Fault struct {
	Location string `json:"location,omitempty" doc:"Where: path.issuer, query.limit, body.queries[3].serial"`
	Message  string `json:"message"`
}

// Error is the title and the detail, so that a Problem decoded by a client serves as an error.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// GetStatus is the HTTP status; with it, huma takes a Problem as an answer.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are further response headers, for huma.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is the media type of problem details, for huma.
func (p *Problem) ContentType(string) string { return problemMediaType }

const problemMediaType = "application/problem+json"

// at adds a fault and returns the problem.
func (p *Problem) at(location, message string) *Problem {
	p.Faults = append(p.Faults, Fault{Location: location, Message: message})
	return p
}

// with adds a response header and returns the problem.
func (p *Problem) with(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Add(name, value)
	return p
}

// write answers the request with the problem.
func (p *Problem) write(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range p.header {
		h[name] = values
	}
	h.Set("Content-Type", problemMediaType)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	w.Write(encodeJSON(p))
}
