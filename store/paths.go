package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vetopki/veto/revocation"
)

// paths names every file of a data directory.
type paths struct{ root string }

func (p paths) lock() string  { return filepath.Join(p.root, "veto.lock") }
func (p paths) state() string { return filepath.Join(p.root, "state.db") }
func (p paths) tmp() string   { return filepath.Join(p.root, "tmp") }
func (p paths) crl() string   { return filepath.Join(p.root, "crl") }

// inventories holds the packed inventories, one folder for each issuer.
func (p paths) inventories() string { return filepath.Join(p.root, "inventory") }

func (p paths) inventory(issuer revocation.IssuerID) string {
	return filepath.Join(p.inventories(), issuer.String())
}

// issued is the packed file of generation n of an issuer's inventory.
func (p paths) issued(issuer revocation.IssuerID, n uint64) string {
	return filepath.Join(p.inventory(issuer), strconv.FormatUint(n, 10)+generationSuffix)
}

func (p paths) scope(id revocation.ScopeID) string { return filepath.Join(p.crl(), id.String()) }

// generation is the packed file of generation n of a scope, signed the CRL it was built from.
func (p paths) generation(id revocation.ScopeID, n uint64) string {
	return filepath.Join(p.scope(id), strconv.FormatUint(n, 10)+generationSuffix)
}

func (p paths) signed(id revocation.ScopeID, n uint64) string {
	return filepath.Join(p.scope(id), strconv.FormatUint(n, 10)+signedSuffix)
}

const (
	generationSuffix = ".db"
	signedSuffix     = ".crl"
	corruptInfix     = ".corrupt-"
)

// create makes the directories, readable by the owner only.
func (p paths) create() error {
	for _, dir := range []string{p.root, p.tmp(), p.crl(), p.inventories()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the data directory: %w", err)
		}
	}
	return nil
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// generationsOnDisk lists the generation numbers of a scope that have a packed file, in no order.
func (p paths) generationsOnDisk(id revocation.ScopeID) ([]uint64, error) {
	entries, err := os.ReadDir(p.scope(id))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the generations of scope %s: %w", id, err)
	}
	var list []uint64
	for _, e := range entries {
		if n, ok := numberOf(e.Name(), generationSuffix); ok {
			list = append(list, n)
		}
	}
	return list, nil
}

// previous is the highest generation on disk below n, 0 when there is none.
func (p paths) previous(id revocation.ScopeID, n uint64) (uint64, error) {
	list, err := p.generationsOnDisk(id)
	var best uint64
	for _, m := range list {
		if m < n && m > best {
			best = m
		}
	}
	return best, err
}

func numberOf(name, suffix string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// syncDir makes the names in a directory durable, so that a rename in it survives a power failure.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("syncing a directory: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("syncing a file: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}
