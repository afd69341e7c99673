package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type auditInput struct {
	After uint64 `query:"after" doc:"The next of the page before; left out for the first page"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Rows in a page"`
}

func (a *API) registerAudit(h huma.API) {
	huma.Register(h, a.change("audit", huma.Operation{
		OperationID: "list-audit", Method: http.MethodGet, Path: auditPath, Tags: []string{"administration"},
		Summary:     "Who did what when, page by page",
		Description: "Every change that an administrator made, oldest first, as a chain: each row has the hash of the one before.",
	}, invalidRequest), a.audit)
}

// audit answers GET /v1/audit. One row more than asked for tells whether there is a next page.
func (a *API) audit(ctx context.Context, in *auditInput) (*output[AuditPage], error) {
	rows, err := a.admin.Audit(in.After, in.Limit+1)
	if err != nil {
		return nil, a.problemOf(err)
	}
	page := AuditPage{Rows: []AuditObject{}}
	if len(rows) > in.Limit {
		rows = rows[:in.Limit]
		page.Next = rows[in.Limit-1].Seq
	}
	page.Rows = append(page.Rows, rows...)
	changeOf(ctx).outcome = "done"
	return &output[AuditPage]{Status: http.StatusOK, Body: page}, nil
}
