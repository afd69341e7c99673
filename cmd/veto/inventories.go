package main

import (
	"context"
	"errors"
	"io"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/internal/seriallist"
	"github.com/vetopki/veto/revocation"
)

// fewSerials is how many serials are added to an inventory in one transaction; for more it is packed anew with them.
const fewSerials = 10_000

// inventoryKey is the key of an issuer under which its inventory is kept: that which has one, or else its first. The serials of a CA
// are one series, whichever of its keys signs.
func (d *directory) inventoryKey(issuer revocation.IssuerID) revocation.IssuerID {
	keys := d.keysOf(issuer)
	for _, key := range keys {
		if _, on := d.store.Inventory(key); on {
			return key
		}
	}
	return keys[0]
}

// purgeAll drops the answers signed for all keys of an issuer.
func (o *operator) purgeAll(issuer revocation.IssuerID) {
	keys := o.directory.keysOf(issuer)
	for _, key := range keys {
		o.responder.PurgeIssuer(key)
	}
	o.purged(keys)
}

// Inventory implements api.Inventories.
func (o *operator) Inventory(issuer revocation.IssuerID) (revocation.InventoryInfo, bool) {
	return o.store.Inventory(o.directory.inventoryKey(issuer))
}

// PutInventory implements api.Inventories.
func (o *operator) PutInventory(ctx context.Context, r api.InventoryRequest) (revocation.InventoryChange, error) {
	build, err := o.store.NewInventory(o.directory.inventoryKey(r.Issuer))
	if err != nil {
		return revocation.InventoryChange{}, err
	}
	defer build.Abort()
	serials := seriallist.NewReader(r.List)
	n, err := addRest(ctx, serials, build.Add)
	if err == nil && n == 0 && !r.AllowEmpty { // as of a pipe whose other end failed
		err = revocation.Refuse("empty", "", "the list has no serials, so that nothing would count as issued; if that is meant, say so: empty=true, or --empty")
	}
	if err != nil {
		return revocation.InventoryChange{}, err
	}
	// Also after an error: its outcome may be unknown, and an answer signed anew is never wrong.
	defer o.purgeAll(r.Issuer)
	return build.Put(serials.SHA256(), r.Note)
}

// AddInventory implements api.Inventories.
func (o *operator) AddInventory(ctx context.Context, r api.InventoryRequest) (revocation.InventoryChange, error) {
	serials := seriallist.NewReader(r.List)
	few, err := take(serials, fewSerials)
	if err != nil {
		return revocation.InventoryChange{}, err
	}
	if len(few) < fewSerials {
		defer o.purge(o.directory.keysOf(r.Issuer), few...)
		return o.store.AddIssued(o.directory.inventoryKey(r.Issuer), few, r.Note)
	}
	build, err := o.store.NewInventory(o.directory.inventoryKey(r.Issuer))
	if err != nil {
		return revocation.InventoryChange{}, err
	}
	defer build.Abort()
	for _, serial := range few {
		if err := build.Add([]byte(serial)); err != nil {
			return revocation.InventoryChange{}, err
		}
	}
	if _, err := addRest(ctx, serials, build.Add); err != nil {
		return revocation.InventoryChange{}, err
	}
	defer o.purgeAll(r.Issuer)
	return build.Extend(r.Note)
}

// RemoveInventory implements api.Inventories.
func (o *operator) RemoveInventory(_ context.Context, r api.InventoryRequest) (revocation.InventoryChange, error) {
	defer o.purgeAll(r.Issuer)
	return o.store.RemoveInventory(o.directory.inventoryKey(r.Issuer), r.Note)
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

// addRest adds the serials that are left and counts them.
func addRest(ctx context.Context, serials *seriallist.Reader, add func([]byte) error) (n int, err error) {
	for ; ; n++ {
		serial, err := serials.Next()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err == nil {
			err = add([]byte(serial))
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return n, err
		}
	}
}
