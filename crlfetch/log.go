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
// other failures may heal by themselves and are warnings, also those of a URL whose mirror served instead.
func logRefresh(log *slog.Logger, src Source, a *attempt) {
	level, message := slog.LevelInfo, "crl refreshed"
	switch {
	case a.result.Err != nil:
		level, message = slog.LevelWarn, "crl refresh failed"
		if alarming(a.result.outcome()) {
			level = slog.LevelError
		}
	case len(a.passed) > 0:
		level = slog.LevelWarn
		if alarming(ruleOf(a.passed)) {
			level = slog.LevelError
		}
	case len(a.broken) > 0:
		level = slog.LevelWarn
	}
	logOutcome(log, level, message, src, a)
}

// logOutcome writes a line with all that is to be said of an attempt.
func logOutcome(log *slog.Logger, level slog.Level, message string, src Source, a *attempt) {
	r := &a.result
	attrs := []slog.Attr{slog.String("issuer", src.Issuer.Name), slog.String("url", src.URL), slog.String("result", r.outcome())}
	if r.Err != nil {
		attrs = append(attrs, slog.String("error", shorten(r.Err.Error())), slog.Int("failures", a.track.state.Failures))
	}
	if len(a.passed) > 0 {
		attrs = append(attrs, slog.String("via", a.url), slog.String("passed", shorten(a.passed.Error())))
	}
	if len(a.broken) > 0 {
		attrs = append(attrs, slog.Int("broken", len(a.broken)), slog.String("first_broken", shorten(a.broken[0])))
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
	case "signature", "key", "issuer", "signer", "scope", "distribution_point", "rollback", "equivocation", "store":
		return true
	}
	return false
}
