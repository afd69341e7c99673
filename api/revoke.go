package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/vetopki/veto/revocation"
)

type revokeOutput struct {
	Status   int
	Location string `header:"Location" doc:"Where the status of the serial is found"`
	Body     ChangeReport
}

// revoke answers POST /v1/issuers/{issuer}/revocations.
func (a *API) revoke(ctx context.Context, in *revokeInput) (*revokeOutput, error) {
	issuer, known := a.directory.Resolve(in.Issuer)
	if !known {
		return nil, unknownIssuerProblem(in.Issuer)
	}
	now, c := time.Now(), changeOf(ctx)
	c.issuer, c.serial, c.reason = issuer.Name, in.Body.Serial, in.Body.Reason
	serial, p := a.serialToRevoke(issuer, &in.Body)
	if p != nil {
		return nil, p
	}
	c.serial = serial.String()
	want, p := wantedRecord(&in.Body, c.who, now)
	if p != nil {
		return nil, p
	}
	c.reason = want.Reason.String()
	record, outcome, generation, err := a.admin.Revoke(ctx, RevokeRequest{Issuer: issuer.ID, Serial: serial, Want: want})
	if err != nil {
		return nil, a.changeProblem(err, serial)
	}
	c.outcome = outcome.String()
	out := &revokeOutput{Status: http.StatusOK, Body: a.changed(issuer, serial, record, outcome, generation)}
	if outcome == revocation.Created {
		out.Status, out.Location = http.StatusCreated, statusURL(issuer.Name, serial)
	}
	return out, nil
}

// serialToRevoke reads the serial, or takes it from a certificate that the issuer really signed.
func (a *API) serialToRevoke(issuer revocation.Issuer, body *RevokeBody) (revocation.Serial, *Problem) {
	if (body.Serial == "") == (body.Certificate == "") {
		return "", invalidRequest.problem("give a serial or a certificate").at("body", "expected one of serial and certificate")
	}
	if body.Serial != "" {
		serial, err := revocation.ParseSerial(body.Serial)
		if err != nil {
			return "", malformedSerial.problem("%v", err).at("body.serial", "not a serial number")
		}
		return serial, nil
	}
	cert, p := parsePEM(body.Certificate)
	if p != nil {
		return "", p.at("body.certificate", "not a certificate in PEM")
	}
	signer, known := a.directory.ByCertificate(cert)
	if !known || signer.Name != issuer.Name { // any key of it
		return "", otherIssuer.problem("the certificate is not signed by %s; nothing was changed", issuer.Name).
			at("body.certificate", "signed by another issuer")
	}
	serial, err := revocation.SerialFromBig(cert.SerialNumber)
	if err != nil {
		return "", malformedSerial.problem("%v", err).at("body.certificate", "its serial number cannot be used")
	}
	return serial, nil
}

// wantedRecord reads what is to be recorded.
func wantedRecord(body *RevokeBody, by string, now time.Time) (want revocation.AdminRecord, p *Problem) {
	reason, err := revocation.ParseReason(body.Reason)
	if err != nil || reason == revocation.RemoveFromCRL {
		return want, invalidRequest.problem("the reason cannot be used").at("body.reason", "expected a reason to revoke (RFC 5280 §5.3.1)")
	}
	if body.RevokedAt.After(now) {
		return want, invalidRequest.problem("revoked_at is in the future, here it is %s; leave it out for now", now.UTC().Format(time.RFC3339)).
			at("body.revoked_at", "expected a time that has passed")
	}
	if p := checkComment(body.Comment, "body.comment"); p != nil {
		return want, p
	}
	want.Reason, want.RevokedAt, want.InvalidityDate = reason, jsonTime(body.RevokedAt), jsonTime(body.InvalidityDate)
	want.RecordedAt, want.By, want.Comment = now.UTC(), by, body.Comment
	return want, nil
}

// checkComment refuses control characters: a comment is shown in logs, lists and terminals.
func checkComment(comment, location string) *Problem {
	if strings.ContainsFunc(comment, unicode.IsControl) {
		return invalidRequest.problem("the comment has control characters").at(location, "expected one line of printable text")
	}
	return nil
}

// changed reports a change that took effect, together with what is answered from now on.
func (a *API) changed(issuer revocation.Issuer, serial revocation.Serial, record revocation.AdminRecord, outcome revocation.Outcome,
	generation uint64) ChangeReport {
	answer := a.answer(issuer, serial, time.Now())
	report := ChangeReport{Outcome: outcome.String(), Generation: generation, Revocation: *recordObject(record), Status: answer.Object()}
	report.Revocation.Serial = serial.String()
	return report
}

// changeProblem is the problem of a change that was not made.
func (a *API) changeProblem(err error, serial revocation.Serial) *Problem {
	p := a.problemOf(err)
	if _, conflicts := errors.AsType[*revocation.Conflict](err); conflicts {
		p.Standing.Serial = serial.String()
	}
	return p
}
