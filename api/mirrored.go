package api

import (
	"encoding/json"
	"sync"

	"github.com/vetopki/veto/internal/snapshot"
)

// Mirrored is what mirrors, which answer by themselves, need to know. All methods answer from memory and are safe for concurrent use.
type Mirrored interface {
	// Pin takes what is known now. It does not change while it is read.
	Pin() Pinned

	// State is what is known now of serials that nothing lists. The pointer is the same as long as that is.
	State() *MirrorState

	// Epoch names the history that generations are of: 16 octets in hex. Another one does not mean another history: see Continues.
	Epoch() string

	// Continues says whether the changes after a generation of an epoch are those in the change log after it.
	Continues(epoch string, generation uint64) bool

	// StateChanged returns a channel that is closed when the configuration changes next, which may change the state without a change of
	// the generation.
	StateChanged() <-chan struct{}

	// Entries says what is known now of some serials of issuers, which both are as in a row of the change log, in order.
	Entries(issuerIDs, serials []string) []EntryObject
}

// Pinned is what is known at a moment.
type Pinned interface {
	// Generation is that of the moment: every change up to it is known.
	Generation() uint64

	// State is what is known of serials that nothing lists.
	State() *MirrorState

	// Listed calls yield with every revoked serial of the issuer with this position in State, in the order of a snapshot. serial is
	// valid during the call. An error is that of yield, or says that not everything could be read.
	Listed(issuer int, yield func(serial string, e snapshot.Entry) error) error
}

// MirrorState is what is known of serials that nothing lists. It does not change once it was handed out.
type MirrorState struct {
	Generation uint64            `json:"generation" doc:"It shows nothing of a later one"`
	Epoch      string            `json:"epoch" doc:"Of the history that the generation is of: to be given back with it"`
	Issuers    []snapshot.Issuer `json:"issuers"`

	once sync.Once
	text []byte
}

// JSON is the state as JSON without a line break; it must not be changed.
func (s *MirrorState) JSON() []byte {
	s.once.Do(func() { s.text, _ = json.Marshal(s) }) // what it consists of cannot fail
	return s.text
}

// addEntries fills in what is known of the serials of rows.
func (a *API) addEntries(rows []ChangeObject) {
	for i := range rows {
		if len(rows[i].Serials) > 0 {
			rows[i].Entries = a.mirrored.Entries(rows[i].IssuerIDs, rows[i].Serials)
		}
	}
}
