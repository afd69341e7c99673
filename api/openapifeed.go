package api

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/vetopki/veto/internal/snapshot"
)

// describeFeed documents the routes for mirrors, which are served without huma.
func (a *API) describeFeed() {
	text, number := &huma.Schema{Type: "string"}, &huma.Schema{Type: "integer", Format: "int64"}
	change, state := a.schema(reflect.TypeFor[ChangeObject]()), a.schema(reflect.TypeFor[MirrorState]())
	events := a.read(huma.Operation{
		OperationID: "stream-events", Method: http.MethodGet, Path: eventsPath, Tags: []string{"changes"},
		Summary: "The change feed as server-sent events",
		Description: "Events: change, whose id is its generation and whose data is a row as in /v1/changes; state, what is known of serials that " +
			"nothing lists, after the changes that a client missed and whenever it changed; resync, when changes after since are no longer kept, and " +
			"then the stream ends: read a snapshot, and come back with its generation as since. A comment comes every 15 seconds.",
		Parameters: []*huma.Param{
			{Name: "since", In: "query", Schema: number, Description: "The generation to go on from; left out: now"},
			{Name: "epoch", In: "query", Schema: text, Description: "Of which since is, as a state or a snapshot said; another history then means resync"},
			{Name: "entries", In: "query", Schema: &huma.Schema{Type: "boolean"}, Description: "Rows say what is known of their serials"},
			{Name: "Last-Event-ID", In: "header", Schema: text, Description: "Goes before since"},
		},
		Responses: map[string]*huma.Response{"200": {Description: "A stream of events; data of change and state are as described",
			Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{AnyOf: []*huma.Schema{change, state}}}}}},
	}, invalidRequest)
	whole := a.read(huma.Operation{
		OperationID: "get-snapshot", Method: http.MethodGet, Path: snapshotPath, Tags: []string{"changes"},
		Summary: "Everything that is revoked, for mirrors",
		Description: "All revoked serials of all issuers and what is known of every other serial, of one moment; the format is in docs/SNAPSHOT.md. " +
			"The header Veto-Generation says with what to go on in /v1/events or /v1/changes.",
		Parameters: []*huma.Param{{Name: "If-None-Match", In: "header", Schema: text, Description: "The ETag of a snapshot held"}},
		Responses: map[string]*huma.Response{
			"200": {Description: "The snapshot", Content: map[string]*huma.MediaType{snapshot.MediaType: {Schema: &huma.Schema{Type: "string", Format: "binary"}}},
				Headers: map[string]*huma.Param{
					"ETag":            {Schema: text, Description: "Weak, of this generation and state"},
					"Veto-Generation": {Schema: number, Description: "Every change up to it is in the snapshot"},
				}},
			"304": {Description: "The snapshot held says the same"},
		},
	}, shuttingDown)
	a.openapi.AddOperation(&events)
	a.openapi.AddOperation(&whole)
}
