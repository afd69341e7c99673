package store

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/vetopki/veto/revocation"
)

// InventoryBuild collects the serials of an inventory until Put or Extend. It belongs to one goroutine. Whoever makes one ends it by
// one of these or by Abort.
type InventoryBuild struct {
	store  *Store
	issuer revocation.IssuerID
	build  *Build
	since  uint64 // the store's generation when it began
}

// NewInventory begins an inventory of an issuer. Nothing is written before Put or Extend.
func (s *Store) NewInventory(issuer revocation.IssuerID) (*InventoryBuild, error) {
	since := s.generation.Load()
	build, err := s.NewBuild(issuer, inventoryScope(issuer))
	if err != nil {
		return nil, err
	}
	return &InventoryBuild{store: s, issuer: issuer, build: build, since: since}, nil
}

// Add takes one serial, in any order and any number of times. It copies what it needs.
func (b *InventoryBuild) Add(serial []byte) error {
	return b.build.Add(&revocation.Record{Serial: serial, RevokedAt: dateEpoch})
}

// Abort drops the build. After Put, Extend or another Abort it does nothing.
func (b *InventoryBuild) Abort() { b.build.Abort() }

// Put makes the collected serials the inventory of the issuer, in place of the one it had, and turns it on if it had none. sha256 is
// kept to tell which list it was. Serials that were added after NewInventory stay: whoever made the list may not have known them.
//
// When it returns without an error, that is on the disk with its audit entry, and every lookup that begins now sees it. On an error
// the inventory in force stays in force. A rule "concurrent" refuses when another change of the same inventory is under way.
func (b *InventoryBuild) Put(sha256 [32]byte, note revocation.ChangeNote) (revocation.InventoryChange, error) {
	return b.commit(&inventoryCommit{action: inventoryPut, sha256: sha256, note: note})
}

// Extend adds the collected serials to the inventory the issuer has, with the promises of Put. ErrNoInventory says that it has none; rule
// "damaged" that it cannot be read in full.
func (b *InventoryBuild) Extend(note revocation.ChangeNote) (revocation.InventoryChange, error) {
	return b.commit(&inventoryCommit{action: inventoryAdded, note: note})
}

// packInventory writes an inventory anew, with what was added beside the file in it. Nobody sees a difference.
func (s *Store) packInventory(issuer revocation.IssuerID) error {
	b, err := s.NewInventory(issuer)
	if err != nil {
		return err
	}
	_, err = b.commit(&inventoryCommit{})
	return err
}

func (b *InventoryBuild) commit(c *inventoryCommit) (revocation.InventoryChange, error) {
	if b.build.ended {
		return revocation.InventoryChange{}, errBuildEnded
	}
	defer b.Abort()
	c.InventoryBuild = b
	defer c.cleanUp()
	err := checkNote(c.note)
	if err == nil {
		err = c.run()
	}
	if err != nil {
		return revocation.InventoryChange{}, fmt.Errorf("putting an inventory in force: %w", err)
	}
	return c.change, nil
}

// inventoryCommit is an inventory on its way into force.
type inventoryCommit struct {
	*InventoryBuild
	action string // put, added, or "" when it is packed anew
	sha256 [32]byte
	note   revocation.ChangeNote

	old    *heldInventory // in force when the commit began; nil when there was none
	file   *generation
	diff   revocation.CRLChange // against the file before
	files  []string             // to be removed unless it takes effect
	kept   []addedRow           // stay beside the new file
	record inventoryRecord
	change revocation.InventoryChange
}

func (c *inventoryCommit) run() error {
	scope := inventoryScope(c.issuer)
	if err := c.store.claim(scope); err != nil {
		return err
	}
	defer c.store.unclaim(scope)
	if err := c.store.writer.resume(); err != nil {
		return err
	}
	c.old = c.store.heldInventory(c.issuer)
	if c.action != inventoryPut {
		if err := c.takeOver(); err != nil {
			return err
		}
	}
	if err := c.write(); err != nil {
		return clearly(err)
	}
	if err := c.flip(); err != nil {
		return err
	}
	c.store.sweepInventory(c.issuer, c.file.n)
	return nil
}

// takeOver adds what the inventory has already: the file, and the serials beside it.
func (c *inventoryCommit) takeOver() error {
	if c.old == nil {
		return revocation.ErrNoInventory
	}
	c.sha256, c.since = c.old.record.info.SHA256, c.store.generation.Load()
	if c.old.file == nil {
		return errInventoryDamaged
	}
	err := guarded(func() error {
		for it := c.old.file.entries(); it.valid(); it.next() {
			if err := c.Add([]byte(it.serial())); err != nil {
				return err
			}
		}
		return nil
	})
	runtime.KeepAlive(c.old)
	if errors.Is(err, errDamaged) {
		c.old.file.damaged.Store(true)
		return errInventoryDamaged
	}
	if err != nil {
		return err
	}
	return c.takeAdded()
}

var errInventoryDamaged = revocation.Refuse("damaged", "", "the inventory is damaged on disk and cannot be added to; put it again, whole")

func (c *inventoryCommit) takeAdded() error {
	return c.store.state.view(func(tx *bolt.Tx) error {
		rows, err := addedRows(tx, c.issuer)
		for _, r := range rows {
			if r.since <= c.since && err == nil {
				err = c.Add([]byte(r.serial))
			}
		}
		return err
	})
}

// write writes the file, reads it back and moves it to where it stays. Nothing points to it yet.
func (c *inventoryCommit) write() error {
	path, err := c.store.tempPath("inventory-*")
	if err != nil {
		return err
	}
	c.files = append(c.files, path)
	var old *generation
	if c.old != nil {
		old = c.old.file
	}
	h, probes, err := c.writeFile(path, old)
	if errors.Is(err, errDamaged) && old != nil { // reading the old one faulted: what it had cannot be compared
		old.damaged.Store(true)
		if err = removeIfThere(path); err == nil {
			h, probes, err = c.writeFile(path, nil)
		}
	}
	runtime.KeepAlive(old)
	c.build.Abort() // its memory
	if err != nil {
		return err
	}
	n := uint64(1)
	if c.old != nil {
		n = c.old.record.n + 1
	}
	if c.file, err = openInventory(path, c.issuer, n); err != nil {
		return err
	}
	if err := checkWritten(c.file, h, probes); err != nil {
		return err
	}
	return c.place(path)
}

func (c *inventoryCommit) writeFile(path string, old *generation) (h header, probes []probe, err error) {
	info := &revocation.CRLInfo{Issuer: c.issuer, Scope: inventoryScope(c.issuer), URL: inventoryURL, ThisUpdate: c.note.At,
		SHA256: c.sha256, Entries: c.build.added}
	err = guarded(func() (err error) {
		d := newDiffer(old, keepNothing)
		d.change.Everything = true // no list of what differs
		h, probes, err = c.build.write(path, header{info: info, bare: true}, d)
		c.diff = d.change
		return err
	})
	return h, probes, err
}

func (c *inventoryCommit) place(path string) error {
	p, to := c.store.paths, c.store.paths.issued(c.issuer, c.file.n)
	if err := os.MkdirAll(p.inventory(c.issuer), 0o700); err != nil {
		return err
	}
	c.files = append(c.files, to)
	if err := os.Rename(path, to); err != nil {
		return err
	}
	return errors.Join(syncDir(p.inventory(c.issuer)), syncDir(p.inventories()))
}

// flip is the one transaction that puts the inventory in force.
func (c *inventoryCommit) flip() error {
	files := c.files
	c.files = nil // from here on the writer knows when they can go
	return c.store.writer.do(&change{apply: c.apply, publish: c.publish, abandon: func() { removeAll(files) }})
}

func (c *inventoryCommit) apply(t *stateTx) error {
	before, err := t.inventory(c.issuer)
	if err != nil {
		t.failed = err
		return err
	}
	if (before == nil) != (c.old == nil) || before != nil && before.n != c.old.record.n {
		return revocation.Refuse("concurrent", "", "the inventory was replaced while this one was built")
	}
	rows, err := t.addedRows(c.issuer)
	if err != nil {
		t.failed = err
		return err
	}
	gone := c.sort(rows)
	c.describe(before)
	if c.action == "" {
		c.change.Generation = t.head.generation
	} else if t.failed = t.logInventory(c.action, &c.change, nil, c.note, c.store.changeRows); t.failed != nil {
		return t.failed
	}
	for _, serial := range gone {
		t.delete(issuedBucket, adminKey(c.issuer, serial))
	}
	if before == nil {
		t.head.inventories++
	}
	t.failed = errors.Join(t.failed, t.putInventory(c.record))
	return t.failed
}

// sort parts the serials beside the old file into those that stay beside the new one and those that go: because the file has them, or
// because they were added before the list was made and are not in it. It completes the numbers of the change.
func (c *inventoryCommit) sort(rows []addedRow) (gone []revocation.Serial) {
	added, removed := c.diff.Added, c.diff.Removed
	c.kept = nil
	for _, r := range rows {
		var nothing revocation.Entry
		switch {
		case c.file.find(string(r.serial), &nothing) == listed:
			added-- // it is new in the file, not in the inventory
		case r.since > c.since:
			c.kept = append(c.kept, r)
			continue
		default:
			removed++
		}
		gone = append(gone, r.serial)
	}
	c.change.Added, c.change.Removed = uint64(max(added, 0)), uint64(removed)
	return gone
}

// describe makes the record of the new inventory.
func (c *inventoryCommit) describe(before *inventoryRecord) {
	c.record = inventoryRecord{n: c.file.n}
	info := &c.record.info
	if before != nil {
		*info = before.info
	}
	kept := uint64(len(c.kept))
	info.Issuer, info.Serials = c.issuer, c.file.header.entries+kept
	switch c.action {
	case inventoryPut:
		info.SHA256, info.PutAt, info.PutBy, info.Added = c.sha256, c.note.At.UTC(), c.note.By, kept
		if kept == 0 {
			info.AddedAt, info.AddedBy = time.Time{}, ""
		}
	case inventoryAdded:
		info.Added, info.AddedAt, info.AddedBy = info.Added+c.change.Added, c.note.At.UTC(), c.note.By
	}
	c.change.Info = *info
}

func (c *inventoryCommit) publish() {
	s := c.store
	next := &heldInventory{inventory: &inventory{file: c.file, added: newSerialTable[uint64]()}, record: c.record}
	for i := range c.kept {
		next.added.set(c.kept[i].serial, &c.kept[i].since)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued[c.issuer] = next
	s.publishView()
}

func (c *inventoryCommit) cleanUp() { removeAll(c.files) }
