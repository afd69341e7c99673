package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// MaxWait is how long a request for changes waits for one, whatever it asks for.
const MaxWait = time.Minute

type changesInput struct {
	Since uint64 `query:"since" doc:"The next of the answer before; 0 for all that are kept"`
	Wait  string `query:"wait" maxLength:"16" doc:"How long to wait for a change when there is none: 30s; at most 60s"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"Changes in an answer"`
}

func (a *API) registerChanges(h huma.API) {
	huma.Register(h, a.read(huma.Operation{
		OperationID: "list-changes", Method: http.MethodGet, Path: changesPath, Tags: []string{"changes"},
		Summary: "What changed since a generation, or the next change when it comes",
		Description: "Every rise of the generation is one row, in order. With wait the answer comes at the next change, or empty when there was " +
			"none. resync says that rows are missing: read the lists of revocations anew.",
	}, invalidRequest, shuttingDown), a.changes)
}

// changes answers GET /v1/changes.
func (a *API) changes(ctx context.Context, in *changesInput) (*output[ChangePage], error) {
	wait, p := waitOf(in.Wait)
	if p != nil {
		return nil, p
	}
	patience := time.NewTimer(wait)
	defer patience.Stop()
	for waiting := wait > 0; ; {
		changed := a.feed.Changed()
		rows, newest, complete, err := a.feed.Changes(in.Since, in.Limit)
		if err != nil {
			return nil, a.problemOf(err)
		}
		if len(rows) > 0 || !complete || !waiting {
			return &output[ChangePage]{Status: http.StatusOK, Body: changePage(in.Since, rows, newest, complete)}, nil
		}
		select {
		case <-changed:
		case <-patience.C:
			waiting = false
		case <-a.draining:
			waiting = false
		case <-ctx.Done():
			return nil, a.problemOf(context.Cause(ctx))
		}
	}
}

// waitOf reads for how long to wait, at most MaxWait.
func waitOf(text string) (time.Duration, *Problem) {
	if text == "" {
		return 0, nil
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait < 0 {
		return 0, invalidRequest.problem("wait is no duration; write a number with a unit, such as 30s").at("query.wait", "expected a duration")
	}
	return min(wait, MaxWait), nil
}

// changePage says with what to go on: after the last row, or after everything when rows are missing.
func changePage(since uint64, rows []ChangeObject, newest uint64, complete bool) ChangePage {
	page := ChangePage{Generation: newest, Next: since, Resync: !complete, Changes: []ChangeObject{}}
	switch {
	case !complete:
		page.Next = newest
	case len(rows) > 0:
		page.Next, page.Changes = rows[len(rows)-1].Generation, rows
	}
	return page
}
