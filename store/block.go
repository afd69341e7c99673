package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
	"unsafe"

	"github.com/vetopki/veto/revocation"
)

// A block holds the entries of neighbouring serials of one length, as records of one size:
//
//	octet 0      length of the serials, L
//	octet 1      1 when the records have an invalidity date, 2 when they are serials alone, else 0
//	octets 2-3   number of records, N, big endian
//	octets 4-7   CRC-32C of octets 0-3 and of all that follows, big endian
//	N records, ascending:
//	  L octets   serial
//	  5 octets   revocation date
//	  1 octet    flags: the reason in bits 0-3; bit 4 set when the CRL does not list the serial and the shrink guard keeps it; the
//	             others zero
//	  5 octets   invalidity date, when there is one in the block; all ones means not stated
//
// Of an inventory a record is its serial and nothing else.
//
// A block is read where it lies, in the mapped file: what a lookup finds is on the cache line it searched.
type block []byte

const (
	blockHeader = 8
	dateOctets  = 5
	wordOctets  = dateOctets + 1 // revocation date and flags

	// blockBudget bounds key and value together, so that two blocks and what bbolt adds (16 octets a page, 16 an element) fill two
	// pages of 4096 and a leaf wastes next to nothing.
	blockBudget = 4072

	reasonMask   = 0x0f
	retainedFlag = 0x10
)

// Dates are kept as seconds since the year 0 in 40 bits, which holds every date an X.509 Time can say (RFC 5280 §5.1.2.6).
const (
	dateEpoch   = -62167219200 // Unix time of 0000-01-01T00:00:00Z
	dateEnd     = 253402300800 // Unix time of the year 10000
	noDate      = 1<<40 - 1
	serialSlots = revocation.MaxSerialOctets + 1
)

// packDate converts Unix seconds; the caller has checked that they are within dateEpoch and dateEnd.
func packDate(unix int64) uint64 { return uint64(unix - dateEpoch) }

func unpackDate(d uint64) time.Time {
	if d == noDate {
		return time.Time{}
	}
	return time.Unix(int64(d)+dateEpoch, 0).UTC()
}

func putDate(b []byte, d uint64) {
	b[0] = byte(d >> 32)
	binary.BigEndian.PutUint32(b[1:5], uint32(d))
}

func appendDate(b []byte, d uint64) []byte {
	return append(b, byte(d>>32), byte(d>>24), byte(d>>16), byte(d>>8), byte(d))
}

func getDate(b []byte) uint64 { return uint64(b[0])<<32 | uint64(binary.BigEndian.Uint32(b[1:5])) }

func (b block) serialLen() int { return int(b[0]) }
func (b block) wide() bool     { return b[1] == 1 }
func (b block) bare() bool     { return b[1] == bareRecords }
func (b block) count() int     { return int(binary.BigEndian.Uint16(b[2:4])) }

// bareRecords in octet 1: the records are serials alone.
const bareRecords = 2

func (b block) stride() int {
	if b.bare() {
		return b.serialLen()
	}
	return entryOctets(b.serialLen(), b.wide())
}

// serial is the i-th serial. It shares the memory of the block and must not outlive the generation.
func (b block) serial(i int) string {
	return unsafe.String(&b[blockHeader+i*b.stride()], b.serialLen())
}

// packed is what a CRL says of one serial, as stored. Two are equal exactly when they say the same.
type packed struct {
	revoked    uint64
	invalidity uint64
	flags      byte
}

// unpack reads what follows the serial in a record, of a block or of a lane.
func unpack(b []byte) packed {
	if len(b) == 0 {
		return issued
	}
	p := packed{revoked: getDate(b), flags: b[dateOctets], invalidity: noDate}
	if len(b) > wordOctets {
		p.invalidity = getDate(b[wordOctets:])
	}
	return p
}

// issued is what an inventory says of a serial it has: no more than that.
var issued = packed{invalidity: noDate}

func (p packed) entry() revocation.Entry {
	return revocation.Entry{RevokedAt: unpackDate(p.revoked), InvalidityDate: unpackDate(p.invalidity),
		Reason: revocation.Reason(p.flags & reasonMask), Retained: p.flags&retainedFlag != 0}
}

// blockCapacity is how many entries with serials of n octets fit a block.
func blockCapacity(n int, wide bool) int {
	return (blockBudget - (1 + n) - blockHeader) / entryOctets(n, wide)
}

// bareCapacity is how many serials of n octets fit a block of an inventory.
func bareCapacity(n int) int { return (blockBudget - (1 + n) - blockHeader) / n }

func entryOctets(n int, wide bool) int {
	if wide {
		return n + wordOctets + dateOctets
	}
	return n + wordOctets
}

// checkShape says whether the header of a block agrees with its size, so that every later access stays inside it.
func (b block) checkShape() error {
	if len(b) < blockHeader {
		return errors.New("a block is shorter than its header")
	}
	n := b.serialLen()
	if n == 0 || n >= serialSlots || b[1] > bareRecords || b.count() == 0 || len(b) != blockHeader+b.count()*b.stride() {
		return fmt.Errorf("the header of a block (serials of %d octets, %d entries) does not agree with its %d octets",
			n, b.count(), len(b))
	}
	return nil
}

// sum computes the checksum that octets 4-7 hold.
func (b block) sum() uint32 {
	c := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(b[:4], c), c, b[blockHeader:])
}

// intact says whether the block is as it was written.
func (b block) intact() bool { return binary.BigEndian.Uint32(b[4:8]) == b.sum() }

// blockKey is the key of the block that begins with a serial: its length in one octet, then the serial, so that the order of keys is
// the order of serials.
func blockKey(dst []byte, serial string) []byte {
	return append(append(dst, byte(len(serial))), serial...)
}

// compareSerials orders serials as the files do: shorter ones first, then by octets.
func compareSerials(a, b string) int {
	switch {
	case len(a) != len(b):
		return len(a) - len(b)
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
