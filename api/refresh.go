package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/vetopki/veto/revocation"
)

// refresh answers POST /v1/issuers/{issuer}/refresh.
func (a *API) refresh(ctx context.Context, in *refreshInput) (*output[RefreshReport], error) {
	issuer, known := a.directory.Resolve(in.Issuer)
	if !known {
		return nil, unknownIssuerProblem(in.Issuer)
	}
	change := changeOf(ctx)
	change.issuer = issuer.Name
	if report, known := a.directory.Issuer(issuer.ID.String()); known && report.Administered {
		return nil, nothingToFetch.problem("%s is administered here and has no CRL source", issuer.Name)
	}
	out := &output[RefreshReport]{Status: http.StatusOK,
		Body: RefreshReport{Issuer: issuer.Name, IssuerID: issuer.ID.String(), State: "done"}}
	if in.Wait {
		results, err := a.refresher.Refresh(ctx, issuer.ID)
		if p := a.refreshProblem(issuer, results, err); p != nil {
			return nil, p
		}
		out.Body.Results, change.outcome = results, "done"
		return out, nil
	}
	started, err := a.background.start(issuer.ID, func(ctx context.Context) { a.refreshUnattended(ctx, issuer) })
	if err != nil {
		return nil, shuttingDown.problem("the server is shutting down, no refresh was started")
	}
	out.Status, out.Body.State = http.StatusAccepted, "running"
	if started {
		out.Body.State = "started"
	}
	change.outcome = out.Body.State
	return out, nil
}

// refreshUnattended runs a refresh nobody waits for. Each source's result is in the issuer's report and in the refresher's
// own log; only what kept the refresh from running is said here.
func (a *API) refreshUnattended(ctx context.Context, issuer revocation.Issuer) {
	if _, err := a.refresher.Refresh(ctx, issuer.ID); err != nil && !errors.Is(err, context.Canceled) {
		a.log.Warn("refresh", "issuer", issuer.Name, "error", err)
	}
}

// refreshProblem is nil when every source was refreshed.
func (a *API) refreshProblem(issuer revocation.Issuer, results []RefreshResult, err error) *Problem {
	const kept = "; the CRL held before stays in force"
	if errors.Is(err, revocation.ErrNotDurable) || errors.Is(err, context.Canceled) {
		return a.problemOf(err)
	}
	if p := pushSource(issuer, err); p != nil {
		return p
	}
	if err != nil {
		p := fetchFailed.problem("refreshing %s: %v"+kept, issuer.Name, err)
		p.Results, p.Rule = results, revocation.RuleOf(err, "")
		return p
	}
	for i := range results {
		if results[i].Error != "" {
			p := fetchFailed.problem("refreshing %s from %s: %s"+kept, issuer.Name, results[i].URL, results[i].Error)
			p.Results = results
			return p
		}
	}
	return nil
}
