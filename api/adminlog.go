package api

import (
	"context"
	"log/slog"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// change is what is logged of one admin request: exactly one line, whether it was done or refused. The token is never part
// of it, and slog encodes every value, so that no client can forge a line.
type change struct {
	action  string // revoke, release, refresh, push
	who     string // holder of the token; "" when none was accepted
	remote  string // address of the TCP connection
	issuer  string // as asked
	serial  string // as asked, canonical once it is read
	reason  string
	outcome string // of a change, or the name of the problem that refused it
	detail  string // of that problem
	refused bool
}

func (c *change) refusedBy(p *Problem) {
	c.refused, c.outcome, c.detail = true, strings.TrimPrefix(p.Type, ProblemPrefix), p.Detail
}

// asAdmin lets a route answer only administrators, and logs and counts each request to it.
func (a *API) asAdmin(action string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r, w := humachi.Unwrap(ctx)
		c := &change{action: action, remote: r.RemoteAddr, issuer: ctx.Param("issuer"), serial: ctx.Param("serial"), outcome: "failed"}
		defer a.record(ctx.Context(), c)
		who, p := a.admitAdmin(r)
		c.who = who
		if p != nil {
			c.refusedBy(p)
			p.write(w)
			return
		}
		next(huma.WithValue(ctx, changeKey{}, c))
	}
}

// asReader lets a route answer only those who may read.
func (a *API) asReader(ctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(ctx)
	if p := a.admitReader(r); p != nil {
		p.write(w)
		return
	}
	next(ctx)
}

func (a *API) record(ctx context.Context, c *change) {
	a.metrics.changes.WithLabelValues(c.action, c.outcome).Inc()
	level, attrs := slog.LevelInfo, []slog.Attr{slog.String("action", c.action), slog.String("outcome", c.outcome),
		slog.String("who", c.who), slog.String("issuer", clip(c.issuer)), slog.String("remote", c.remote)}
	if c.serial != "" {
		attrs = append(attrs, slog.String("serial", clip(c.serial)))
	}
	if c.reason != "" {
		attrs = append(attrs, slog.String("reason", c.reason))
	}
	if c.refused || c.outcome == "failed" {
		level, attrs = slog.LevelWarn, append(attrs, slog.String("detail", clip(c.detail)))
	}
	a.log.LogAttrs(ctx, level, "admin", attrs...)
}

// clip bounds a value that a client chose.
func clip(s string) string {
	const most = 300
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
