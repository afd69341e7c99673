package store

import (
	"crypto/sha256"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/vetopki/veto/revocation"
)

var byAlice = revocation.ChangeNote{By: "alice", At: day, Comment: "from the CA"}

// putInventory makes serials the inventory of an issuer.
func putInventory(t testing.TB, s *Store, issuer revocation.IssuerID, serials ...string) revocation.InventoryChange {
	t.Helper()
	return mustChange(t)(collect(t, s, issuer, serials).Put(sha256.Sum256([]byte(strings.Join(serials, "\n"))), byAlice))
}

func collect(t testing.TB, s *Store, issuer revocation.IssuerID, serials []string) *InventoryBuild {
	t.Helper()
	b, err := s.NewInventory(issuer)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Abort)
	for _, serial := range serials {
		if err := b.Add([]byte(serial)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func addIssued(t testing.TB, s *Store, issuer revocation.IssuerID, serials ...revocation.Serial) revocation.InventoryChange {
	t.Helper()
	return mustChange(t)(s.AddIssued(issuer, serials, byAlice))
}

func mustChange(t testing.TB) func(revocation.InventoryChange, error) revocation.InventoryChange {
	return func(c revocation.InventoryChange, err error) revocation.InventoryChange {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func wantFinding(t testing.TB, s *Store, issuer revocation.IssuerID, serial string, want revocation.InventoryFinding) {
	t.Helper()
	if got := evidence(s, issuer, serial).Inventory; got != want {
		t.Errorf("serial %x: inventory says %d, want %d", serial, got, want)
	}
}

func TestWithoutAnInventoryItIsOff(t *testing.T) {
	s := open(t, t.TempDir())
	wantFinding(t, s, issuerA, "\x01", revocation.InventoryOff)
	revoke(t, s, issuerA, "\x02", revocation.Superseded) // the issuer is seen, and still has none
	wantFinding(t, s, issuerA, "\x01", revocation.InventoryOff)
	if _, on := s.Inventory(issuerA); on {
		t.Error("there is an inventory")
	}
	if _, err := s.AddIssued(issuerA, []revocation.Serial{"\x01"}, byAlice); !errors.Is(err, revocation.ErrNoInventory) {
		t.Errorf("adding to none: %v", err)
	}
	if _, err := s.RemoveInventory(issuerA, byAlice); !errors.Is(err, revocation.ErrNoInventory) {
		t.Errorf("removing none: %v", err)
	}
	if _, err := collect(t, s, issuerA, []string{"\x01"}).Extend(byAlice); !errors.Is(err, revocation.ErrNoInventory) {
		t.Errorf("extending none: %v", err)
	}
	if n := s.Generation(); n != 1 {
		t.Errorf("generation %d, nothing but a revocation happened", n)
	}
}

func TestAnInventoryLastsAndIsOfItsIssuerAlone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	c := putInventory(t, s, issuerA, "\x01", "\x02", "\x02", "\x00\xff\x01")
	if c.Added != 3 || c.Removed != 0 || c.Info.Serials != 3 || c.Generation != 1 {
		t.Errorf("put: %+v", c)
	}
	for range 2 {
		for _, serial := range []string{"\x01", "\x02", "\x00\xff\x01"} {
			wantFinding(t, s, issuerA, serial, revocation.Issued)
		}
		wantFinding(t, s, issuerA, "\x03", revocation.NotIssued)
		wantFinding(t, s, issuerB, "\x01", revocation.InventoryOff)
		info, on := s.Inventory(issuerA)
		if want := (revocation.InventoryInfo{Issuer: issuerA, Serials: 3, SHA256: sha256.Sum256([]byte("\x01\n\x02\n\x02\n\x00\xff\x01")),
			PutAt: day, PutBy: "alice"}); !on || info != want {
			t.Errorf("got %+v, want %+v", info, want)
		}
		s = reopen(t, s)
	}
	if c := putInventory(t, s, issuerA); c.Added != 0 || c.Removed != 3 || c.Info.Serials != 0 {
		t.Errorf("putting an empty list: %+v", c)
	}
	wantFinding(t, s, issuerA, "\x01", revocation.NotIssued)
	if c := mustChange(t)(s.RemoveInventory(issuerA, byAlice)); c.Generation != 3 {
		t.Errorf("removed: %+v", c)
	}
	s = reopen(t, s)
	wantFinding(t, s, issuerA, "\x01", revocation.InventoryOff)
	if left, err := filepath.Glob(filepath.Join(dir, "inventory", "*")); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

func TestWhatIsAddedCountsBesideWhatWasPut(t *testing.T) {
	s := open(t, t.TempDir())
	putInventory(t, s, issuerA, "\x01")
	later := byAlice
	later.At, later.By = day.Add(time.Hour), "bob"
	c, err := s.AddIssued(issuerA, []revocation.Serial{"\x01", "\x02", "\x03", "\x02"}, later)
	if err != nil || c.Added != 2 || c.Info.Serials != 3 || c.Info.Added != 2 || c.Info.AddedBy != "bob" || c.Info.PutBy != "alice" {
		t.Errorf("added: %+v, %v", c, err)
	}
	for range 2 {
		wantFinding(t, s, issuerA, "\x02", revocation.Issued)
		wantFinding(t, s, issuerA, "\x04", revocation.NotIssued)
		s = reopen(t, s)
	}
	before := s.Generation()
	if c := addIssued(t, s, issuerA, "\x03", "\x01"); c.Added != 0 || s.Generation() != before {
		t.Errorf("saying the same again: %+v, generation %d, was %d", c, s.Generation(), before)
	}
	if _, err := s.AddIssued(issuerA, []revocation.Serial{"\x05", ""}, byAlice); err == nil {
		t.Error("an empty serial was added")
	}
	wantFinding(t, s, issuerA, "\x05", revocation.NotIssued)
}

// TestAPutKeepsWhatWasAddedMeanwhile: the CA may issue while its list is on the way.
func TestAPutKeepsWhatWasAddedMeanwhile(t *testing.T) {
	s := open(t, t.TempDir())
	putInventory(t, s, issuerA, "\x01")
	addIssued(t, s, issuerA, "\x02", "\x03")
	list := collect(t, s, issuerA, []string{"\x03", "\x04"})
	addIssued(t, s, issuerA, "\x04", "\x05")
	c := mustChange(t)(list.Put([32]byte{1}, byAlice))
	if c.Added != 0 || c.Removed != 2 || c.Info.Serials != 3 || c.Info.Added != 1 {
		t.Errorf("put: %+v", c)
	}
	for range 2 {
		for serial, want := range map[string]revocation.InventoryFinding{"\x01": revocation.NotIssued, "\x02": revocation.NotIssued,
			"\x03": revocation.Issued, "\x04": revocation.Issued, "\x05": revocation.Issued} {
			wantFinding(t, s, issuerA, serial, want)
		}
		s = reopen(t, s)
	}
}

func TestExtendAddsToWhatThereIs(t *testing.T) {
	s := open(t, t.TempDir())
	putInventory(t, s, issuerA, "\x01", "\x02")
	addIssued(t, s, issuerA, "\x03")
	c := mustChange(t)(collect(t, s, issuerA, []string{"\x02", "\x03", "\x04"}).Extend(byAlice))
	if c.Added != 1 || c.Removed != 0 || c.Info.Serials != 4 || c.Info.Added != 2 {
		t.Errorf("extended: %+v", c)
	}
	s = reopen(t, s)
	for _, serial := range []string{"\x01", "\x02", "\x03", "\x04"} {
		wantFinding(t, s, issuerA, serial, revocation.Issued)
	}
	wantFinding(t, s, issuerA, "\x05", revocation.NotIssued)
}

func TestManyAdditionsArePackedIntoTheFile(t *testing.T) {
	s := open(t, t.TempDir())
	s.maxAdded = 3
	putInventory(t, s, issuerA, "\x01")
	for serial := byte(2); serial < 10; serial++ {
		addIssued(t, s, issuerA, revocation.Serial([]byte{serial}))
	}
	held := s.heldInventory(issuerA)
	if held.added.nodes > 3 || held.file.header.entries < 5 || held.record.info.Serials != 9 || held.record.info.Added != 8 {
		t.Errorf("%d beside a file of %d, record %+v", held.added.nodes, held.file.header.entries, held.record)
	}
	if audit, err := s.Audit(0, 100); err != nil || len(audit) != 9 {
		t.Errorf("%d entries in the audit chain, 9 changes were made: %v", len(audit), err)
	}
	s = reopen(t, s)
	for serial := byte(1); serial < 10; serial++ {
		wantFinding(t, s, issuerA, string([]byte{serial}), revocation.Issued)
	}
	wantFinding(t, s, issuerA, "\x0a", revocation.NotIssued)
}

func TestChangesOfAnInventoryAreAuditedAndLogged(t *testing.T) {
	s := open(t, t.TempDir())
	putInventory(t, s, issuerA, "\x01", "\x02")
	addIssued(t, s, issuerA, "\x0a")
	if _, err := s.RemoveInventory(issuerA, byAlice); err != nil {
		t.Fatal(err)
	}
	audit, err := s.Audit(0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var did []string
	for _, e := range audit {
		if e.By != "alice" || e.Comment != "from the CA" || e.Issuer != issuerA.String() || !e.At.Equal(day) || len(e.SHA256) != 64 {
			t.Errorf("entry %+v", e)
		}
		did = append(did, e.Action)
	}
	if want := []string{"inventory_put", "inventory_added", "inventory_removed"}; !slices.Equal(did, want) || audit[1].Serials != 3 {
		t.Errorf("audit %v, want %v; %+v", did, want, audit)
	}
	if _, _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	rows, complete, err := s.Changes(0, 10)
	if err != nil || !complete || len(rows) != 3 {
		t.Fatalf("changes %+v, %v, %v", rows, complete, err)
	}
	if !rows[0].Everything || rows[1].Everything || !slices.Equal(rows[1].Serials, []string{"0a"}) || rows[1].Kind != "inventory" || !rows[2].Everything {
		t.Errorf("changes %+v", rows)
	}
}

func TestTwoChangesOfOneInventoryAtOnceAreRefused(t *testing.T) {
	s := open(t, t.TempDir())
	first := collect(t, s, issuerA, []string{"\x01"})
	if err := s.claim(inventoryScope(issuerA)); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Put([32]byte{}, byAlice); revocation.RuleOf(err, "") != "concurrent" {
		t.Errorf("got %v", err)
	}
	if _, err := s.RemoveInventory(issuerA, byAlice); revocation.RuleOf(err, "") != "concurrent" {
		t.Errorf("got %v", err)
	}
	s.unclaim(inventoryScope(issuerA))
	if _, err := first.Put([32]byte{}, byAlice); !errors.Is(err, errBuildEnded) {
		t.Errorf("a build that ended was used again: %v", err)
	}
	wantFinding(t, s, issuerA, "\x01", revocation.InventoryOff)
}

// TestTheInventoryKnowsWhatASetKnows: whatever is put, added and removed, in whatever order, and however often the store is opened anew.
func TestTheInventoryKnowsWhatASetKnows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "veto-inventory-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s, err := Open(dir, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { s.Close() }()
		var set map[string]bool // nil: off
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			s.maxAdded = rapid.IntRange(0, 8).Draw(rt, "beside the file")
			drawn := rapid.SliceOfN(serials, 0, 40).Draw(rt, "serials")
			switch step := rapid.SampledFrom([]string{"put", "add", "extend", "remove", "reopen"}).Draw(rt, "step"); {
			case step == "reopen":
				if err := s.Close(); err != nil {
					rt.Fatal(err)
				}
				if s, err = Open(dir, Options{}); err != nil {
					rt.Fatal(err)
				}
			case step == "put":
				set = stepInventory(rt, s, step, nil, drawn)
			case set == nil:
				continue
			default:
				set = stepInventory(rt, s, step, set, drawn)
			}
			checkInventory(rt, s, set)
		}
	})
}

// stepInventory does one step and returns what the inventory must be then.
func stepInventory(rt *rapid.T, s *Store, step string, set map[string]bool, drawn []string) map[string]bool {
	var c revocation.InventoryChange
	b, err := s.NewInventory(issuerA)
	if err != nil {
		rt.Fatal(err)
	}
	defer b.Abort()
	next := map[string]bool{}
	for serial := range set {
		next[serial] = true
	}
	var list []revocation.Serial
	for _, serial := range drawn {
		if err := b.Add([]byte(serial)); err != nil {
			rt.Fatal(err)
		}
		list, next[serial] = append(list, revocation.Serial(serial)), true
	}
	had, on := s.Inventory(issuerA)
	switch step {
	case "put":
		c, err = b.Put([32]byte{byte(len(drawn))}, byAlice)
	case "extend":
		c, err = b.Extend(byAlice)
	case "add":
		c, err = s.AddIssued(issuerA, list, byAlice)
	case "remove":
		if c, err = s.RemoveInventory(issuerA, byAlice); err == nil && c.Removed != uint64(len(set)) {
			rt.Fatalf("removed %+v of %d", c, len(set))
		}
		next = nil
	}
	if err != nil {
		rt.Fatal(err)
	}
	if on && next != nil && had.Serials+c.Added-c.Removed != uint64(len(next)) {
		rt.Fatalf("%s: %d, %d added, %d removed: does not make %d", step, had.Serials, c.Added, c.Removed, len(next))
	}
	return next
}

func checkInventory(rt *rapid.T, s *Store, set map[string]bool) {
	info, on := s.Inventory(issuerA)
	if on != (set != nil) || info.Serials != uint64(len(set)) {
		rt.Fatalf("on %v with %d serials, want %v with %d", on, info.Serials, set != nil, len(set))
	}
	checkIssued(rt, s, set)
	probes := rapid.SliceOfN(serials, 0, 20).Draw(rt, "probes")
	for serial := range set {
		probes = append(probes, serial)
	}
	for _, serial := range probes {
		want := revocation.NotIssued
		switch {
		case set == nil:
			want = revocation.InventoryOff
		case set[serial]:
			want = revocation.Issued
		}
		if got := evidence(s, issuerA, serial).Inventory; got != want {
			rt.Fatalf("serial %x: %d, want %d", serial, got, want)
		}
	}
}

// checkIssued lists the inventory in pages.
func checkIssued(rt *rapid.T, s *Store, set map[string]bool) {
	limit := rapid.IntRange(1, 50).Draw(rt, "page")
	var all []revocation.Serial
	for after := revocation.Serial(""); ; after = all[len(all)-1] {
		page, err := s.Issued(issuerA, after, limit)
		if err != nil {
			rt.Fatal(err)
		}
		if all = append(all, page...); len(page) < limit {
			break
		}
	}
	want := slices.SortedFunc(maps.Keys(set), compareSerials)
	if !slices.EqualFunc(all, want, func(a revocation.Serial, b string) bool { return string(a) == b }) {
		rt.Fatalf("listed in pages of %d: %x, want %x", limit, all, want)
	}
}

// damageInventory flips a bit in every place of the file of an inventory where an octet pattern stands.
func damageInventory(t *testing.T, s *Store, pattern string) {
	t.Helper()
	path := s.paths.issued(issuerA, s.heldInventory(issuerA).record.n)
	b, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(b), pattern) {
		t.Fatalf("%s: %v, or it lacks %q", path, err, pattern)
	}
	flipped := []byte(pattern)
	flipped[len(flipped)-1] ^= 1
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(b), pattern, string(flipped))), 0o600); err != nil {
		t.Fatal(err)
	}
}

// thousandsOf are serials of 16 octets that fill several blocks.
func thousandsOf(prefix byte) (list []string) {
	for i := range 2000 {
		serial := make([]byte, 16)
		serial[0], serial[1], serial[2], serial[15] = prefix, byte(i>>8), byte(i), 7
		list = append(list, string(serial))
	}
	return list
}

func TestADamagedBlockOfAnInventoryIsNoEvidence(t *testing.T) {
	s := open(t, t.TempDir())
	list := thousandsOf(0x42)
	putInventory(t, s, issuerA, list...)
	damageInventory(t, s, list[1000])
	s = reopen(t, s)
	addIssued(t, s, issuerA, "\x01")
	wantFinding(t, s, issuerA, list[1000], revocation.InventoryDamaged)
	wantFinding(t, s, issuerA, list[999], revocation.InventoryDamaged)
	wantFinding(t, s, issuerA, list[0], revocation.Issued)
	wantFinding(t, s, issuerA, "\x01", revocation.Issued)
	wantFinding(t, s, issuerA, "\x02", revocation.NotIssued)
	if _, err := s.Issued(issuerA, "", 100_000); !errors.Is(err, errDamaged) {
		t.Errorf("it was listed: %v", err)
	}
	if err := s.VerifyGenerations(t.Context()); err == nil || !strings.Contains(err.Error(), "put it again") {
		t.Errorf("verifying: %v", err)
	}
	if info, _ := s.Inventory(issuerA); !info.Damaged || s.Degraded() == nil {
		t.Errorf("nobody says it is damaged: %+v, %v", info, s.Degraded())
	}
	wantFinding(t, s, issuerA, list[0], revocation.Issued)
	if _, err := collect(t, s, issuerA, nil).Extend(byAlice); revocation.RuleOf(err, "") != "damaged" {
		t.Errorf("extending: %v", err)
	}
	putInventory(t, s, issuerA, list...)
	wantFinding(t, s, issuerA, list[1000], revocation.Issued)
	if err := errors.Join(s.VerifyGenerations(t.Context()), s.Degraded()); err != nil {
		t.Errorf("after it was put again: %v", err)
	}
}

func TestAnInventoryThatCannotBeOpenedMakesNothingGood(t *testing.T) {
	dir := t.TempDir()
	for _, row := range []struct {
		fact  string
		spoil func(path string) error
	}{
		{"cut off", func(path string) error { return os.Truncate(path, 8192) }},
		{"gone", os.Remove},
		{"empty", func(path string) error { return os.WriteFile(path, nil, 0o600) }},
	} {
		s := open(t, dir)
		putInventory(t, s, issuerA, thousandsOf(0x42)...)
		path := s.paths.issued(issuerA, s.heldInventory(issuerA).record.n)
		if err := errors.Join(s.Close(), row.spoil(path)); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
		wantFinding(t, s, issuerA, "\x01", revocation.InventoryDamaged)
		if err := s.VerifyGenerations(t.Context()); err == nil || s.Degraded() == nil {
			t.Errorf("%s: nobody says so", row.fact)
		}
		if _, err := s.Issued(issuerA, "", 1); !errors.Is(err, errDamaged) {
			t.Errorf("%s: it was listed: %v", row.fact, err)
		}
		addIssued(t, s, issuerA, "\x01")
		wantFinding(t, s, issuerA, "\x01", revocation.Issued)
		putInventory(t, s, issuerA, "\x02")
		wantFinding(t, s, issuerA, "\x01", revocation.NotIssued) // added before the list was made, and not in it
		wantFinding(t, s, issuerA, "\x02", revocation.Issued)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAFileOfACRLIsNoInventory: neither is taken for the other, whatever happens to the directory.
func TestAFileOfACRLIsNoInventory(t *testing.T) {
	s := open(t, t.TempDir())
	put(t, s, issuerA, scopeA, 1, record("\x01", revocation.Superseded, day))
	putInventory(t, s, issuerA, "\x01")
	crl, issued := s.paths.generation(scopeA, 1), s.paths.issued(issuerA, 1)
	if _, err := openInventory(crl, issuerA, 1); err == nil {
		t.Error("a CRL was opened as an inventory")
	}
	if _, err := openGeneration(issued, inventoryScope(issuerA), 1); err == nil {
		t.Error("an inventory was opened as a CRL")
	}
}

func TestAStateOfSchema1IsBroughtUpToDate(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	revoke(t, s, issuerA, "\x01", revocation.Superseded)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(paths{dir}.state(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		h, err := readHead(tx)
		meta := tx.Bucket(metaBucket)
		return errors.Join(err, tx.DeleteBucket(inventoriesBucket), tx.DeleteBucket(issuedBucket), tx.DeleteBucket(upstreamBucket),
			meta.Put(schemaKey, []byte{0, 0, 0, 1}), meta.Put(headKey, seal(metaBucket, headKey, h.encode()[:headOctets1])))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if ev := evidence(s, issuerA, "\x01"); !ev.Admin.Stands() || ev.Generation != 1 {
		t.Errorf("got %+v", ev)
	}
	putInventory(t, s, issuerA, "\x01")
	s = reopen(t, s)
	wantFinding(t, s, issuerA, "\x01", revocation.Issued)
}

func TestALostInventoryRecordStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	putInventory(t, s, issuerA, "\x01")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bolt.Open(paths{dir}.state(), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error { return tx.Bucket(inventoriesBucket).Delete(issuerA[:]) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(dir, Options{}); err == nil {
		s.Close()
		t.Error("it started, and everything counts as issued")
	}
}
