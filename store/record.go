package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/vetopki/veto/revocation"
)

// adminKey is the key of an administrative record: the issuer, then the serial as [blockKey] writes it, so that the records of
// an issuer are in serial order.
func adminKey(issuer revocation.IssuerID, serial revocation.Serial) []byte {
	b := make([]byte, 0, len(issuer)+1+len(serial))
	return blockKey(append(b, issuer[:]...), string(serial))
}

func splitAdminKey(k []byte) (issuer revocation.IssuerID, serial revocation.Serial, err error) {
	if len(k) < len(issuer)+2 || int(k[len(issuer)]) != len(k)-len(issuer)-1 {
		return issuer, "", fmt.Errorf("%x is not the key of an administrative record", k)
	}
	copy(issuer[:], k)
	return issuer, revocation.Serial(k[len(issuer)+1:]), nil
}

// encodeRecord writes an administrative record: one octet of flags (bit 0: released, bit 1: retained), the reason in one, the three
// dates, then the name and the comment, each after its length.
func encodeRecord(r *revocation.AdminRecord) []byte {
	var flags byte
	if r.Released {
		flags |= 1
	}
	if r.Retained {
		flags |= 2
	}
	b := append(make([]byte, 0, 64+len(r.By)+len(r.Comment)), flags, byte(r.Reason))
	for _, t := range []time.Time{r.RevokedAt, r.InvalidityDate, r.RecordedAt} {
		b = binary.AppendVarint(b, t.Unix())
		b = binary.AppendUvarint(b, uint64(t.Nanosecond()))
	}
	for _, s := range []string{r.By, r.Comment} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

var errShortRecord = errors.New("an administrative record is cut off")

func decodeRecord(b []byte) (*revocation.AdminRecord, error) {
	if len(b) < 2 {
		return nil, errShortRecord
	}
	r := &revocation.AdminRecord{Released: b[0]&1 != 0}
	r.Retained, r.Reason = b[0]&2 != 0, revocation.Reason(b[1])
	b = b[2:]
	for _, t := range []*time.Time{&r.RevokedAt, &r.InvalidityDate, &r.RecordedAt} {
		sec, n := binary.Varint(b)
		nano, m := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || m <= 0 {
			return nil, errShortRecord
		}
		*t, b = time.Unix(sec, int64(nano)).UTC(), b[n+m:]
	}
	for _, s := range []*string{&r.By, &r.Comment} {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, errShortRecord
		}
		*s, b = string(b[n:n+int(size)]), b[n+int(size):]
	}
	return r, nil
}
