package follow

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxEvent bounds one event, in octets.
const maxEvent = 64 << 20

// stream follows GET /v1/events. A stream on which nothing is heard for long is given up; where a proxy collects events instead of
// passing them on, the first state does not come.
func (f *follower) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(patience, func() { cancel(errNoStream) })
	defer func() { watch.Stop() }()
	generation, epoch, _ := f.copy.Generation()
	resp, err := f.get(ctx, fmt.Sprintf("/v1/events?entries=true&since=%d&epoch=%s", generation, url.QueryEscape(epoch)), "text/event-stream")
	if err != nil {
		return err // errNoStream comes only from an answer that begins: who cannot be reached cannot be polled either
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusNotAcceptable,
		resp.StatusCode == http.StatusOK && !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream"):
		return errNoStream
	case resp.StatusCode != http.StatusOK:
		return refusal(resp)
	}
	began := false
	err = f.read(resp.Body, func(settled bool) error {
		switch {
		case !settled:
			watch.Reset(patience)
			return nil
		case !began: // events get through: a silence means another thing from here on
			began = true
			watch.Stop()
			watch = time.AfterFunc(silence, func() { cancel(errSilence) })
		default:
			watch.Reset(silence)
		}
		if !f.copy.Heard() {
			return errBeginAnew
		}
		return nil
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// read takes events until the stream ends. heard is called for each, and for each comment; settled once a state has come.
func (f *follower) read(body io.Reader, heard func(settled bool) error) error {
	settled := false
	in := bufio.NewReaderSize(body, 64<<10)
	var name string
	var data []byte
	for {
		line, err := readLine(in, maxEvent)
		if err != nil {
			return err
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if len(data) > 0 {
				if err := f.event(name, data); err != nil {
					return err
				}
				settled = settled || name == "state"
				if err := heard(settled); err != nil {
					return err
				}
			}
			name, data = "", data[:0]
		case field == "": // a comment
			if err := heard(settled); err != nil {
				return err
			}
		case field == "event":
			name = value
		case field == "data":
			if len(data) > 0 {
				data = append(data, '\n')
			}
			if data = append(data, value...); len(data) > maxEvent {
				return errors.New("an event is too large")
			}
		}
	}
}

// readLine reads a line of at most a number of octets.
func readLine(in *bufio.Reader, most int) (string, error) {
	var long []byte
	for {
		part, err := in.ReadSlice('\n')
		if err == nil && long == nil {
			return string(bytes.TrimRight(part, "\r\n")), nil
		}
		if long = append(long, part...); len(long) > most {
			return "", errors.New("an event is too large")
		}
		switch {
		case err == nil:
			return string(bytes.TrimRight(long, "\r\n")), nil
		case errors.Is(err, io.EOF):
			return "", errors.New("the server ended the stream")
		case !errors.Is(err, bufio.ErrBufferFull):
			return "", err
		}
	}
}

// event takes one event. One of a kind that is not known is passed over.
func (f *follower) event(name string, data []byte) error {
	switch name {
	case "change":
		var c Change
		if err := json.Unmarshal(data, &c); err != nil {
			return fmt.Errorf("reading a change: %w", err)
		}
		return f.take(&c)
	case "state":
		var s State
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("reading the state: %w", err)
		}
		return f.settle(&s)
	case "resync":
		return errBeginAnew
	}
	return nil
}
