package snapshot

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Writer writes a snapshot as a stream. It holds one chunk in memory, and what zstd needs for its window.
type Writer struct {
	zip     *zstd.Encoder
	digest  hash.Hash
	issuers uint32 // that may still come
	open    bool   // an issuer was begun
	written uint64 // serials of this issuer
	last    string // the serial before
	length  int    // of the serials in the chunk
	n       int    // serials in the chunk
	serials []byte
	dates   []byte
	flags   []byte
	err     error
}

// window bounds the memory of both sides, in octets.
const window = 1 << 20

// NewWriter begins a snapshot.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if len(h.Epoch) != 2*epochOctets {
		return nil, fmt.Errorf("%q is no epoch", h.Epoch)
	}
	zip, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		return nil, err
	}
	s := &Writer{zip: zip, digest: sha256.New(), issuers: h.Issuers}
	b := binary.BigEndian.AppendUint16([]byte(magic), Version)
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint64(b, h.Generation)
	var epoch [epochOctets]byte
	if n, err := hex.Decode(epoch[:], []byte(h.Epoch)); err != nil || n != len(epoch) {
		return nil, fmt.Errorf("%q is no epoch", h.Epoch)
	}
	b = append(b, epoch[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Made.Unix()))
	s.write(binary.BigEndian.AppendUint32(b, h.Issuers))
	return s, s.err
}

func (s *Writer) write(b []byte) {
	if s.err != nil {
		return
	}
	s.digest.Write(b)
	_, s.err = s.zip.Write(b)
}

// Issuer begins what is known of an issuer.
func (s *Writer) Issuer(i *Issuer) error {
	s.end()
	b, err := json.Marshal(i)
	switch {
	case err != nil:
		return err
	case len(b) > maxIssuerJSON:
		return fmt.Errorf("the description of issuer %s has %d octets, at most %d fit", i.Name, len(b), maxIssuerJSON)
	case s.issuers == 0:
		return errors.New("more issuers than the header says")
	}
	s.issuers--
	s.open, s.written, s.last = true, 0, ""
	s.write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
	s.write(b)
	return s.err
}

// Add adds a revoked serial of the issuer begun last. Serials come in order, each once. It keeps nothing of serial.
func (s *Writer) Add(serial string, e Entry) error {
	if !s.open || serial == "" || len(serial) > maxSerial || s.last != "" && !before(s.last, serial) {
		return fmt.Errorf("serial %x does not come in order, or belongs to no issuer", serial)
	}
	if s.n == maxChunk || s.n > 0 && len(serial) != s.length {
		s.flush()
	}
	s.length = len(serial)
	s.serials = append(s.serials, serial...)
	s.last = string(s.serials[len(s.serials)-len(serial):])
	word := Word(e)
	s.dates, s.flags = append(s.dates, word[:dateOctets]...), append(s.flags, word[dateOctets])
	s.n++
	s.written++
	return s.err
}

func (s *Writer) flush() {
	if s.n == 0 {
		return
	}
	s.write([]byte{byte(s.length), byte(s.n >> 8), byte(s.n)})
	s.write(s.serials)
	s.write(s.dates)
	s.write(s.flags)
	s.serials, s.dates, s.flags, s.n = s.serials[:0], s.dates[:0], s.flags[:0], 0
}

// end ends an issuer.
func (s *Writer) end() {
	if !s.open {
		return
	}
	s.flush()
	s.write(binary.BigEndian.AppendUint64([]byte{0}, s.written))
	s.open = false
}

// Close ends the snapshot with its digest, signed when a key is given, and flushes it. It does not close what it writes to.
func (s *Writer) Close(key ed25519.PrivateKey) error {
	s.end()
	if s.err == nil && s.issuers > 0 {
		s.err = fmt.Errorf("%d issuers fewer than the header says", s.issuers)
	}
	if s.err != nil {
		return errors.Join(s.err, s.Abandon())
	}
	trailer := s.digest.Sum(nil)
	if key == nil {
		trailer = append(trailer, 0)
	} else {
		signature := ed25519.Sign(key, append([]byte(signedPrefix), trailer...))
		trailer = append(append(trailer, byte(len(signature))), signature...)
	}
	if _, err := s.zip.Write(trailer); err != nil {
		return err
	}
	return s.zip.Close()
}

// Abandon gives up the memory of a snapshot that is not ended. What was written is none.
func (s *Writer) Abandon() error {
	s.zip.Reset(io.Discard)
	return s.zip.Close()
}
