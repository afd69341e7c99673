package client

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vetopki/veto/revocation"
)

// status is the status object of the JSON API, as far as it is used here.
type status struct {
	Status     string             `json:"status"`
	Because    revocation.Because `json:"because"`
	Reason     string             `json:"reason"`
	RevokedAt  time.Time          `json:"revoked_at"`
	ThisUpdate time.Time          `json:"this_update"`
	NextUpdate time.Time          `json:"next_update"`
	Fresh      bool               `json:"fresh"`
	Generation uint64             `json:"generation"`
	TTL        int                `json:"ttl"`
	Error      *problem           `json:"error"`
}

// problem is an RFC 9457 object.
type problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

func (p *problem) String() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// read makes an answer of a status. A status or reason that is not known here is an error, never good.
func (s *status) read(from string, now time.Time) (Answer, error) {
	if s.Error != nil {
		return Answer{}, fmt.Errorf("%s refused the question: %s", from, s.Error)
	}
	a := Answer{Because: s.Because, RevokedAt: s.RevokedAt, ThisUpdate: s.ThisUpdate, NextUpdate: s.NextUpdate, Fresh: s.Fresh,
		Generation: s.Generation, Until: now.Add(time.Duration(s.TTL) * time.Second), From: from}
	switch s.Status {
	case "good":
		a.Status = revocation.Good
	case "revoked":
		a.Status = revocation.Revoked
	case "unknown":
	default:
		return Answer{}, fmt.Errorf("%s answered with a status that is not known here: %q", from, s.Status)
	}
	var err error
	a.Reason, err = revocation.ParseReason(s.Reason)
	if err != nil && a.Status == revocation.Revoked {
		a.Reason, err = revocation.Unspecified, nil // revoked, whatever it is called
	}
	return a, err
}

var errNotModified = errors.New("not modified")

// get asks for one subject. With errNotModified only Until of the answer is set.
func (c *HTTP) get(ctx context.Context, s subject) (Answer, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/v1/status/"+s.issuer.String()+"/"+s.serial.String(), nil)
	if err != nil {
		return Answer{}, "", err
	}
	if etag := c.kept.etag(s); etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, body, err := c.do(req)
	if err != nil {
		return Answer{}, "", err
	}
	switch resp.StatusCode {
	case http.StatusNotModified:
		return Answer{Until: c.now().Add(maxAge(resp.Header))}, "", errNotModified
	case http.StatusNotFound: // the issuer is not configured there, if this is veto at all
		if !isProblem(resp.Header) {
			return Answer{}, "", c.refused(resp, body)
		}
		return Answer{Because: revocation.BecauseUnknownIssuer, From: c.base}, "", nil
	case http.StatusOK:
		var said status
		if err := json.Unmarshal(body, &said); err != nil {
			return Answer{}, "", fmt.Errorf("%s did not answer as a veto server does: %w", c.base, err)
		}
		a, err := said.read(c.base, c.now())
		return a, resp.Header.Get("Etag"), err
	}
	return Answer{}, "", c.refused(resp, body)
}

// many asks for a batch by certificate. There is one result for each question, in order.
func (c *HTTP) many(ctx context.Context, batch []*question) ([]status, error) {
	type query struct {
		Certificate string `json:"certificate"`
	}
	queries := make([]query, len(batch))
	for i, q := range batch {
		queries[i].Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: q.der}))
	}
	body, err := json.Marshal(map[string][]query{"queries": queries})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/status", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, answer, err := c.do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, c.refused(resp, answer)
	}
	var said struct {
		Results []status `json:"results"`
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return nil, fmt.Errorf("%s did not answer as a veto server does: %w", c.base, err)
	}
	if len(said.Results) != len(batch) {
		return nil, fmt.Errorf("%s answered %d questions of %d", c.base, len(said.Results), len(batch))
	}
	return said.Results, nil
}

func (c *HTTP) do(req *http.Request) (*http.Response, []byte, error) {
	if c.o.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	resp, err := c.o.Client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("asking veto: %w", err)
	}
	defer resp.Body.Close()
	const most = 8 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	if err != nil {
		return nil, nil, fmt.Errorf("reading the answer of %s: %w", c.base, err)
	}
	return resp, body, nil
}

// refused is the error of an answer that is a problem.
func (c *HTTP) refused(resp *http.Response, body []byte) error {
	var p problem
	if !isProblem(resp.Header) || json.Unmarshal(body, &p) != nil {
		return fmt.Errorf("%s answered HTTP %s", c.base, resp.Status)
	}
	return fmt.Errorf("%s refused: %s (HTTP %d)", c.base, &p, resp.StatusCode)
}

func isProblem(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "application/problem+json")
}

// maxAge is how long an answer may be kept by its Cache-Control.
func maxAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(h.Get("Cache-Control"), ",") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(directive), "max-age="); ok {
			if n, err := strconv.ParseUint(text, 10, 31); err == nil {
				return time.Duration(n) * time.Second
			}
		}
	}
	return 0
}
