package main

import (
	"context"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/vetopki/veto/internal/config"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/store"
)

const (
	presignPause  = 20 * time.Second // from one round to the next; an answer is due at half of its validity, which is a minute at least
	presignRest   = time.Second      // the same when answers were dropped: in a bulk of changes each would begin a round
	presignUrgent = 1024             // serials that wait for no round; with more, the next round has to do
	presignPage   = 1000             // serials that are read of the store at once
)

// presigner keeps answers signed before anyone asks, of the issuers that are configured so, at a bounded rate. It goes through
// their serials round by round; one whose answers were dropped is taken first.
type presigner struct {
	store     *store.Store
	directory *directory
	judge     *judge
	presign   func(revocation.IssuerID, revocation.Serial) (made, more bool) // see responder.Presign
	limit     *rate.Limiter
	used      atomic.Bool   // some issuer is configured so
	urgent    chan asked    // whose answers were dropped
	again     chan struct{} // of capacity 1: another round is needed
}

// asked is a certificate as OCSP is asked for it: by a serial of one key of a CA.
type asked struct {
	issuer revocation.IssuerID
	serial revocation.Serial
}

func newPresigner(j *judge, d *directory, r *responder.Responder, serialsPerSecond int) *presigner {
	burst := 1 + serialsPerSecond/20 // a sleep is seldom as short as one turn
	return &presigner{store: j.store, directory: d, judge: j, presign: r.Presign, limit: rate.NewLimiter(rate.Limit(serialsPerSecond), burst),
		urgent: make(chan asked, presignUrgent), again: make(chan struct{}, 1)}
}

// configure is told of the issuers of another configuration.
func (p *presigner) configure(known []knownIssuer) {
	p.used.Store(slices.ContainsFunc(known, func(k knownIssuer) bool { return k.config.OCSP.Presign != config.PresignNone }))
	p.dropped(nil)
}

// dropped is told which answers were dropped: those about some serials of an issuer's keys or, without serials, all.
func (p *presigner) dropped(keys []revocation.IssuerID, serials ...revocation.Serial) {
	if !p.used.Load() {
		return
	}
	all := len(serials) > 0
	for _, key := range keys {
		for _, serial := range serials {
			select {
			case p.urgent <- asked{key, serial}:
			default:
				all = false
			}
		}
	}
	if all {
		return
	}
	select {
	case p.again <- struct{}{}:
	default: // it is about to
	}
}

// run signs until the context ends.
func (p *presigner) run(ctx context.Context) error {
	next := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case a := <-p.urgent:
			err = p.signUrgent(ctx, a)
		case <-p.again:
			if soon := time.Now().Add(presignRest); soon.Before(next) {
				next = soon
				timer.Reset(presignRest)
			}
		case <-timer.C:
			err = p.round(ctx)
			next = time.Now().Add(presignPause)
			timer.Reset(presignPause)
		}
		if err != nil {
			return err
		}
	}
}

// round goes once through what is to be kept signed, the revoked serials of all issuers first. Its error is that of the context.
func (p *presigner) round(ctx context.Context) error {
	t := p.directory.table.Load()
	for _, mode := range []string{config.PresignRevoked, config.PresignIssued} {
		for i := range t.issuers {
			k := &t.issuers[i]
			for _, key := range k.keys {
				if err := p.walk(ctx, key.ID, p.serials(k, key.ID, mode)); err != nil {
					return err
				}
			}
		}
	}
	return ctx.Err()
}

// walk has answers signed about serials of one key, until it is of no use. Its error is that of the context.
func (p *presigner) walk(ctx context.Context, issuer revocation.IssuerID, serials iter.Seq[revocation.Serial]) error {
	for serial := range serials {
		for len(p.urgent) > 0 { // nobody else takes them
			if err := p.signUrgent(ctx, <-p.urgent); err != nil {
				return err
			}
		}
		if more, err := p.sign(ctx, asked{issuer, serial}); err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

// signUrgent signs for a serial whose answers were dropped, if they are kept signed.
func (p *presigner) signUrgent(ctx context.Context, a asked) error {
	if !p.keeps(a) {
		return nil
	}
	_, err := p.sign(ctx, a)
	return err
}

// sign makes the answers that are missing or due, and waits when there were any as long as the rate asks for. more is false when it is of
// no use to go on.
func (p *presigner) sign(ctx context.Context, a asked) (more bool, err error) {
	made, more := p.presign(a.issuer, a.serial)
	if made {
		err = p.limit.Wait(ctx)
	}
	return more, err
}
