package follow

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/vetopki/veto/internal/snapshot"
)

// Copy is what is kept up to date. Its methods are called one at a time.
type Copy interface {
	// Generation is that up to which the copy has everything, and the epoch that it is of. ok is false when it has nothing: it is then
	// loaded.
	Generation() (n uint64, epoch string, ok bool)

	// Load replaces the copy by a snapshot, in one step at its end. After an error the copy is as before.
	Load(ctx context.Context, body io.Reader) error

	// Change takes a row of the change log. It is false when the copy has to be loaded for it.
	Change(*Change) bool

	// State takes what is known of serials that nothing lists. Every change up to its generation was taken before, and every one there
	// was when the server sent it. It is false when the copy has to be loaded for it.
	State(*State) bool

	// Heard says that the copy has everything the server had a moment ago. The server says so again and again. It is false when the copy
	// was lost and has to be loaded.
	Heard() bool

	// Lost says why the server is not heard. It is tried again.
	Lost(error)
}

// Change is a row of the change log, as GET /v1/changes has it.
type Change struct {
	Generation uint64   `json:"generation"`
	Kind       string   `json:"kind"`
	Issuer     string   `json:"issuer"`
	IssuerIDs  []string `json:"issuer_ids"`
	Serials    []string `json:"serials"`
	Everything bool     `json:"everything"`
	Entries    []Entry  `json:"entries"`
}

// Entry is what is known of one serial of a row.
type Entry struct {
	Revoked   bool      `json:"revoked"`
	Because   string    `json:"because"`
	Reason    string    `json:"reason"`
	RevokedAt time.Time `json:"revoked_at"`
	Unsure    bool      `json:"unsure"`
}

// State is what is known of serials that nothing lists.
type State struct {
	Generation uint64            `json:"generation"`
	Epoch      string            `json:"epoch"`
	Issuers    []snapshot.Issuer `json:"issuers"`
}

// Options say whom to follow.
type Options struct {
	URL    string       // of the JSON API
	Token  string       // when reading needs one
	Client *http.Client // without a timeout of its own
	Poll   bool         // by long polling only

	// Bare leaves the serials out of what is loaded: a snapshot then has no issuer. It is for who only needs to know when something changes.
	Bare bool
}

// Bounds of a session.
const (
	silence      = 40 * time.Second // after which a stream is given up; the server says something every 15 s
	patience     = 15 * time.Second // for the head of an answer, and for the first state of a stream
	pollWait     = "20s"
	pollPatience = 60 * time.Second
	pollFor      = 10 * time.Minute // before a stream is tried again
	loadPatience = 20 * time.Minute
	minBackoff   = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
)

// errBeginAnew says that the copy has to be loaded; errNoStream that events do not get through; errSilence that they did, and ceased.
var (
	errBeginAnew = errors.New("rows of the change feed are missing")
	errNoStream  = errors.New("events do not get through")
	errSilence   = fmt.Errorf("nothing was heard for %s", silence)
)

// follower is a run.
type follower struct {
	Options
	copy    Copy
	polling time.Time // until then
	anew    bool
	backoff time.Duration
}

// Check says what is wrong with the options.
func (o *Options) Check() error {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not the URL of a veto server; write http://HOST:PORT or https://HOST:PORT", o.URL)
	}
	return nil
}

// Run keeps the copy up to date until the context ends, and returns why that did.
func Run(ctx context.Context, o Options, c Copy) error {
	o.URL = strings.TrimSuffix(o.URL, "/")
	f := &follower{Options: o, copy: c, backoff: minBackoff}
	for {
		err := f.session(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, errNoStream):
			f.polling = time.Now().Add(pollFor)
		case errors.Is(err, errBeginAnew):
			f.anew = true
		case err == nil:
			continue
		}
		c.Lost(err)
		if !f.rest(ctx) {
			return context.Cause(ctx)
		}
	}
}

// rest waits before the next session, longer each time, with jitter: two hundred mirrors that lost one server do not come back together.
func (f *follower) rest(ctx context.Context) bool {
	t := time.NewTimer(f.backoff/2 + rand.N(f.backoff))
	defer t.Stop()
	f.backoff = min(2*f.backoff, maxBackoff)
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// session loads the copy when it must be, and follows the feed until something goes wrong.
func (f *follower) session(ctx context.Context) error {
	if _, _, ok := f.copy.Generation(); !ok || f.anew {
		if err := f.load(ctx); err != nil {
			return err
		}
		f.anew = false
	}
	if f.Poll || time.Now().Before(f.polling) {
		return f.poll(ctx)
	}
	return f.stream(ctx)
}

// get asks for a path. The body must be closed; it ends when the context does.
func (f *follower) get(ctx context.Context, path, accept string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	if f.Token != "" {
		req.Header.Set("Authorization", "Bearer "+f.Token)
	}
	resp, err := f.Client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking veto: %w", err)
	}
	return resp, nil
}

func refusal(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return fmt.Errorf("%s answered HTTP %s: %s", resp.Request.URL.Path, resp.Status, strings.TrimSpace(string(body)))
}

func (f *follower) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	if f.Bare {
		return f.begin(ctx)
	}
	resp, err := f.get(ctx, "/v1/snapshot", snapshot.MediaType)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	if err := f.copy.Load(ctx, resp.Body); err != nil {
		return fmt.Errorf("reading the snapshot: %w", err)
	}
	return nil
}

// begin is load with a snapshot of nothing, at the generation where the server is.
func (f *follower) begin(ctx context.Context) error {
	resp, err := f.get(ctx, "/v1/changes?entries=true&since=0&limit=1", "application/json")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return refusal(resp)
	}
	var p struct {
		Generation uint64 `json:"generation"`
		Epoch      string `json:"epoch"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxEvent)).Decode(&p); err != nil {
		return fmt.Errorf("reading the generation: %w", err)
	}
	var b bytes.Buffer
	w, err := snapshot.NewWriter(&b, snapshot.Header{Generation: p.Generation, Epoch: p.Epoch})
	if err != nil {
		return err
	}
	if err := w.Close(nil); err != nil {
		return err
	}
	return f.copy.Load(ctx, &b)
}

// take passes a row on.
func (f *follower) take(c *Change) error {
	if have, _, ok := f.copy.Generation(); ok && c.Generation <= have {
		return nil
	}
	if !f.copy.Change(c) {
		return errBeginAnew
	}
	return nil
}

// settle passes a state on: the copy has everything.
func (f *follower) settle(s *State) error {
	if !f.copy.State(s) {
		return errBeginAnew
	}
	f.backoff = minBackoff
	return nil
}
