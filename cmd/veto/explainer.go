package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/vetopki/veto/internal/explain"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// explainer explains OCSP messages by what this server knows. It implements api.Explainer.
type explainer struct {
	directory *directory
	judge     *judge
	responder *responder.Responder
}

// ExplainOCSP implements api.Explainer.
func (e *explainer) ExplainOCSP(ctx context.Context, der []byte) *explain.Explanation {
	o := explain.Options{Now: judgedAt(e.judge.store)}
	t := e.directory.table.Load()
	for i := range t.issuers {
		o.Issuers = append(o.Issuers, t.issuers[i].keys...)
	}
	x := explain.OCSP(der, o)
	if x.Kind != explain.Request {
		return x
	}
	var known []explain.Answered
	for _, id := range x.CertIDs() {
		a := explain.Answered{}
		for i := range t.issuers {
			k := &t.issuers[i]
			for n := range k.keys {
				if key := &k.keys[n]; id.Names(key.Certificate, id.Serial) {
					a = explain.Answered{Issuer: key, Administered: k.config.Administered(), AsksUpstream: k.config.Upstream != nil,
						Status: e.judge.Status(key.ID, id.Serial, o.Now), SignerProblem: k.whyUnsigned(*key, o.Now)}
					if k.relays() && a.Status.Because == revocation.BecauseUpstream {
						a.SignerProblem = "" // the CA signed it
					}
				}
			}
		}
		known = append(known, a)
	}
	response, refused := e.answer(ctx, der)
	x.Because(response, refused, known, o)
	return x
}

// answer is what the responder answers the request, asked as by POST; or why HTTP refuses it.
func (e *explainer) answer(ctx context.Context, der []byte) (response []byte, refused string) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/ocsp", bytes.NewReader(der))
	if err != nil {
		return nil, err.Error()
	}
	r.Header.Set("Content-Type", "application/ocsp-request")
	answer := answerBuffer{header: http.Header{}, code: http.StatusOK}
	e.responder.ServeHTTP(&answer, r)
	if answer.code != http.StatusOK {
		return nil, fmt.Sprintf("HTTP %d, %s", answer.code, strings.TrimSpace(answer.body.String()))
	}
	return answer.body.Bytes(), ""
}

// answerBuffer is an http.ResponseWriter that keeps the code and the body.
type answerBuffer struct {
	code   int
	header http.Header
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *answerBuffer) Header() http.Header { return a.header }

// Write implements http.ResponseWriter.
func (a *answerBuffer) Write(p []byte) (int, error) { return a.body.Write(p) }

// WriteHeader implements http.ResponseWriter.
func (a *answerBuffer) WriteHeader(code int) { a.code = code }
