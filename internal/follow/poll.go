package follow

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// page is an answer of GET /v1/changes.
type page struct {
	Next    uint64   `json:"next"`
	Resync  bool     `json:"resync"`
	Changes []Change `json:"changes"`
	State   *State   `json:"state"`
}

// poll follows GET /v1/changes, which answers at the next change, until a stream may be tried again.
func (f *follower) poll(ctx context.Context) error {
	until, wait := f.polling, "0s" // the first answer comes at once, with the state
	for f.Poll || time.Now().Before(until) {
		p, err := f.page(ctx, wait)
		switch {
		case err != nil:
			return err
		case p.Resync:
			return errBeginAnew
		}
		for i := range p.Changes {
			if err := f.take(&p.Changes[i]); err != nil {
				return err
			}
		}
		if p.State != nil {
			if err := f.settle(p.State); err != nil {
				return err
			}
			if !f.copy.Heard() {
				return errBeginAnew
			}
		}
		wait = pollWait
	}
	return nil
}

func (f *follower) page(ctx context.Context, wait string) (*page, error) {
	ctx, cancel := context.WithTimeout(ctx, pollPatience)
	defer cancel()
	generation, epoch, _ := f.copy.Generation()
	resp, err := f.get(ctx, fmt.Sprintf("/v1/changes?entries=true&limit=200&wait=%s&since=%d&epoch=%s", wait, generation, url.QueryEscape(epoch)), "application/json")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp)
	}
	p := &page{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 4*maxEvent)).Decode(p); err != nil {
		return nil, fmt.Errorf("reading changes: %w", err)
	}
	return p, nil
}
