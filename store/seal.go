package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// seal prefixes a value with the CRC-32C of the bucket, the key and the value. bbolt has no checksum on its pages: this is
// how a flipped bit in a record is noticed instead of believed.
func seal(bucket, key, value []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(value)), checksum(bucket, key, value)), value...)
}

// unseal checks a sealed value and returns what was sealed, in the same memory.
func unseal(bucket, key, sealed []byte) ([]byte, error) {
	if len(sealed) < 4 {
		return nil, fmt.Errorf("the record %s/%x is missing or cut off", bucket, key)
	}
	if value := sealed[4:]; binary.BigEndian.Uint32(sealed) == checksum(bucket, key, value) {
		return value, nil
	}
	return nil, fmt.Errorf("the checksum of the record %s/%x does not match", bucket, key)
}

func checksum(parts ...[]byte) uint32 {
	sum, table := uint32(0), crc32.MakeTable(crc32.Castagnoli)
	for _, p := range parts {
		sum = crc32.Update(sum, table, p)
	}
	return sum
}
