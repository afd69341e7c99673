package crlder

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"

	"github.com/vetopki/veto/revocation"
)

// maxElement is the longest element read as a whole: an entry, the issuer name, all CRL extensions, the signature. The largest
// seen in real CRLs is below 2 KiB.
const maxElement = 64 << 10

// Octets are read in chunks that are never written again, so that the digests can read them while the walk goes on. A chunk of
// 256 KiB is still in the second-level cache when the second and third reader come; 64 KiB and 1 MiB measured the same. The
// first one is small, because most CRLs are.
const (
	firstChunk = 16 << 10
	chunkSize  = 256 << 10
	maxChunks  = 8
)

// chunk is a stretch of the CRL. Its data is immutable while it has users; the room before the data belongs to the walk, which
// puts there what was left of the chunk before, so that an element across the border lies in one piece.
type chunk struct {
	room  []byte
	start int   // of the data in room
	n     int   // octets of data
	off   int64 // of the data in the CRL
	users atomic.Int32
}

func (c *chunk) data() []byte { return c.room[c.start : c.start+c.n] }

// source is the CRL as the walk sees it: octets that come, and digests that see the same octets.
type source struct {
	r     io.Reader
	buf   []byte // read and not yet taken
	off   int64  // of buf[0] in the CRL
	total int64  // octets of the CRL, once its header was read

	cur     *chunk
	made    int
	free    chan *chunk
	digests []*digest
	readErr error // why no more octets come; io.EOF at the end
}

func newSource(r io.Reader) *source {
	return &source{r: r, total: math.MaxInt64, free: make(chan *chunk, maxChunks)}
}

// more reads the next chunk and keeps what was not taken of this one. readErr says why when nothing came.
func (s *source) more() {
	if s.readErr != nil {
		return
	}
	next := s.chunk()
	next.off = s.off + int64(len(s.buf))
	left := next.start - len(s.buf)
	copy(next.room[left:], s.buf)
	next.n, s.readErr = io.ReadFull(s.r, next.room[next.start:])
	if errors.Is(s.readErr, io.ErrUnexpectedEOF) {
		s.readErr = io.EOF
	}
	s.buf = next.room[left : next.start+next.n]

	next.users.Store(int32(1 + len(s.digests)))
	for _, d := range s.digests {
		d.in <- next
	}
	if s.cur != nil {
		s.release(s.cur)
	}
	s.cur = next
}

// chunk returns an unused one: new while there are few, else the first that all its users released. The walk holds one and
// the digests finish the rest, so it always comes.
func (s *source) chunk() *chunk {
	switch {
	case s.made == 0:
		s.made++
		return &chunk{room: make([]byte, firstChunk)}
	case s.made < maxChunks:
		select {
		case c := <-s.free:
			return c
		default:
		}
		s.made++
		return &chunk{room: make([]byte, maxElement+chunkSize), start: maxElement}
	}
	return <-s.free
}

// release gives a chunk back for one of its users. The first, small chunk is not used again.
func (s *source) release(c *chunk) {
	if c.users.Add(-1) == 0 && c.start > 0 {
		s.free <- c
	}
}

// digest starts digests over what was read and what will be. It is called while the first chunk is the only one.
func (s *source) digest(list ...*digest) {
	s.cur.users.Add(int32(len(list)))
	s.digests = list
	for _, d := range list {
		d.start(s.release)
		d.in <- s.cur
	}
}

// stop ends the digests and waits for them.
func (s *source) stop() {
	for _, d := range s.digests {
		d.stop()
	}
	s.digests = nil
}

// fill makes the next n octets, at most maxElement, available in buf.
func (s *source) fill(n int) error {
	for len(s.buf) < n {
		if s.readErr == nil {
			s.more()
			continue
		}
		if s.readErr != io.EOF {
			return readFailed(s.readErr)
		}
		return s.truncated()
	}
	return nil
}

func (s *source) truncated() error {
	arrived := s.off + int64(len(s.buf))
	if s.total == math.MaxInt64 {
		return revocation.Refuse("truncated", "", "the CRL ends after %d octets, within its first header", arrived)
	}
	return revocation.Refuse("truncated", "", "the CRL ends after %d of %d octets; fetch it again", arrived, s.total)
}

// take moves past n octets of buf.
func (s *source) take(n int) {
	s.buf, s.off = s.buf[n:], s.off+int64(n)
}

// next is the tag of the element that follows before end, 0 when there is none.
func (s *source) next(end int64) (byte, error) {
	if s.off >= end {
		return 0, nil
	}
	if err := s.fill(1); err != nil {
		return 0, err
	}
	return s.buf[0], nil
}

// region is an element too long to hold: where it begins, its header included, and where it ends.
type region struct{ start, end int64 }

// header reads the header of the next element, which must have the tag and end before end, and says how long both parts are.
func (s *source) header(tag byte, end int64, what string) (header int, length int64, err error) {
	got, err := s.next(end)
	if err != nil {
		return 0, 0, err
	}
	if got != tag {
		return 0, 0, unexpected(s.off, got, s.off >= end, tag, what)
	}
	room := int(min(maxHeader, end-s.off))
	if err := s.fill(min(2, room)); err != nil {
		return 0, 0, err
	}
	if room >= 2 && s.buf[1] >= 0x80 {
		if err := s.fill(min(2+int(s.buf[1]&0x7f), room)); err != nil {
			return 0, 0, err
		}
	}
	_, header, length, fault := parseHeader(s.buf[:min(len(s.buf), room)])
	switch {
	case fault != "":
		return 0, 0, malformed(s.off, "X.690 §10.1", "%s: %s", what, fault)
	case length > end-s.off-int64(header):
		return 0, 0, malformed(s.off, "X.690 §10.1", "%s says it has %d octets, but what contains it has only %d left",
			what, length, end-s.off-int64(header))
	}
	return header, length, nil
}

// open steps into the next element.
func (s *source) open(tag byte, end int64, what string) (region, error) {
	header, length, err := s.header(tag, end, what)
	if err != nil {
		return region{}, err
	}
	r := region{start: s.off, end: s.off + int64(header) + length}
	s.take(header)
	return r, nil
}

// element takes the next element as a whole. Both its content and raw, which includes the header, are valid until the next
// call of a method.
func (s *source) element(tag byte, end int64, what string) (content der, raw []byte, err error) {
	header, length, err := s.header(tag, end, what)
	if err != nil {
		return der{}, nil, err
	}
	if length > maxElement-maxHeader {
		return der{}, nil, malformed(s.off, "", "%s has %d octets, more than the %d that are read", what, length, maxElement-maxHeader)
	}
	size := header + int(length)
	if err := s.fill(size); err != nil {
		return der{}, nil, err
	}
	raw = s.buf[:size:size]
	content = der{raw[header:], s.off + int64(header)}
	s.take(size)
	return content, raw, nil
}

// close refuses whatever is left before end.
func (s *source) close(end int64, what string) error {
	if s.off == end {
		return nil
	}
	return malformed(s.off, "X.690 §8.9", "%d octets follow the last element of %s", end-s.off, what)
}

func readFailed(err error) error { return fmt.Errorf("reading the CRL: %w", err) }
