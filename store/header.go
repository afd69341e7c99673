package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// The buckets and keys of a generation file.
var (
	headerBucket = []byte("header")
	blocksBucket = []byte("blocks")

	formatKey = []byte("format")
	crlKey    = []byte("crl")
	totalsKey = []byte("totals")
)

// generationFormat is the version of the layout of generation files that this package writes and reads.
const generationFormat = 1

// header is what a generation file says of itself.
type header struct {
	info    *revocation.CRLInfo
	bare    bool     // an inventory; not written: where a file lies says what it is
	entries uint64   // distinct serials
	blocks  uint64   // blocks they are packed into
	digest  [32]byte // SHA-256 over the headers of all blocks in order, their checksums among them
}

func writeHeader(tx *bolt.Tx, h header) error {
	b, err := tx.CreateBucketIfNotExists(headerBucket)
	if err != nil {
		return err
	}
	crl, err := encodeInfo(h.info)
	if err != nil {
		return err
	}
	totals := binary.BigEndian.AppendUint64(nil, h.entries)
	totals = binary.BigEndian.AppendUint64(totals, h.blocks)
	totals = append(totals, h.digest[:]...)
	return errors.Join(
		b.Put(formatKey, binary.BigEndian.AppendUint32(nil, generationFormat)),
		b.Put(crlKey, seal(headerBucket, crlKey, crl)),
		b.Put(totalsKey, seal(headerBucket, totalsKey, totals)))
}

func readHeader(tx *bolt.Tx) (h header, err error) {
	b := tx.Bucket(headerBucket)
	if b == nil {
		return h, errors.New("the file has no header")
	}
	format := b.Get(formatKey)
	if len(format) != 4 {
		return h, errors.New("the header has no format version")
	}
	if v := binary.BigEndian.Uint32(format); v != generationFormat {
		return h, fmt.Errorf("the file has format %d, this veto reads format %d", v, generationFormat)
	}
	crl, err := unseal(headerBucket, crlKey, b.Get(crlKey))
	if err != nil {
		return h, err
	}
	totals, err := unseal(headerBucket, totalsKey, b.Get(totalsKey))
	if err != nil {
		return h, err
	}
	if len(totals) != 16+len(h.digest) {
		return h, fmt.Errorf("the totals in the header have %d octets", len(totals))
	}
	h.entries, h.blocks = binary.BigEndian.Uint64(totals), binary.BigEndian.Uint64(totals[8:])
	copy(h.digest[:], totals[16:])
	h.info, err = decodeInfo(crl)
	return h, err
}
