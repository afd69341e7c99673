package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// defaultMaxAdded is how many serials are kept beside the packed file of an inventory before it is written anew with them in it.
const defaultMaxAdded = 1 << 16

// errMoved says that a change met another one in its own transaction that replaced what it rests on; it is tried again.
var errMoved = errors.New("the inventory is being replaced")

// AddIssued adds a few serials to the inventory of an issuer, in one transaction: when it returns, they are on the disk with their
// audit entry and every lookup that begins now finds them. Those it has already change nothing. For very many use
// [Store.NewInventory] and [InventoryBuild.Extend].
//
// ErrNoInventory says that the issuer has none to add to.
func (s *Store) AddIssued(issuer revocation.IssuerID, serials []revocation.Serial, note revocation.ChangeNote) (revocation.InventoryChange, error) {
	if err := checkNote(note); err != nil {
		return revocation.InventoryChange{}, err
	}
	for _, serial := range serials {
		if err := revocation.CheckSerialDER([]byte(serial)); err != nil {
			return revocation.InventoryChange{}, err
		}
	}
	for {
		a := inventoryAddition{store: s, issuer: issuer, serials: serials, note: note}
		err := s.writer.do(&change{apply: a.apply, publish: a.publish})
		if errors.Is(err, errMoved) {
			continue
		}
		if err == nil && a.kept > s.maxAdded {
			s.logUnlessNil("packing an inventory anew", s.packInventory(issuer))
		}
		return a.change, err
	}
}

// inventoryAddition is an addition on its way.
type inventoryAddition struct {
	store   *Store
	issuer  revocation.IssuerID
	serials []revocation.Serial
	note    revocation.ChangeNote

	record inventoryRecord
	fresh  []revocation.Serial // that the inventory did not have
	change revocation.InventoryChange
	kept   int // serials beside the packed file afterwards
}

func (a *inventoryAddition) apply(t *stateTx) error {
	record, err := t.inventory(a.issuer)
	switch {
	case err != nil:
		t.failed = err
		return err
	case record == nil:
		return revocation.ErrNoInventory
	}
	held := a.store.heldInventory(a.issuer)
	if held == nil || held.record.n != record.n {
		return errMoved
	}
	if a.fresh, err = a.lacking(t, held); err != nil {
		t.failed = err
		return err
	}
	a.record = *record
	a.change = revocation.InventoryChange{Info: record.info, Generation: t.head.generation}
	if len(a.fresh) == 0 {
		return nil
	}
	info, n := &a.record.info, uint64(len(a.fresh))
	info.Serials, info.Added, info.AddedAt, info.AddedBy = info.Serials+n, info.Added+n, a.note.At.UTC(), a.note.By
	a.change.Info, a.change.Added = *info, n
	if err := t.logInventory(inventoryAdded, &a.change, a.fresh, a.note, a.store.changeRows); err != nil {
		t.failed = err // no audit, no change
		return err
	}
	for _, serial := range a.fresh {
		t.put(issuedBucket, adminKey(a.issuer, serial), numberKey(t.head.generation))
	}
	t.failed = errors.Join(t.failed, t.putInventory(a.record))
	return t.failed
}

// lacking are the serials that are neither in the file nor beside it, each once.
func (a *inventoryAddition) lacking(t *stateTx, held *heldInventory) (list []revocation.Serial, err error) {
	seen := make(map[revocation.Serial]bool, len(a.serials))
	for _, serial := range a.serials {
		var nothing revocation.Entry
		if seen[serial] || held.file != nil && held.file.find(string(serial), &nothing) == listed {
			continue
		}
		seen[serial] = true
		if v, err := t.get(issuedBucket, adminKey(a.issuer, serial)); v != nil || err != nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		list = append(list, serial)
	}
	return list, nil
}

func (a *inventoryAddition) publish() {
	s := a.store
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.issued[a.issuer]
	for _, serial := range a.fresh {
		held.added.set(serial, &a.change.Generation)
	}
	held.record, a.kept = a.record, held.added.nodes
	a.change.Info = held.info()
}

// heldInventory is the inventory of an issuer in force, nil when it has none. Its record may change under Store.mu.
func (s *Store) heldInventory(issuer revocation.IssuerID) *heldInventory {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.issued[issuer]; held != nil {
		return new(*held)
	}
	return nil
}

// RemoveInventory turns the inventory of an issuer off: from then on every serial counts as issued. When it returns, that is on the
// disk with its audit entry. ErrNoInventory says that there was none.
func (s *Store) RemoveInventory(issuer revocation.IssuerID, note revocation.ChangeNote) (c revocation.InventoryChange, err error) {
	if err := checkNote(note); err != nil {
		return c, err
	}
	if err := s.claim(inventoryScope(issuer)); err != nil {
		return c, err
	}
	defer s.unclaim(inventoryScope(issuer))
	err = s.writer.do(&change{
		apply: func(t *stateTx) error {
			record, err := t.inventory(issuer)
			if err == nil && record == nil {
				return revocation.ErrNoInventory
			}
			if t.failed = err; err != nil {
				return err
			}
			c = revocation.InventoryChange{Info: record.info, Removed: record.info.Serials}
			if t.failed = t.logInventory(inventoryRemoved, &c, nil, note, s.changeRows); t.failed != nil {
				return t.failed
			}
			rows, err := t.addedRows(issuer)
			if t.failed = err; err != nil {
				return err
			}
			for _, r := range rows {
				t.delete(issuedBucket, adminKey(issuer, r.serial))
			}
			t.delete(inventoriesBucket, issuer[:])
			t.head.inventories--
			return t.failed
		},
		publish: func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.issued, issuer)
			s.publishView()
		},
	})
	if err == nil {
		s.sweepInventory(issuer, 0)
	}
	return c, err
}

// addedRow is a serial beside the packed file, and since when it counts.
type addedRow struct {
	serial revocation.Serial
	since  uint64
}

// addedRows are the serials beside the packed file of an issuer's inventory, as the transaction has them.
func (t *stateTx) addedRows(issuer revocation.IssuerID) ([]addedRow, error) {
	return addedRows(t.tx, issuer)
}

func addedRows(tx *bolt.Tx, issuer revocation.IssuerID) (list []addedRow, err error) {
	c := tx.Bucket(issuedBucket).Cursor()
	for k, v := c.Seek(issuer[:]); k != nil && bytes.HasPrefix(k, issuer[:]); k, v = c.Next() {
		_, row, err := decodeAdded(k, v)
		if err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, nil
}

func decodeAdded(k, sealed []byte) (issuer revocation.IssuerID, row addedRow, err error) {
	v, err := unseal(issuedBucket, k, sealed)
	if err != nil {
		return issuer, row, err
	}
	if issuer, row.serial, err = splitAdminKey(k); err == nil && len(v) != 8 {
		err = fmt.Errorf("%x is not since when a serial is in an inventory", v)
	}
	if err != nil {
		return issuer, row, err
	}
	row.since = binary.BigEndian.Uint64(v)
	return issuer, row, nil
}

// sweepInventory removes the packed files of an issuer's inventory but for the one in force, 0 for none.
func (s *Store) sweepInventory(issuer revocation.IssuerID, inForce uint64) {
	dir := s.paths.inventory(issuer)
	s.logUnlessNil("removing old inventories", removeFilesIn(dir, func(n uint64) bool { return n != inForce }))
	if inForce == 0 {
		os.Remove(dir) //nolint:errcheck // quarantined files keep it
	}
}
