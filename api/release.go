package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/vetopki/veto/revocation"
)

// release answers DELETE /v1/issuers/{issuer}/revocations/{serial}.
func (a *API) release(ctx context.Context, in *releaseInput) (*output[ChangeReport], error) {
	issuer, known := a.directory.Resolve(in.Issuer)
	if !known {
		return nil, unknownIssuerProblem(in.Issuer)
	}
	now, c := time.Now(), changeOf(ctx)
	c.issuer = issuer.Name
	serial, err := revocation.ParseSerial(in.Serial)
	if err != nil {
		return nil, malformedSerial.problem("%v", err).at("path.serial", "not a serial number")
	}
	c.serial = serial.String()
	if p := checkComment(in.Comment, "query.comment"); p != nil {
		return nil, p
	}
	record, outcome, generation, err := a.admin.Release(ctx,
		ReleaseRequest{Issuer: issuer.ID, Serial: serial, By: c.who, Comment: in.Comment, Now: now})
	if errors.Is(err, revocation.ErrNoRecord) {
		return nil, a.nothingToRelease(issuer, serial, now)
	}
	if err != nil {
		return nil, a.changeProblem(err, serial)
	}
	c.outcome, c.reason = outcome.String(), record.Reason.String()
	return &output[ChangeReport]{Status: http.StatusOK, Body: a.changed(issuer, serial, record, outcome, generation)}, nil
}

// nothingToRelease tells a serial that only the CA revoked, which only the CA can take back, from one that is not revoked.
func (a *API) nothingToRelease(issuer revocation.Issuer, serial revocation.Serial, now time.Time) *Problem {
	st := a.source.Status(issuer.ID, serial, now)
	if st.Status != revocation.Revoked {
		return noRecord.problem("%s of %s is not revoked by an administrator", serial, issuer.Name)
	}
	p := conflict.problem("revoked by the CA (%s) since %s with reason %s: only a newer statement of the CA lifts it",
		st.Because, st.RevokedAt.UTC().Format(time.RFC3339), st.Reason)
	p.Standing = &RevocationObject{Serial: serial.String(), Source: string(st.Source), Reason: st.Reason.String(),
		RevokedAt: jsonTime(st.RevokedAt), InvalidityDate: jsonTime(st.InvalidityDate), Retained: st.Because == revocation.BecauseRetained}
	return p
}
