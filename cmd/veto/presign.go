package main

import (
	"context"
	"iter"
	"time"

	"golang.org/x/time/rate"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/revocation"
)

// presignPause is how long after a pass over the serials the next begins when nothing changes. An answer is due at half of its
// validity, which is a minute at least.
const presignPause = 20 * time.Second

// presignRest is how long a pass waits at least for the one before it to be over: in a bulk of changes each would begin one.
const presignRest = time.Second

// presignPage is how many serials are read of the store at once.
const presignPage = 1000

// presignSoon has the next pass begin soon: there may be serials that no pass has seen.
func (s *service) presignSoon() {
	select {
	case s.changed <- struct{}{}:
	default: // it is about to
	}
}

// presign keeps answers signed before anyone asks, of the issuers that are configured so, at a bounded rate.
func (s *service) presign(ctx context.Context) error {
	limit := rate.NewLimiter(rate.Limit(s.presignRate), 1+s.presignRate/20) // a sleep is seldom as short as one turn
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.changed:
		case <-timer.C:
		}
		if err := s.presignPass(ctx, limit); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(presignRest):
		}
		timer.Reset(presignPause)
	}
}

// presignPass goes once through what is to be kept signed: the revoked serials of all issuers first. Its error is that of the context.
func (s *service) presignPass(ctx context.Context, limit *rate.Limiter) error {
	t := s.directory.table.Load()
	for i := range t.issuers {
		if k := &t.issuers[i]; k.config.OCSP.Presign != config.PresignNone {
			for _, key := range k.keys {
				if err := s.presignAll(ctx, limit, key.ID, s.revokedSerials(key.ID)); err != nil {
					return err
				}
			}
		}
	}
	for i := range t.issuers {
		if k := &t.issuers[i]; k.config.OCSP.Presign == config.PresignIssued {
			for _, key := range k.keys {
				if err := s.presignAll(ctx, limit, key.ID, s.issuedSerials(k.ID)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// presignAll has answers signed about serials of one key of an issuer, until it is of no use or something changed: the next pass begins
// with that, and is quick with what is signed. Its error is that of the context.
func (s *service) presignAll(ctx context.Context, limit *rate.Limiter, issuer revocation.IssuerID, serials iter.Seq[revocation.Serial]) error {
	for serial := range serials {
		made, more := s.responder.Presign(issuer, serial)
		if made {
			if err := limit.Wait(ctx); err != nil {
				return ctx.Err()
			}
		}
		if !more || len(s.changed) > 0 {
			break
		}
	}
	return ctx.Err()
}

// revokedSerials are those of an issuer in their order, until the store cannot be read, which it says elsewhere.
func (s *service) revokedSerials(issuer revocation.IssuerID) iter.Seq[revocation.Serial] {
	return func(yield func(revocation.Serial) bool) {
		var after revocation.Serial
		for {
			rows, err := s.store.Revocations(issuer, after, presignPage)
			if err != nil || len(rows) == 0 {
				return
			}
			for i := range rows {
				if after = rows[i].Serial; !rows[i].Released && !yield(after) {
					return
				}
			}
		}
	}
}

// issuedSerials are those in the inventory of an issuer, likewise.
func (s *service) issuedSerials(issuer revocation.IssuerID) iter.Seq[revocation.Serial] {
	return func(yield func(revocation.Serial) bool) {
		var after revocation.Serial
		for {
			list, err := s.store.Issued(s.directory.inventoryKey(issuer), after, presignPage)
			if err != nil || len(list) == 0 {
				return
			}
			for _, after = range list {
				if !yield(after) {
					return
				}
			}
		}
	}
}
