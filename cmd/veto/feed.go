package main

import (
	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
)

// feed shows the store's logs with the names of the configuration; it implements api.Feed.
type feed struct {
	store     *store.Store
	directory *directory
}

// Changes implements api.Feed.
func (f feed) Changes(since uint64, limit int) (rows []api.ChangeObject, newest uint64, complete bool, err error) {
	newest = f.store.Generation() // before the rows: they may know more, never less
	changes, complete, err := f.store.Changes(since, limit)
	for i := range changes {
		rows = append(rows, f.row(&changes[i]))
		newest = max(newest, changes[i].Generation)
	}
	return rows, newest, complete, err
}

// Changed implements api.Feed.
func (f feed) Changed() <-chan struct{} { return f.store.Changed() }

func (f feed) row(c *store.Change) api.ChangeObject {
	row := api.ChangeObject{Generation: c.Generation, Kind: c.Kind, Issuer: f.issuer(c.Issuer), IssuerIDs: c.Issuers, URL: f.url(c.Scope),
		CRLNumber: c.Number, Action: c.Action, Added: c.Added, Removed: c.Removed, Changed: c.Changed, Retained: c.Retained,
		Serials: c.Serials, Everything: c.Everything}
	if len(row.IssuerIDs) == 0 {
		row.IssuerIDs = []string{c.Issuer}
	}
	if id, err := revocation.ParseIssuerID(c.Issuer); err == nil && c.Kind == "inventory" { // it is of all keys of the CA
		row.IssuerIDs = nil
		for _, key := range f.directory.keysOf(id) {
			row.IssuerIDs = append(row.IssuerIDs, key.String())
		}
	}
	return row
}

func (f feed) issuer(id string) string {
	parsed, err := revocation.ParseIssuerID(id)
	if err != nil {
		return ""
	}
	return f.directory.nameOf(parsed)
}

func (f feed) url(scope string) string { return f.directory.table.Load().byScope[scope] }

// Audit implements api.Admin.
func (o *operator) Audit(after uint64, limit int) ([]api.AuditObject, error) {
	entries, err := o.store.Audit(after, limit)
	f := feed{o.store, o.directory}
	rows := make([]api.AuditObject, len(entries))
	for i, e := range entries {
		rows[i] = api.AuditObject{Seq: e.Seq, At: e.At, By: e.By, Action: e.Action, Issuer: f.issuer(e.Issuer), IssuerID: e.Issuer, Serial: e.Serial,
			Reason: e.Reason, RevokedAt: e.RevokedAt, InvalidityDate: e.Invalidity, Comment: e.Comment, URL: f.url(e.Scope), Retained: e.Retained,
			Serials: e.Serials, SHA256: e.SHA256, Generation: e.Generation, Prev: e.Prev}
	}
	return rows, err
}
