package main

import (
	"context"
	"encoding/hex"
	"errors"
	"io"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/crlfetch"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
)

// operator carries out what administrators ask; it implements api.Admin, api.Acceptor, api.Refresher and api.Pusher. A change is
// durable in the store first, then the responder forgets what it had signed, then the change is acknowledged.
type operator struct {
	store     *store.Store
	directory *directory
	responder *responder.Responder
	refresher *crlfetch.Refresher
	purged    func(keys []revocation.IssuerID, serials ...revocation.Serial) // told when answers were dropped; without serials, all
	turns     turns
}

// purge drops the answers signed for some serials of all keys of an issuer.
func (o *operator) purge(keys []revocation.IssuerID, serials ...revocation.Serial) {
	for _, key := range keys {
		o.responder.Purge(key, serials...)
	}
	o.purged(keys, serials...)
}

// crlChanged drops the answers that a CRL swap made wrong. It runs before the refresh is reported as done.
func (o *operator) crlChanged(c revocation.CRLChange) {
	for _, issuer := range c.Issuers {
		if c.Everything {
			o.responder.PurgeIssuer(issuer)
		} else {
			o.responder.Purge(issuer, c.Serials...)
		}
	}
	o.purged(c.Issuers, c.Serials...)
}

// Refresh implements api.Refresher.
func (o *operator) Refresh(ctx context.Context, issuer revocation.IssuerID) ([]api.RefreshResult, error) {
	done, err := o.refresher.Refresh(ctx, o.directory.keysOf(issuer)[0])
	results := make([]api.RefreshResult, len(done))
	for i, r := range done {
		results[i] = refreshResult(r)
	}
	return results, err
}

// Push implements api.Pusher.
func (o *operator) Push(ctx context.Context, issuer revocation.IssuerID, source string, body io.Reader) (api.RefreshResult, error) {
	done, err := o.refresher.Push(ctx, o.directory.keysOf(issuer)[0], source, body)
	if errors.Is(err, crlfetch.ErrNoSource) { // the configuration changed meanwhile
		err = revocation.Refuse("source", "", "%v", err)
	}
	return refreshResult(done), err
}

func refreshResult(r crlfetch.Result) api.RefreshResult {
	out := api.RefreshResult{URL: r.URL, Outcome: "not_modified"}
	if r.Changed {
		out.Outcome = "changed"
		out.Added, out.Removed, out.Changed, out.Generation = r.Change.Added, r.Change.Removed, r.Change.Changed, r.Change.Generation
		out.Retained = r.Change.Retained
	}
	if r.Err != nil {
		out.Outcome, out.Error = "failed", r.Err.Error()
	}
	if r.Info != nil {
		out.Entries, out.CRLNumber, out.NextUpdate = r.Info.Entries, r.Info.Number.String(), r.Info.NextUpdate
	}
	return out
}

// builder lends the store to crlfetch: only the type of a build differs, and how a commit is told of the shrink guard.
type builder struct{ *store.Store }

// NewBuild implements crlfetch.Builder.
func (b builder) NewBuild(issuer revocation.IssuerID, scope revocation.ScopeID) (crlfetch.Build, error) {
	build, err := b.Store.NewBuild(issuer, scope)
	if err != nil {
		return nil, err // not a nil *store.Build in a non-nil interface
	}
	return guardedBuild{build}, nil
}

type guardedBuild struct{ *store.Build }

// Commit implements crlfetch.Build.
func (b guardedBuild) Commit(info *revocation.CRLInfo, signed string, st revocation.SourceState, maxShrink float64) (revocation.CRLChange, error) {
	return b.Build.Commit(info, signed, st, store.CommitOptions{Guard: true, MaxShrink: maxShrink})
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
