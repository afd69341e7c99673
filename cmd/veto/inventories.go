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

// Inventory implements api.Inventories.
func (o *operator) Inventory(issuer revocation.IssuerID) (revocation.InventoryInfo, bool) {
	return o.store.Inventory(issuer)
}

// PutInventory implements api.Inventories.
func (o *operator) PutInventory(ctx context.Context, r api.InventoryRequest) (revocation.InventoryChange, error) {
	build, err := o.store.NewInventory(r.Issuer)
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
	defer o.responder.PurgeIssuer(r.Issuer)
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
		defer o.responder.Purge(r.Issuer, few...)
		return o.store.AddIssued(r.Issuer, few, r.Note)
	}
	build, err := o.store.NewInventory(r.Issuer)
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
	defer o.responder.PurgeIssuer(r.Issuer)
	return build.Extend(r.Note)
}

// RemoveInventory implements api.Inventories.
func (o *operator) RemoveInventory(_ context.Context, r api.InventoryRequest) (revocation.InventoryChange, error) {
	defer o.responder.PurgeIssuer(r.Issuer)
	return o.store.RemoveInventory(r.Issuer, r.Note)
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
