package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// A body that a route reads as it comes may be large and its sender slow, but not without end.
const (
	streamIdleLimit = 30 * time.Second // without an octet
	streamLimit     = time.Hour
)

type streamKey struct{}

// streamed lets a route read the body of the request as it comes, when it has one of the media types; say tells what to send
// otherwise.
func streamed(types []string, say string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		mediaType, p := mediaTypeOf(r)
		if p == nil && !slices.Contains(types, mediaType) {
			p = wrongMediaType.problem("%s", say).with("Accept", strings.Join(types, ", "))
		}
		if p != nil {
			changeOf(ctx.Context()).refusedBy(p)
			p.write(w)
			return
		}
		connection := http.NewResponseController(w)
		connection.SetWriteDeadline(time.Now().Add(streamLimit + streamIdleLimit)) // best effort: tests have no connection
		next(huma.WithValue(ctx, streamKey{}, &patientBody{body: r.Body, connection: connection}))
		connection.SetReadDeadline(time.Time{})
	}
}

// streamOf is the body of a route that is streamed.
func streamOf(ctx context.Context) *patientBody { return ctx.Value(streamKey{}).(*patientBody) }

// streamedBody describes a body of one of the media types.
func streamedBody(types []string) *huma.RequestBody {
	body := &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	for _, mediaType := range types {
		body.Content[mediaType] = &huma.MediaType{Schema: &huma.Schema{Type: "string", Format: "binary"}}
	}
	return body
}

// patientBody waits for each part of a body, but not for ever. failed is what ended it early.
type patientBody struct {
	body       io.Reader
	connection *http.ResponseController
	failed     error
}

// Read implements io.Reader.
func (b *patientBody) Read(p []byte) (int, error) {
	b.connection.SetReadDeadline(time.Now().Add(streamIdleLimit))
	n, err := b.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	return n, err
}
