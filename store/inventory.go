package store

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vetopki/veto/revocation"
)

// inventory is what lookups read of one issuer's inventory: a packed file, and the serials added since it was written. The two
// have no serial in common.
type inventory struct {
	file  *generation          // nil when it cannot be opened
	added *serialTable[uint64] // the store's generation since when each counts
}

// heldInventory is an inventory in force with its record in state.db.
type heldInventory struct {
	*inventory
	record inventoryRecord
}

// finding is what the inventory says of a serial; a nil inventory is off. It takes no lock and allocates nothing. A block that cannot
// be read is no evidence that a serial was not issued: a certificate in use would be called revoked, by some policies.
func (i *inventory) finding(serial revocation.Serial) revocation.InventoryFinding {
	switch {
	case i == nil:
		return revocation.InventoryOff
	case i.added.get(serial) != nil:
		return revocation.Issued
	case i.file == nil:
		return revocation.InventoryDamaged
	}
	var nothing revocation.Entry
	switch i.file.find(string(serial), &nothing) {
	case listed:
		return revocation.Issued
	case unreadable:
		return revocation.InventoryDamaged
	}
	return revocation.NotIssued
}

// InventoryFinding is what the inventory of an issuer says of a serial. It takes no lock.
func (s *Store) InventoryFinding(issuer revocation.IssuerID, serial revocation.Serial) revocation.InventoryFinding {
	if v := s.view.Load().issuers[issuer]; v != nil {
		return v.inventory.finding(serial)
	}
	return revocation.InventoryOff
}

// Inventory describes the inventory of an issuer; false when it has none.
func (s *Store) Inventory(issuer revocation.IssuerID) (revocation.InventoryInfo, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.issued[issuer]
	if held == nil {
		return revocation.InventoryInfo{}, false
	}
	return held.info(), true
}

func (h *heldInventory) info() revocation.InventoryInfo {
	info := h.record.info
	info.Damaged = h.file == nil || h.file.damaged.Load()
	return info
}

// inventoryScope is the name under which the files of an inventory are claimed, and which their headers carry. No CRL source has this
// URL.
func inventoryScope(issuer revocation.IssuerID) revocation.ScopeID {
	return revocation.ScopeIDOf(issuer, inventoryURL)
}

const inventoryURL = "inventory:"

// inventoryRecord is the record of an inventory in state.db: which file is in force, and what is in it.
type inventoryRecord struct {
	n    uint64 // the number of the file
	info revocation.InventoryInfo
}

type inventoryJSON struct {
	N       uint64    `json:"n"`
	Serials uint64    `json:"serials"`
	SHA256  string    `json:"sha256"`
	PutAt   time.Time `json:"put_at"`
	PutBy   string    `json:"put_by"`
	Added   uint64    `json:"added,omitempty"`
	AddedAt time.Time `json:"added_at,omitzero"`
	AddedBy string    `json:"added_by,omitempty"`
}

func (r inventoryRecord) encode() ([]byte, error) {
	i := &r.info
	return json.Marshal(inventoryJSON{N: r.n, Serials: i.Serials, SHA256: hex.EncodeToString(i.SHA256[:]), PutAt: i.PutAt.UTC(),
		PutBy: i.PutBy, Added: i.Added, AddedAt: i.AddedAt.UTC(), AddedBy: i.AddedBy})
}

func decodeInventory(issuer revocation.IssuerID, b []byte) (r inventoryRecord, err error) {
	var j inventoryJSON
	err = json.Unmarshal(b, &j)
	if err = errors.Join(err, decodeHex(r.info.SHA256[:], j.SHA256)); err != nil {
		return r, fmt.Errorf("reading the record of an inventory: %w", err)
	}
	r.n, r.info.Issuer, r.info.Serials, r.info.Added = j.N, issuer, j.Serials, j.Added
	r.info.PutAt, r.info.PutBy, r.info.AddedAt, r.info.AddedBy = j.PutAt, j.PutBy, j.AddedAt, j.AddedBy
	return r, nil
}

// inventory is the record of an issuer's inventory as the transaction has it, nil when there is none.
func (t *stateTx) inventory(issuer revocation.IssuerID) (*inventoryRecord, error) {
	v, err := t.get(inventoriesBucket, issuer[:])
	if v == nil || err != nil {
		return nil, err
	}
	r, err := decodeInventory(issuer, v)
	return &r, err
}

func (t *stateTx) putInventory(r inventoryRecord) error {
	b, err := r.encode()
	if err == nil {
		t.put(inventoriesBucket, r.info.Issuer[:], b)
		err = t.failed
	}
	return err
}

// logInventory writes the row in the change log and the entry in the audit chain of a change to an inventory.
func (t *stateTx) logInventory(action string, c *revocation.InventoryChange, serials []revocation.Serial, note revocation.ChangeNote, rows uint64) error {
	row := Change{Kind: changeInventory, Issuer: c.Info.Issuer.String(), Action: action, Added: int(c.Added), Removed: int(c.Removed),
		Everything: serials == nil || len(serials) > maxLoggedSerials}
	if !row.Everything {
		for _, serial := range serials {
			row.Serials = append(row.Serials, serial.String())
		}
	}
	if err := t.logChange(row, rows); err != nil {
		return err
	}
	c.Generation = t.head.generation
	return t.audit(AuditEntry{At: note.At, By: note.By, Action: "inventory_" + action, Issuer: row.Issuer, Comment: note.Comment,
		Serials: c.Info.Serials, SHA256: hex.EncodeToString(c.Info.SHA256[:])})
}

// What is done to an inventory, in the change log and, after "inventory_", in the audit chain.
const (
	inventoryPut     = "put"
	inventoryAdded   = "added"
	inventoryRemoved = "removed"
)

// checkNote says whether who and when can be written.
func checkNote(n revocation.ChangeNote) error {
	return checkDates(revocation.AdminRecord{RecordedAt: n.At})
}
