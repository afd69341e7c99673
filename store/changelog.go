package store

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// Change is one row of the change log: what one rise of the generation was about.
type Change struct {
	Generation uint64 `json:"generation"`
	Kind       string `json:"kind"` // crl, admin, accepted, retired, quarantined, inventory or upstream
	Issuer     string `json:"issuer"`

	// Issuers are all whose answers it changed, when that is not Issuer alone: a scope may serve several keys of one CA.
	Issuers []string `json:"issuers,omitempty"`

	Scope    string `json:"scope,omitempty"`
	Number   string `json:"crl_number,omitempty"` // of the new CRL, decimal
	Action   string `json:"action,omitempty"`     // of an administrator, as revocation.Outcome names it; of inventory: put, added or removed; of upstream: revoked or lifted
	Added    int    `json:"added,omitempty"`
	Removed  int    `json:"removed,omitempty"`
	Changed  int    `json:"changed,omitempty"`
	Retained int    `json:"retained,omitempty"` // by the shrink guard since this change

	// Serials are those it was about, as revocation.Serial shows them. When there are more than the log keeps, Everything is true: whoever
	// follows the log reads the lists of these issuers anew.
	Serials    []string `json:"serials,omitempty"`
	Everything bool     `json:"everything,omitempty"`
}

// The kinds of change.
const (
	changeCRL         = "crl"
	changeAdmin       = "admin"
	changeAccepted    = "accepted"
	changeRetired     = "retired"
	changeQuarantined = "quarantined"
	changeInventory   = "inventory"
	changeUpstream    = "upstream"
)

// The bounds of the change log: serials in one row, rows, and octets of all rows. Older rows go first.
const (
	maxLoggedSerials  = 1000
	defaultChangeRows = 100_000
	maxChangeBytes    = 64 << 20
)

// logChange raises the generation and writes the row of it.
func (t *stateTx) logChange(c Change, rows uint64) error {
	c.Generation = t.head.generation + 1
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("writing the change log: %w", err)
	}
	t.head.generation = c.Generation
	t.append(changesBucket, numberKey(c.Generation), b)
	t.head.changeRows++
	t.head.changeBytes += uint64(len(b))
	t.pruneChanges(rows)
	return nil
}

// pruneChanges drops the oldest rows beyond the bounds, never the newest.
func (t *stateTx) pruneChanges(rows uint64) {
	c := t.tx.Bucket(changesBucket).Cursor()
	for t.failed == nil && t.head.changeRows > 1 && (t.head.changeRows > rows || t.head.changeBytes > maxChangeBytes) {
		k, v := c.First()
		if k == nil {
			return
		}
		size := uint64(max(0, len(v)-4)) // without the seal
		t.delete(changesBucket, append([]byte(nil), k...))
		t.head.changeRows--
		t.head.changeBytes -= min(size, t.head.changeBytes)
	}
}

// Changes returns up to limit rows of the change log with a generation above since, oldest first: the changes that lookups see, each
// generation one row. To follow the log, take the channel of [Store.Changed], read until no row comes, then wait for the channel.
//
// complete is false when since cannot be continued from: rows above it were dropped from the log, or it is beyond the latest
// generation, because the data directory was replaced. Whoever follows the log then takes the generation, reads everything anew, and
// continues from that generation.
func (s *Store) Changes(since uint64, limit int) (rows []Change, complete bool, err error) {
	err = s.state.view(func(tx *bolt.Tx) error {
		h, err := readHead(tx)
		if err != nil {
			return err
		}
		seen := s.generation.Load() // behind the file for the moment between a commit and its publication
		complete = since <= seen && since >= h.generation-h.changeRows
		c := tx.Bucket(changesBucket).Cursor()
		for k, v := c.Seek(numberKey(since + 1)); k != nil && len(rows) < limit; k, v = c.Next() {
			b, err := unseal(changesBucket, k, v)
			if err != nil {
				return err
			}
			var row Change
			if err := json.Unmarshal(b, &row); err != nil {
				return err
			}
			if row.Generation > seen {
				break
			}
			rows = append(rows, row)
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("reading the change log: %w", err)
	}
	return rows, complete, nil
}

// crlChangeRow is the row of a swap.
func crlChangeRow(kind string, c *revocation.CRLChange) Change {
	row := Change{Kind: kind, Issuer: c.Issuer.String(), Scope: c.Scope.String(), Number: c.New.Number.String(), Added: c.Added,
		Removed: c.Removed, Changed: c.Changed, Retained: c.Retained, Everything: c.Everything || len(c.Serials) > maxLoggedSerials}
	if len(c.Issuers) != 1 || c.Issuers[0] != c.Issuer {
		for _, issuer := range c.Issuers {
			row.Issuers = append(row.Issuers, issuer.String())
		}
	}
	if !row.Everything {
		for _, s := range c.Serials {
			row.Serials = append(row.Serials, s.String())
		}
	}
	return row
}
