package api

import (
	"errors"
	"io"
)

// MaxQuerySize is the largest single query of POST /v1/status, in octets.
const MaxQuerySize = 128 << 10

var errQueryTooLarge = errors.New("a query is too large")

// pacedReader bounds how much may be read for one query, so that a decoder never buffers more than a few times that.
type pacedReader struct {
	r    io.Reader
	left int
}

// reset allows one more query.
func (p *pacedReader) reset() { p.left = MaxQuerySize }

// Read implements io.Reader.
func (p *pacedReader) Read(b []byte) (int, error) {
	if p.left <= 0 {
		return 0, errQueryTooLarge
	}
	n, err := p.r.Read(b[:min(len(b), p.left)])
	p.left -= n
	return n, err
}
