package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// openInventory maps the packed file of an inventory.
func openInventory(path string, issuer revocation.IssuerID, n uint64) (*generation, error) {
	return (&generation{n: n, bare: true}).open(path, inventoryScope(issuer))
}

// loadInventories reads the records of the inventories, and the serials added beside their files, into the table. One record less than
// was written would turn an inventory off: then nothing is answered.
func (s *Store) loadInventories(tx *bolt.Tx, want uint64) error {
	n := uint64(0)
	err := forEachSealed(tx, inventoriesBucket, func(k, v []byte) error {
		if len(k) != len(revocation.IssuerID{}) {
			return fmt.Errorf("%x is not the key of an inventory", k)
		}
		issuer := revocation.IssuerID(k)
		record, err := decodeInventory(issuer, v)
		s.issued[issuer] = &heldInventory{inventory: &inventory{added: newSerialTable[uint64]()}, record: record}
		n++
		return err
	})
	if err == nil && n != want {
		err = fmt.Errorf("it has %d inventories, %d were written", n, want)
	}
	if err != nil {
		return err
	}
	return tx.Bucket(issuedBucket).ForEach(func(k, v []byte) error {
		issuer, row, err := decodeAdded(k, v)
		if err != nil {
			return err
		}
		if s.issued[issuer] == nil {
			return fmt.Errorf("serial %s was added to an inventory that is not there", row.serial)
		}
		s.issued[issuer].added.set(row.serial, &row.since)
		return nil
	})
}

// openInventories opens the files of the inventories. One that is damaged is set aside: for what it would answer nothing is known until
// the inventory is put again.
func (s *Store) openInventories() error {
	for issuer, held := range s.issued {
		path := s.paths.issued(issuer, held.record.n)
		g, err := openInventory(path, issuer, held.record.n)
		if err == nil && g.info.SHA256 != held.record.info.SHA256 {
			err = errors.New("the file is of another inventory than state.db says")
		}
		if err == nil {
			held.file = g
			continue
		}
		s.log.Error("an inventory is damaged: until it is put again, nothing is known of the issuer's serials that are not revoked",
			"issuer", issuer.String(), "err", err)
		aside := path + corruptInfix + strconv.FormatInt(time.Now().Unix(), 10)
		if err := os.Rename(path, aside); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("setting a damaged inventory aside: %w", err)
		}
	}
	return nil
}

// sweepInventories removes the files that are not in force. Those with other names stay.
func (s *Store) sweepInventories() error {
	dirs, err := os.ReadDir(s.paths.inventories())
	if err != nil {
		return fmt.Errorf("sweeping inventories: %w", err)
	}
	for _, d := range dirs {
		issuer, err := revocation.ParseIssuerID(d.Name())
		if err != nil || !d.IsDir() {
			continue
		}
		inForce := uint64(0)
		if held := s.issued[issuer]; held != nil {
			inForce = held.record.n
		}
		s.sweepInventory(issuer, inForce)
	}
	return nil
}

// verifyInventories reads every inventory in full. One that has a damaged block goes on serving what the others hold; one that is whole
// and yet not what was written is taken out of force.
func (s *Store) verifyInventories(ctx context.Context) (found error) {
	s.mu.Lock()
	var list []*heldInventory
	for _, held := range s.issued {
		list = append(list, new(*held))
	}
	s.mu.Unlock()
	for _, held := range list {
		issuer := held.record.info.Issuer
		if held.file == nil {
			found = errors.Join(found, fmt.Errorf("the inventory of issuer %s is damaged: put it again", issuer))
			continue
		}
		err := held.file.verifyContext(ctx)
		if ctx.Err() != nil {
			return errors.Join(found, ctx.Err())
		}
		if err == nil {
			continue
		}
		found = errors.Join(found, fmt.Errorf("the inventory of issuer %s is damaged: put it again: %w", issuer, err))
		if errors.Is(err, errDigest) {
			s.blindInventory(issuer, held.file)
		}
	}
	return found
}

// blindInventory stops reading a file, if it still is the one in force.
func (s *Store) blindInventory(issuer revocation.IssuerID, bad *generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if held := s.issued[issuer]; held != nil && held.file == bad {
		held.inventory = &inventory{added: held.added}
		s.publishView()
	}
}

// damagedInventories says which inventories cannot be read in full. Store.mu is held.
func (s *Store) damagedInventories() (err error) {
	for issuer, held := range s.issued {
		if held.info().Damaged {
			err = errors.Join(err, fmt.Errorf("the inventory of issuer %s is damaged", issuer))
		}
	}
	return err
}
