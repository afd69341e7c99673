package store

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
)

// epochs are the times this data directory was opened, each with a name of its own and the generation it began at. A generation alone does
// not say of which history it is: a directory that was restored from a backup counts the same numbers once more, for other changes. Who
// follows the change log therefore names the epoch too.
type epochs []epoch

type epoch struct {
	ID   string `json:"id"`   // 16 random octets, hex
	From uint64 `json:"from"` // generation
}

var epochsKey = []byte("epochs")

// maxEpochs is how many are remembered. Who follows from an older one begins anew.
const maxEpochs = 64

// beginEpoch makes an epoch. When it cannot be written, it is one all the same: who follows it begins anew after the next start.
func (s *Store) beginEpoch() {
	var name [16]byte
	rand.Read(name[:])
	now := epoch{ID: hex.EncodeToString(name[:]), From: s.generation.Load()}
	s.epochs = epochs{now}
	err := s.writer.do(&change{apply: func(t *stateTx) error {
		list := t.epochs()
		list = append(list[max(0, len(list)-maxEpochs+1):], now)
		b, err := json.Marshal(list)
		if err != nil {
			return err
		}
		s.epochs = list
		t.put(metaBucket, epochsKey, b)
		return t.failed
	}})
	if err != nil {
		s.log.Warn("noting that the data directory was opened: whoever follows its changes begins anew", "err", err)
	}
}

// epochs are those written, none when they cannot be read: they are only worth that nobody needs to begin anew.
func (t *stateTx) epochs() (list epochs) {
	b, err := t.get(metaBucket, epochsKey)
	if err != nil || json.Unmarshal(b, &list) != nil {
		return nil
	}
	return list
}

// Epoch names the history that generations are of since the directory was opened.
func (s *Store) Epoch() string { return s.epochs[len(s.epochs)-1].ID }

// Continues says whether the changes after a generation of an epoch are those of this directory after that generation.
func (s *Store) Continues(id string, generation uint64) bool {
	for i, e := range s.epochs {
		if e.ID == id {
			end := s.generation.Load()
			if i+1 < len(s.epochs) {
				end = s.epochs[i+1].From
			}
			return generation >= e.From && generation <= end
		}
	}
	return false
}
