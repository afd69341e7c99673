package main

import (
	"context"
	"errors"
	"io"

	"github.com/vetopki/veto/internal/seriallist"
	"github.com/vetopki/veto/revocation"
)

// fewSerials is how many serials are added to an inventory in one transaction; for more it is packed anew with them.
const fewSerials = 10_000

// Inventory implements api.Inventories.
func (o *operator) Inventory(issuer revocation.IssuerID) (revocation.InventoryInfo, bool) {
	return o.store.Inventory(issuer)
}

// PutInventory implements api.Inventories.
func (o *operator) PutInventory(ctx context.Context, issuer revocation.IssuerID, list io.Reader, note revocation.ChangeNote) (revocation.InventoryChange, error) {
	build, err := o.store.NewInventory(issuer)
	if err != nil {
		return revocation.InventoryChange{}, err
	}
	defer build.Abort()
	serials := seriallist.NewReader(list)
	if err := addRest(ctx, serials, build.Add); err != nil {
		return revocation.InventoryChange{}, err
	}
	// Also after an error: its outcome may be unknown, and an answer signed anew is never wrong.
	defer o.responder.PurgeIssuer(issuer)
	return build.Put(serials.SHA256(), note)
}

// AddInventory implements api.Inventories.
func (o *operator) AddInventory(ctx context.Context, issuer revocation.IssuerID, list io.Reader, note revocation.ChangeNote) (revocation.InventoryChange, error) {
	serials := seriallist.NewReader(list)
	few, err := take(serials, fewSerials)
	if err != nil {
		return revocation.InventoryChange{}, err
	}
	if len(few) < fewSerials {
		defer o.responder.Purge(issuer, few...)
		return o.store.AddIssued(issuer, few, note)
	}
	build, err := o.store.NewInventory(issuer)
	if err != nil {
		return revocation.InventoryChange{}, err
	}
	defer build.Abort()
	for _, serial := range few {
		if err := build.Add([]byte(serial)); err != nil {
			return revocation.InventoryChange{}, err
		}
	}
	if err := addRest(ctx, serials, build.Add); err != nil {
		return revocation.InventoryChange{}, err
	}
	defer o.responder.PurgeIssuer(issuer)
	return build.Extend(note)
}

// RemoveInventory implements api.Inventories.
func (o *operator) RemoveInventory(_ context.Context, issuer revocation.IssuerID, note revocation.ChangeNote) (revocation.InventoryChange, error) {
	defer o.responder.PurgeIssuer(issuer)
	return o.store.RemoveInventory(issuer, note)
}

// take reads up to n serials.
func take(serials *seriallist.Reader, n int) (list []revocation.Serial, err error) {
	for len(list) < n {
		serial, err := serials.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		list = append(list, serial)
	}
	return list, nil
}

// addRest reads the serials that are left.
func addRest(ctx context.Context, serials *seriallist.Reader, add func([]byte) error) error {
	for {
		serial, err := serials.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = add([]byte(serial))
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}
