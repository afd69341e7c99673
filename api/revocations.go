package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/vetopki/veto/revocation"
)

type listInput struct {
	Issuer string `path:"issuer" doc:"The issuer's name, or its IssuerID in hex"`
	After  string `query:"after" maxLength:"256" doc:"The next of the page before; left out for the first page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Rows in a page"`
}

type revokeInput struct {
	Issuer string `path:"issuer" doc:"The issuer's name, or its IssuerID in hex"`
	Body   RevokeBody
}

type releaseInput struct {
	Issuer  string `path:"issuer" doc:"The issuer's name, or its IssuerID in hex"`
	Serial  string `path:"serial" maxLength:"256" doc:"Hex, or dec: and a decimal number"`
	Comment string `query:"comment" maxLength:"1000" doc:"For the record; no control characters"`
}

// maxRevokeBody bounds the body of a revoke, in octets: a certificate and a comment.
const maxRevokeBody = 128 << 10

func (a *API) registerRevocations(h huma.API) {
	huma.Register(h, a.read(huma.Operation{
		OperationID: "list-revocations", Method: http.MethodGet, Path: revocationsPath, Tags: []string{"revocations"},
		Summary:     "The issuer's revocations, page by page",
		Description: "What the CRLs in force list and what administrators recorded, in the store's order of serials.",
	}, unknownIssuer, malformedSerial, invalidRequest), a.listRevocations)
	huma.Register(h, a.change("revoke", huma.Operation{
		OperationID: "revoke", Method: http.MethodPost, Path: revocationsPath, Tags: []string{"administration"},
		Summary: "Revoke a certificate, or put it on hold", DefaultStatus: http.StatusCreated, MaxBodyBytes: maxRevokeBody + 1,
		Description: "201 for a new revocation; 200 for the same again, for a hold that becomes permanent and for a reason that becomes " +
			"keyCompromise; 409 for anything else that differs. Once acknowledged, no answer says good any more.",
		Responses: map[string]*huma.Response{"200": {Description: "The same stood before, or it was upgraded",
			Content: a.json(reflect.TypeFor[ChangeReport]())}},
	}, unknownIssuer, malformedRequest, malformedSerial, malformedCertificate, otherIssuer, conflict, tooLarge, wrongMediaType,
		invalidRequest, refused, shuttingDown, notDurable), a.revoke)
	huma.Register(h, a.change("release", huma.Operation{
		OperationID: "release", Method: http.MethodDelete, Path: revocationPath, Tags: []string{"administration"},
		Summary: "Release an administrator's hold",
		Description: "200 with what was released and what is answered now; 409 for a permanent revocation and for one that a CRL lists; " +
			"404 when there is none.",
	}, unknownIssuer, malformedSerial, noRecord, conflict, invalidRequest, refused, shuttingDown, notDurable), a.release)
}

// listRevocations answers one page. One row more than asked for tells whether there is a next page.
func (a *API) listRevocations(_ context.Context, in *listInput) (*output[RevocationPage], error) {
	issuer, known := a.directory.Resolve(in.Issuer)
	if !known {
		return nil, unknownIssuerProblem(in.Issuer)
	}
	var after revocation.Serial
	if in.After != "" {
		var err error
		if after, err = revocation.ParseSerial(in.After); err != nil {
			return nil, malformedSerial.problem("after: %v", err).at("query.after", "give the next of the page before")
		}
	}
	rows, err := a.admin.Revocations(issuer.ID, after, in.Limit+1)
	if err != nil {
		return nil, a.problemOf(err)
	}
	page := RevocationPage{Issuer: issuer.Name, IssuerID: issuer.ID.String(), Revocations: []RevocationObject{}}
	for i := range rows {
		if i == in.Limit {
			page.Next = rows[i-1].Serial.String()
			break
		}
		page.Revocations = append(page.Revocations, listingObject(&rows[i]))
	}
	return &output[RevocationPage]{Status: http.StatusOK, Body: page}, nil
}

func listingObject(l *revocation.Listing) RevocationObject {
	return RevocationObject{Serial: l.Serial.String(), Source: string(l.Source), Reason: l.Reason.String(),
		RevokedAt: jsonTime(l.RevokedAt), InvalidityDate: jsonTime(l.InvalidityDate), Retained: l.Retained,
		Released: l.Released, By: l.By, Comment: l.Comment}
}

func recordObject(r revocation.AdminRecord) *RevocationObject {
	return &RevocationObject{Source: string(revocation.SourceAdmin), Reason: r.Reason.String(),
		RevokedAt: jsonTime(r.RevokedAt), InvalidityDate: jsonTime(r.InvalidityDate), Retained: r.Retained,
		Released: r.Released, RecordedAt: jsonTime(r.RecordedAt), By: r.By, Comment: r.Comment}
}
