package store

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/vetopki/veto/revocation"
)

// Issued lists the serials in the inventory of an issuer, in serial order (shorter serials first, then by octets): up to limit that
// follow after, "" for the first page. A page with fewer is the last. An issuer without an inventory has none;
// one that is damaged on disk is an error.
func (s *Store) Issued(issuer revocation.IssuerID, after revocation.Serial, limit int) ([]revocation.Serial, error) {
	added, err := s.addedAfter(issuer, after, limit) // before the file is looked at, into which they may be packed meanwhile
	if err != nil {
		return nil, fmt.Errorf("listing an inventory: %w", err)
	}
	v := s.view.Load().issuers[issuer]
	if v == nil || v.inventory == nil {
		return nil, nil
	}
	if v.inventory.file == nil {
		return nil, fmt.Errorf("listing an inventory: %w", errDamaged)
	}
	var list []revocation.Serial
	err = guarded(func() error {
		list = mergeIssued(v.inventory.file.entriesAfter(string(after)), added, limit)
		return nil
	})
	runtime.KeepAlive(v)
	if err != nil {
		return nil, fmt.Errorf("listing an inventory: %w", err)
	}
	return list, nil
}

// addedAfter reads the serials beside the packed file of an inventory, in serial order.
func (s *Store) addedAfter(issuer revocation.IssuerID, after revocation.Serial, limit int) (list []revocation.Serial, err error) {
	err = s.rowsAfter(issuedBucket, issuer, after, limit, func(serial revocation.Serial, _ []byte) error {
		list = append(list, serial)
		return nil
	})
	return list, err
}

// mergeIssued merges the serials of the file with those beside it, each once.
func mergeIssued(file *iterator, added []revocation.Serial, limit int) (list []revocation.Serial) {
	for len(list) < limit && (file.valid() || len(added) > 0) {
		order := 1
		switch {
		case len(added) == 0:
			order = -1
		case file.valid():
			order = compareSerials(file.serial(), string(added[0]))
		}
		if order < 0 {
			list = append(list, revocation.Serial(strings.Clone(file.serial())))
		} else {
			list, added = append(list, added[0]), added[1:]
		}
		if order <= 0 {
			file.next()
		}
	}
	return list
}
