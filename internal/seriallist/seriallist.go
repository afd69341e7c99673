// Package seriallist reads lists of serial numbers as a CA exports them: one on each line, as revocation.ParseSerial reads it (hex, or
// dec: and a decimal number), in any order. Empty lines and lines that begin with # are passed over; lines may end in CR LF. It refuses
// everything else, by the number of its line, because a list of which a part is passed over would call certificates never issued
// that were.
package seriallist

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/vetopki/veto/revocation"
)

// Reader reads a list of any size, hashing it on the way.
type Reader struct {
	lines *bufio.Scanner
	hash  hash.Hash
	line  int
}

// maxLine is the longest line read, comments included.
const maxLine = 64 << 10

// NewReader reads a list from r.
func NewReader(r io.Reader) *Reader {
	h := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(r, h))
	lines.Buffer(nil, maxLine)
	return &Reader{lines: lines, hash: h}
}

// Next is the next serial, or io.EOF after the last. Other errors are those of reading, or wrap revocation.ErrMalformedSerial and name
// the line.
func (r *Reader) Next() (revocation.Serial, error) {
	for r.lines.Scan() {
		r.line++
		text := bytes.TrimSpace(r.lines.Bytes())
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		serial, err := revocation.ParseSerial(string(text))
		if err != nil {
			return "", fmt.Errorf("line %d: %w", r.line, err)
		}
		return serial, nil
	}
	err := r.lines.Err()
	switch {
	case err == nil:
		return "", io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return "", fmt.Errorf("line %d: %w: the line has no end", r.line+1, revocation.ErrMalformedSerial)
	}
	return "", err
}

// SHA256 is the digest of the octets of the list, once Next returned io.EOF.
func (r *Reader) SHA256() [32]byte { return [32]byte(r.hash.Sum(nil)) }
