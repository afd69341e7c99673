package main

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/revocation"
)

// presignPause is how long after a pass over the revoked serials the next begins. An answer is due at half of its validity, which is
// a minute at least.
const presignPause = 20 * time.Second

// presignSoon has the next pass begin at once: there may be serials that no pass has seen.
func (s *service) presignSoon() {
	select {
	case s.changed <- struct{}{}:
	default: // it is about to
	}
}

// presignPage is how many serials are read of the store at once.
const presignPage = 1000

// presign keeps the answers about revoked serials signed, of the issuers that are configured so, at a bounded rate.
func (s *service) presign(ctx context.Context) error {
	limit := rate.NewLimiter(rate.Limit(s.presignRate), 1)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.changed:
		case <-timer.C:
		}
		t := s.directory.table.Load()
		for i := range t.issuers {
			k := &t.issuers[i]
			if k.config.OCSP.Presign != config.PresignRevoked {
				continue
			}
			for _, key := range k.keys {
				if err := s.presignRevoked(ctx, limit, key.ID); err != nil {
					return err
				}
			}
		}
		timer.Reset(presignPause)
	}
}

// presignRevoked goes through the revoked serials of an issuer, until it is of no use. Its error is that of the context: a store that
// cannot be read says so elsewhere.
func (s *service) presignRevoked(ctx context.Context, limit *rate.Limiter, issuer revocation.IssuerID) error {
	var after revocation.Serial
	for {
		rows, err := s.store.Revocations(issuer, after, presignPage)
		if err != nil || len(rows) == 0 {
			return ctx.Err()
		}
		for i := range rows {
			if after = rows[i].Serial; rows[i].Released {
				continue
			}
			if err := limit.Wait(ctx); err != nil {
				return ctx.Err()
			}
			if !s.responder.Presign(issuer, after) {
				return ctx.Err()
			}
		}
	}
}
