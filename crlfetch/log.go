package crlfetch

import (
	"context"
	"log/slog"
	"time"
)

// outcome is the result in one word, for metrics and logs: changed, not_modified, or the rule that refused.
func (r *Result) outcome() string {
	switch {
	case r.Err != nil:
		return ruleOf(r.Err)
	case r.Changed:
		return "changed"
	}
	return "not_modified"
}

// logRefresh writes the one line of a refresh. A rule that fires when somebody replays, forges or substitutes a CRL is an error;
// other failures may heal by themselves and are warnings.
func logRefresh(log *slog.Logger, src Source, a *attempt) {
	r, st := &a.result, &a.track.state
	level, message := slog.LevelInfo, "crl refreshed"
	attrs := []slog.Attr{slog.String("issuer", src.Issuer.Name), slog.String("url", src.URL), slog.String("result", r.outcome())}
	if r.Err != nil {
		level, message = slog.LevelWarn, "crl refresh failed"
		if alarming(r.outcome()) {
			level = slog.LevelError
		}
		attrs = append(attrs, slog.String("error", shorten(r.Err.Error())), slog.Int("failures", st.Failures))
	}
	if r.Changed {
		attrs = append(attrs, slog.Int("added", r.Change.Added), slog.Int("removed", r.Change.Removed),
			slog.Int("altered", r.Change.Changed), slog.Uint64("generation", r.Change.Generation))
		if len(a.odd) > 0 {
			attrs = append(attrs, slog.Any("odd", a.odd))
		}
	}
	if r.Info != nil {
		attrs = append(attrs, slog.String("number", r.Info.Number.String()), slog.Int("entries", r.Info.Entries),
			slog.Time("this_update", r.Info.ThisUpdate), slog.Time("next_update", r.Info.NextUpdate),
			slog.Bool("stale", !a.now.Before(r.Info.NextUpdate)))
	}
	if a.got.oddType != "" {
		attrs = append(attrs, slog.String("content_type", shorten(a.got.oddType)))
	}
	attrs = append(attrs, slog.Int64("bytes", r.Bytes), slog.Duration("took", r.Duration.Round(time.Microsecond)),
		slog.Time("next", r.Next))
	log.LogAttrs(context.Background(), level, message, attrs...)
}

func alarming(rule string) bool {
	switch rule {
	case "signature", "key", "issuer", "rollback", "equivocation", "store":
		return true
	}
	return false
}
