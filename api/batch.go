package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/vetopki/veto/revocation"
)

// statusOfQueries answers {"queries":[…]} as it reads: one query is in memory at a time. A query that asks for something
// impossible has an error as its result; a body that is not of this shape fails as a whole.
func (a *API) statusOfQueries(r *http.Request, body io.Reader) ([]byte, *Problem) {
	paced := &pacedReader{r: body}
	b := batch{api: a, in: paced, dec: json.NewDecoder(paced), now: time.Now(), out: []byte(`{"results":[`)}
	paced.reset()
	b.dec.DisallowUnknownFields()
	if p := b.object(r); p != nil {
		return nil, p
	}
	if b.count == 0 {
		return nil, invalidRequest.problem("the body asks nothing").at("body.queries", "expected 1 to 10,000 queries")
	}
	return append(b.out, "]}\n"...), nil
}

// batch is one body being read and answered.
type batch struct {
	api   *API
	in    *pacedReader
	dec   *json.Decoder
	now   time.Time
	out   []byte
	count int
}

// object reads the whole body.
func (b *batch) object(r *http.Request) *Problem {
	if p := b.expect('{', "body"); p != nil {
		return p
	}
	for seen := false; b.dec.More(); seen = true {
		name, err := b.dec.Token()
		if err != nil {
			return b.fault("body", err)
		}
		if name != "queries" || seen {
			return invalidRequest.problem("the body has one member, queries").at(fmt.Sprintf("body.%s", clip(fmt.Sprint(name))), "unexpected property")
		}
		if p := b.array(r); p != nil {
			return p
		}
	}
	if p := b.expect('}', "body"); p != nil {
		return p
	}
	if _, err := b.dec.Token(); err == nil {
		return malformedRequest.problem("something follows the JSON object").at("body", b.where())
	} else if err != io.EOF {
		return b.fault("body", err)
	}
	return nil
}

// array reads the queries and answers each.
func (b *batch) array(r *http.Request) *Problem {
	if p := b.expect('[', "body.queries"); p != nil {
		return p
	}
	for ; b.dec.More(); b.count++ {
		if b.count == MaxQueries {
			return invalidRequest.problem("a request may ask at most %d queries; send several requests", MaxQueries).
				at("body.queries", "more than 10,000 queries")
		}
		if b.count%64 == 0 && r.Context().Err() != nil {
			return shuttingDown.problem("the request ended before it was answered")
		}
		var q StatusQuery
		if err := b.dec.Decode(&q); err != nil {
			return b.fault(fmt.Sprintf("body.queries[%d]", b.count), err)
		}
		b.in.reset()
		if b.count > 0 {
			b.out = append(b.out, ',')
		}
		b.out = b.appendResult(&q)
	}
	return b.expect(']', "body.queries")
}

// appendResult appends the answer to one query, or its error.
func (b *batch) appendResult(q *StatusQuery) []byte {
	answer, p := b.api.answerQuery(q, b.now)
	if p == nil {
		return AppendStatus(b.out, &answer)
	}
	b.out = append(b.out, `{"error":`...)
	b.out = append(b.out, bytes.TrimSuffix(encodeJSON(p), []byte("\n"))...)
	return append(b.out, '}')
}

func (a *API) answerQuery(q *StatusQuery, now time.Time) (Answer, *Problem) {
	switch {
	case q.Certificate != "" && (q.Issuer != "" || q.Serial != ""):
		return Answer{}, invalidRequest.problem("give issuer and serial, or a certificate, not both")
	case q.Certificate != "":
		cert, p := parsePEM(q.Certificate)
		if p != nil {
			return Answer{}, p
		}
		return a.answerCertificate(cert, now)
	case q.Issuer == "" || q.Serial == "":
		return Answer{}, invalidRequest.problem("give issuer and serial, or a certificate")
	}
	serial, err := revocation.ParseSerial(q.Serial)
	if err != nil {
		return Answer{}, malformedSerial.problem("%v", err)
	}
	issuer, known := a.directory.Resolve(q.Issuer)
	if !known {
		return a.answerUnknown(clip(q.Issuer), serial, now), nil
	}
	return a.answer(issuer, serial, now), nil
}

// expect reads one delimiter.
func (b *batch) expect(want json.Delim, location string) *Problem {
	token, err := b.dec.Token()
	if err != nil {
		return b.fault(location, err)
	}
	if token != want {
		return invalidRequest.problem("the body must be {\"queries\":[…]}").at(location, fmt.Sprintf("expected %s at %s", want, b.where()))
	}
	return nil
}

// fault says what is wrong with the body and where: with its transfer (408, 413), its JSON (400) or its shape (422).
func (b *batch) fault(location string, err error) *Problem {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field != "" {
			location += "." + wrong.Field
		}
		return invalidRequest.problem("a query is not of the right shape").at(location, whatJSON(err))
	}
	if name, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown {
		return invalidRequest.problem("a query has issuer and serial, or certificate").
			at(location+"."+clip(strings.Trim(name, `"`)), "unexpected property")
	}
	_, syntax := errors.AsType[*json.SyntaxError](err)
	switch {
	case errors.Is(err, errQueryTooLarge):
		return tooLarge.problem("a query has more than %d octets", MaxQuerySize).at(location, "too large")
	case err == io.EOF && b.dec.InputOffset() == 0:
		return malformedRequest.problem("the body is empty; send {\"queries\":[…]}")
	case syntax, err == io.EOF, err == io.ErrUnexpectedEOF:
		return malformedRequest.problem("the body is not JSON").at(location, fmt.Sprintf("%v, at %s", err, b.where()))
	}
	return readProblem(err)
}

func (b *batch) where() string { return fmt.Sprintf("octet %d", b.dec.InputOffset()) }
