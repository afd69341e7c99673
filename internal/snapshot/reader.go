package snapshot

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"time"
	"unsafe"

	"github.com/klauspost/compress/zstd"

	"github.com/vetopki/veto/revocation"
)

const maxSerial = revocation.MaxSerialOctets

// Reader reads a snapshot as a stream. What it returns is to be believed only when Next has returned io.EOF: the digest stands at
// the end.
type Reader struct {
	Header Header

	zip     *zstd.Decoder
	in      *bufio.Reader
	digest  hash.Hash
	key     ed25519.PublicKey
	issuers uint32 // still to come
	inside  bool   // an issuer
	seen    uint64 // serials of this issuer
	last    [maxSerial]byte
	lastLen int
	buffer  []byte
}

// NewReader reads the head of a snapshot. With a key the snapshot must be signed with it. Close gives up its memory.
func NewReader(r io.Reader, key ed25519.PublicKey) (*Reader, error) {
	zip, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	s := &Reader{zip: zip, in: bufio.NewReaderSize(zip, 64<<10), digest: sha256.New(), key: key}
	if err := s.head(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close gives up memory.
func (s *Reader) Close() { s.zip.Close() }

func (s *Reader) head() error {
	b, err := s.take(len(magic) + 24 + epochOctets)
	if err != nil {
		return err
	}
	if string(b[:len(magic)]) != magic {
		return malformed("it does not begin with %s", magic)
	}
	b = b[len(magic):]
	if v, flags := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]); v != Version || flags != 0 {
		return malformed("version %d, flags %#x: this program reads version %d without flags", v, flags, Version)
	}
	s.Header = Header{Generation: binary.BigEndian.Uint64(b[4:]), Epoch: hex.EncodeToString(b[12:28]),
		Made: time.Unix(int64(binary.BigEndian.Uint64(b[28:])), 0).UTC(), Issuers: binary.BigEndian.Uint32(b[36:])}
	s.issuers = s.Header.Issuers
	return nil
}

// take reads n octets into the buffer, which is valid until the next call.
func (s *Reader) take(n int) ([]byte, error) {
	if cap(s.buffer) < n {
		s.buffer = make([]byte, n)
	}
	b := s.buffer[:n]
	if _, err := io.ReadFull(s.in, b); err != nil {
		return nil, ended(err)
	}
	s.digest.Write(b)
	return b, nil
}

func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("it ends early")
	}
	return err
}

// Next is the next issuer, after its serials were read. At the end it is io.EOF, once the digest, and the signature when a key was
// given, are right.
func (s *Reader) Next() (*Issuer, error) {
	switch {
	case s.inside:
		return nil, errors.New("the serials of the issuer before were not read")
	case s.issuers == 0:
		return nil, s.trailer()
	}
	b, err := s.take(4)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(b)
	if n > maxIssuerJSON {
		return nil, malformed("the description of an issuer has %d octets", n)
	}
	if b, err = s.take(int(n)); err != nil {
		return nil, err
	}
	i := &Issuer{}
	if err := json.Unmarshal(b, i); err != nil {
		return nil, malformed("the description of an issuer: %v", err)
	}
	s.issuers--
	s.inside, s.seen, s.lastLen = true, 0, 0
	return i, nil
}

// Chunk is some of the issuer's serials, one after another, of one length and in order, with their dates (5 octets each) and flags. All are
// valid until the next call. After the last chunk length is 0.
func (s *Reader) Chunk() (length int, serials, dates, flags []byte, err error) {
	b, err := s.take(1)
	if err != nil {
		return 0, nil, nil, nil, err
	}
	if length = int(b[0]); length == 0 {
		return 0, nil, nil, nil, s.endIssuer()
	}
	if length > maxSerial {
		return 0, nil, nil, nil, malformed("serials of %d octets", length)
	}
	if b, err = s.take(2); err != nil {
		return 0, nil, nil, nil, err
	}
	n := int(binary.BigEndian.Uint16(b))
	if n == 0 || n > maxChunk {
		return 0, nil, nil, nil, malformed("a chunk of %d serials", n)
	}
	if b, err = s.take(n * (length + WordOctets)); err != nil {
		return 0, nil, nil, nil, err
	}
	serials, dates, flags = b[:n*length], b[n*length:n*(length+dateOctets)], b[n*(length+dateOctets):]
	return length, serials, dates, flags, s.check(length, serials, flags)
}

// check sees that serials are serials, and in order: they are searched later.
func (s *Reader) check(length int, serials, flags []byte) error {
	previous := unsafe.String(&s.last[0], s.lastLen)
	for at := 0; at < len(serials); at += length {
		serial := unsafe.String(&serials[at], length)
		if s.lastLen > 0 && !before(previous, serial) {
			return malformed("serial %x does not come in order", serial)
		}
		if err := revocation.CheckSerialDER(serials[at : at+length]); err != nil {
			return malformed("%v", err)
		}
		previous, s.lastLen = serial, length
	}
	for _, f := range flags {
		if f&reservedFlag != 0 {
			return malformed("flags %#x", f)
		}
	}
	copy(s.last[:], previous)
	s.seen += uint64(len(flags))
	return nil
}

func (s *Reader) endIssuer() error {
	b, err := s.take(8)
	if err != nil {
		return err
	}
	if n := binary.BigEndian.Uint64(b); n != s.seen {
		return malformed("an issuer with %d serials has %d", n, s.seen)
	}
	s.inside = false
	return nil
}

// trailer checks digest and signature, and that nothing follows.
func (s *Reader) trailer() error {
	digest := s.digest.Sum(nil)
	b, err := s.take(sha256.Size + 1)
	if err != nil {
		return err
	}
	if string(b[:sha256.Size]) != string(digest) {
		return malformed("its SHA-256 is not what its end says")
	}
	n := int(b[sha256.Size])
	signature, err := s.take(n)
	if err != nil {
		return err
	}
	switch {
	case n != 0 && n != ed25519.SignatureSize:
		return malformed("a signature of %d octets", n)
	case s.key != nil && n == 0:
		return errors.New("the snapshot is not signed, and a signature was asked for; configure the server's api.snapshot_key, or ask for none")
	case s.key != nil && !ed25519.Verify(s.key, append([]byte(signedPrefix), digest...), signature):
		return errors.New("the snapshot is signed with another key, or was changed")
	}
	if _, err := s.in.ReadByte(); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return malformed("something follows its end")
	}
	return io.EOF
}
