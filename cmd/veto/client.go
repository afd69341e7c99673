package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vetopki/veto/api"
)

// maxAnswer bounds what is read of a server's answer, in octets.
const maxAnswer = 32 << 20

// client asks a running veto by its JSON API.
type client struct {
	server    string
	tokenFile string
	timeout   time.Duration
	asJSON    bool
}

// register adds the flags that every command of a client has.
func (c *client) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.server, "server", "http://127.0.0.1:8081", "`URL` of the JSON API")
	f.StringVar(&c.tokenFile, "token-file", "", "`FILE` with the token; default the variable VETO_TOKEN")
	f.DurationVar(&c.timeout, "timeout", 60*time.Second, "give up after")
	f.BoolVar(&c.asJSON, "json", false, "print JSON")
}

// refused is an answer of the server that is a problem (RFC 9457).
type refused struct {
	status  int
	problem api.Problem
}

func (r *refused) Error() string {
	if r.problem.Detail != "" {
		return fmt.Sprintf("%s (HTTP %d)", r.problem.Detail, r.status)
	}
	return fmt.Sprintf("%s (HTTP %d)", r.problem.Title, r.status)
}

// call sends one request, with a JSON body unless in is nil, and decodes the answer into out. A server that cannot be
// reached ends the program with "cannot tell", a refusal with "no".
func (c *client) call(ctx context.Context, method string, in, out any, path ...string) error {
	if in == nil {
		return c.send(ctx, method, "", nil, out, path...)
	}
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return c.send(ctx, method, "application/json", bytes.NewReader(b), out, path...)
}

// send is call with a body of any media type, read as it is sent.
func (c *client) send(ctx context.Context, method, mediaType string, body io.Reader, out any, path ...string) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, joinPath(c.server, path), body)
	if err != nil {
		return usage("--server: %v", err)
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	return c.do(req, out)
}

// do sends a request and decodes the answer into out.
func (c *client) do(req *http.Request, out any) error {
	if err := c.authorize(req); err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return withCode(exitUnknown, fmt.Errorf("asking veto: %w; is it running there, and is --server its API address?", err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return withCode(exitUnknown, fmt.Errorf("reading the answer of %s: %w", c.server, err))
	}
	return decodeAnswer(c.server, resp.StatusCode, answer, out)
}

func decodeAnswer(server string, status int, answer []byte, out any) error {
	if status < 300 || (status == http.StatusServiceUnavailable && looksReady(answer)) {
		if err := json.Unmarshal(answer, out); err != nil {
			return withCode(exitUnknown, fmt.Errorf("%s did not answer as a veto API does: %w", server, err))
		}
		return nil
	}
	r := &refused{status: status}
	if json.Unmarshal(answer, &r.problem) != nil {
		r.problem.Title = http.StatusText(status)
	}
	return withCode(codeOf(status), fmt.Errorf("%s refused: %w", server, r))
}

// looksReady says whether the body is a readiness report, which comes with 503 when veto is not ready.
func looksReady(answer []byte) bool {
	var r struct{ Ready *bool }
	return json.Unmarshal(answer, &r) == nil && r.Ready != nil
}

// codeOf maps the HTTP status of a refusal to an exit code: our mistake, no, or cannot tell.
func codeOf(status int) int {
	switch {
	case status == http.StatusBadRequest, status == http.StatusUnprocessableEntity, status == http.StatusUnsupportedMediaType:
		return exitUsage
	case status >= 500, status == http.StatusTooManyRequests:
		return exitUnknown
	}
	return exitNo
}

// joinPath appends escaped path segments, and a query when the last begins with a question mark.
func joinPath(server string, path []string) string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(server, "/"))
	for _, p := range path {
		if strings.HasPrefix(p, "?") {
			b.WriteString(p)
			continue
		}
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}

// authorize adds the token, when there is one.
func (c *client) authorize(req *http.Request) error {
	token := os.Getenv("VETO_TOKEN")
	if c.tokenFile != "" {
		b, err := os.ReadFile(c.tokenFile)
		if err != nil {
			return usage("--token-file: %v", err)
		}
		token = strings.TrimSpace(string(b))
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}
