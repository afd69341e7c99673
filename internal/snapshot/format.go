package snapshot

import (
	"errors"
	"fmt"
	"time"

	"github.com/vetopki/veto/revocation"
)

// What a snapshot begins with, and its version.
const (
	magic   = "VETOSNAP"
	Version = 1
)

// Limits of the format.
const (
	maxIssuerJSON = 4 << 20
	maxChunk      = 1 << 12 // records in a chunk
	dateOctets    = 5
	epochOctets   = 16
	// WordOctets is what is kept of a revoked serial beside the serial: date and flags.
	WordOctets = dateOctets + 1
)

// MediaType is that of a snapshot, which is a zstd frame (RFC 8878).
const MediaType = "application/vnd.veto.snapshot+zstd"

// signedPrefix keeps a signature of a snapshot from being one of anything else.
const signedPrefix = "veto snapshot 1\x00"

// Header is what a snapshot begins with.
type Header struct {
	Generation uint64    // of the server's store: every change up to it is in the snapshot
	Epoch      string    // that the generation is of, 16 octets in hex
	Made       time.Time // whole seconds
	Issuers    uint32    // that follow
}

// Entry is what is known of a revoked serial.
type Entry struct {
	RevokedAt time.Time
	Reason    revocation.Reason
	Because   revocation.Because // crl, retained, admin or upstream
	Unsure    bool               // a delta CRL lifted it: whether it is revoked depends on the time, and only the server can say
}

// The flags of a record: the reason in bits 0 to 3, why it is revoked in bits 4 and 5, bit 6 for Entry.Unsure.
const (
	reasonBits   = 0x0f
	becauseShift = 4
	unsureFlag   = 0x40
	reservedFlag = 0x80
)

var becauses = [...]revocation.Because{revocation.BecauseCRL, revocation.BecauseRetained, revocation.BecauseAdmin, revocation.BecauseUpstream}

// Dates are kept as seconds since the year 0 in 40 bits, which hold every date an X.509 Time can say (RFC 5280 §5.1.2.6).
const dateEpoch = -62167219200

// Word is date and flags of an entry. A date that 40 bits do not hold is the nearest that they do.
func Word(e Entry) [WordOctets]byte {
	seconds := uint64(min(max(e.RevokedAt.Unix()-dateEpoch, 0), 1<<40-1))
	flags := byte(e.Reason) & reasonBits
	for n, b := range becauses {
		if b == e.Because {
			flags |= byte(n) << becauseShift
		}
	}
	if e.Unsure {
		flags |= unsureFlag
	}
	return [WordOctets]byte{byte(seconds >> 32), byte(seconds >> 24), byte(seconds >> 16), byte(seconds >> 8), byte(seconds), flags}
}

// EntryOf reads date and flags. It allocates nothing.
func EntryOf(word []byte) Entry {
	_ = word[WordOctets-1]
	seconds := int64(word[0])<<32 | int64(word[1])<<24 | int64(word[2])<<16 | int64(word[3])<<8 | int64(word[4])
	flags := word[dateOctets]
	return Entry{RevokedAt: time.Unix(seconds+dateEpoch, 0).UTC(), Reason: revocation.Reason(flags & reasonBits),
		Because: becauses[flags>>becauseShift&3], Unsure: flags&unsureFlag != 0}
}

// errFormat is wrapped by every error of a snapshot that is not one, or not whole.
var errFormat = errors.New("not a whole snapshot")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errFormat, fmt.Sprintf(format, args...))
}

// before says whether a serial comes before another: shorter ones first, then by octets.
func before(a, b string) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}
