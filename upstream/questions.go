package upstream

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/vetopki/veto/revocation"
)

// want has a question asked in the background, unless it is already, the responder rests, or too much is asked.
func (c *Client) want(a *asked, k key, now time.Time, planned bool) {
	if !a.resting(now).IsZero() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ctx == nil || c.stopped || c.ctx.Err() != nil || c.pending[k]:
		return
	case len(c.pending) >= c.options.MaxWaiting, !planned && !a.rate.AllowN(now, 1):
		c.metrics.Dropped.Inc()
		return
	}
	c.pending[k] = true
	ctx := c.ctx
	c.wg.Go(func() { c.question(ctx, a, k) })
}

// question asks one question in its turn and remembers what came of it.
func (c *Client) question(ctx context.Context, a *asked, k key) {
	defer c.end(k)
	select {
	case a.turns <- struct{}{}:
		defer func() { <-a.turns }()
	case <-ctx.Done():
		return
	}
	if !a.resting(c.now()).IsZero() { // it failed while this one waited
		return
	}
	begin := time.Now()
	r, err := c.ask(ctx, a, k.serial)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		err = c.accept(a, k, r)
	}
	now := c.now()
	c.metrics.asked(a.Name, r, err, time.Since(begin))
	if err == nil {
		a.answered(now)
		return
	}
	a.failed(now, err, c.options.Jitter())
	c.refused(a, k, err, now)
}

func (c *Client) end(k key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pending, k)
}

// accept takes a verified answer over what is known, unless that is newer.
func (c *Client) accept(a *asked, k key, r *reply) error {
	f, kept := &r.finding, c.store.Upstream(k.issuer, k.serial)
	before := kept
	if h := c.answers.get(k); h != nil && h.finding != nil && (before == nil || h.finding.ThisUpdate.After(before.ThisUpdate)) {
		before = h.finding
	}
	if before != nil && f.ThisUpdate.Before(before.ThisUpdate) {
		return revocation.Refuse("rollback", "", "the response is of %s, and one of %s is known", f.ThisUpdate.Format(time.RFC3339),
			before.ThisUpdate.Format(time.RFC3339))
	}
	if err := c.keep(a, k, f, kept); err != nil {
		return err
	}
	now := c.now()
	h := &held{finding: f, signed: r.signed, certID: r.certID, renewAt: renewAt(now, f, a.Every, c.options.Jitter())}
	c.answers.put(k, h)
	c.log.LogAttrs(context.Background(), slog.LevelDebug, "upstream ocsp answered", slog.String("issuer", a.Name), slog.String("serial", k.serial.String()),
		slog.String("status", f.Status.String()), slog.String("url", f.URL))
	if first := before == nil && f.Status == revocation.Good; !first && (before == nil || before.Status != f.Status || before.Entry != f.Entry) {
		c.onChange(k.issuer, k.serial)
	}
	return nil
}

// keep makes a revocation durable, and lifts one of which a newer answer says good. An answer that does not know the certificate lifts
// nothing: it may have expired.
func (c *Client) keep(a *asked, k key, f, kept *revocation.UpstreamFinding) error {
	switch {
	case f.Status == revocation.Revoked:
		if _, err := c.store.SaveUpstream(k.issuer, k.serial, *f); err != nil {
			// It counts until the process ends, which is better than not at all, and is tried again with the next answer.
			c.log.Error("a revocation told by an upstream OCSP responder could not be kept", c.attrs(a, k, err)...)
		}
		return nil
	case kept == nil:
		return nil
	case f.Status == revocation.Unknown:
		return revocation.Refuse("status", "RFC 6960 §2.2", "the responder does not know the certificate any more, which it said is revoked")
	case !f.ThisUpdate.After(kept.ThisUpdate):
		return revocation.Refuse("rollback", "", "the response says good as of %s, and one of that time says revoked", f.ThisUpdate.Format(time.RFC3339))
	}
	if kept.Entry.Reason != revocation.CertificateHold {
		c.log.Warn("an upstream OCSP responder took a revocation back that was permanent", "issuer", a.Name, "serial", k.serial.String(),
			"reason", kept.Entry.Reason.String(), "url", f.URL)
	}
	if _, err := c.store.ForgetUpstream(k.issuer, k.serial); err != nil {
		return fmt.Errorf("lifting a revocation: %w", err)
	}
	return nil
}

// refused remembers that a question was not answered, and when to ask again. What was known stays.
func (c *Client) refused(a *asked, k key, err error, now time.Time) {
	next := &held{renewAt: now.Add(jittered(retryAfter(err), c.options.Jitter()))}
	if h := c.answers.get(k); h != nil {
		next.finding, next.signed, next.certID = h.finding, h.signed, h.certID
		next.wanted.Store(h.wanted.Load())
	}
	c.answers.put(k, next)
	if next.wanted.Load() {
		c.plan(k, next.renewAt)
	}
	c.log.LogAttrs(context.Background(), slog.LevelWarn, "upstream ocsp failed", slog.String("issuer", a.Name), slog.String("serial", k.serial.String()),
		slog.String("rule", revocation.RuleOf(err, "other")), slog.String("error", err.Error()))
}

func (c *Client) attrs(a *asked, k key, err error) []any {
	return []any{"issuer", a.Name, "serial", k.serial.String(), "error", err.Error()}
}

// renewAt is when to ask again: when half of what is left of the answer's time passed, and no later than every. A revocation past its
// time is asked about as often as every.
func renewAt(now time.Time, f *revocation.UpstreamFinding, every time.Duration, jitter float64) time.Time {
	wait := every
	if left := f.NextUpdate.Sub(now); left > 0 {
		wait = min(every, left/2)
	}
	return now.Add(max(jittered(wait, jitter), minRenewal))
}

// minRenewal is the least time between two answers about one serial.
const minRenewal = time.Second

// jittered takes up to a tenth off a wait, so that what came together does not come together again.
func jittered(wait time.Duration, jitter float64) time.Duration {
	return time.Duration(float64(wait) * (1 - jitter/10))
}
