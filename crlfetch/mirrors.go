package crlfetch

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// compareAfter is for how many answers of the primary the mirrors are compared once.
const compareAfter = 12

// mirrorTrack is what is known of a source's mirrors, in memory. It is a value.
type mirrorTrack struct {
	answers  int // of the primary, since they were compared
	compared time.Time
	took     time.Duration     // that time
	disagree map[string]string // URLs that have another CRL of the same number, and what was said of it; never written in place
}

// due says whether the mirrors are to be compared now: not more often than their size bears.
func (m mirrorTrack) due(now time.Time) bool {
	return m.answers >= compareAfter && !now.Before(m.compared.Add(rest(m.took)))
}

// judged takes note of what came of judging a URL's CRL beside the one in force. Only an answer settles a disagreement.
func (m mirrorTrack) judged(url string, err error) mirrorTrack {
	rule := revocation.RuleOf(err, "")
	if rule == "equivocation" {
		m.disagree = maps.Clone(m.disagree)
		if m.disagree == nil {
			m.disagree = map[string]string{}
		}
		m.disagree[url] = err.Error()
	}
	return m
}

func (m mirrorTrack) agrees(url string) mirrorTrack {
	if _, stands := m.disagree[url]; stands {
		m.disagree = maps.Clone(m.disagree)
		delete(m.disagree, url)
	}
	return m
}

// disagreement is one sentence for the state of the source, "" when all agree.
func (m mirrorTrack) disagreement() string {
	for _, url := range slices.Sorted(maps.Keys(m.disagree)) {
		return shorten("the sources disagree: " + url + ": " + m.disagree[url])
	}
	return ""
}

// compareMirrors sees, once in a while when the primary answered, whether each mirror has a CRL that agrees with the one in
// force. Nothing is replaced by it, and its failures are no failures of the source.
func (a *attempt) compareMirrors(ctx context.Context, q *turn) {
	if len(a.src.Mirrors) == 0 || a.url != a.src.URL {
		return
	}
	if a.track.mirrors.answers++; !a.track.mirrors.due(a.now) {
		return
	}
	start, before := time.Now(), a.track.mirrors.disagreement()
	for _, url := range a.src.Mirrors {
		if q.take(ctx, url) != nil {
			return
		}
		err := a.compare(ctx, url)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			a.track.mirrors = a.track.mirrors.agrees(url)
		}
		a.track.mirrors = a.track.mirrors.judged(url, err)
		a.reportMirror(url, err)
	}
	m := &a.track.mirrors
	m.answers, m.compared, m.took = 0, time.Now(), time.Since(start)
	if now := m.disagreement(); now != before {
		a.track.state.LastError = now
		if err := a.store.SaveSourceState(a.src.Scope(), a.track.state); err != nil {
			a.log.Error("crl source state not saved", "issuer", a.src.Issuer.Name, "url", a.src.URL, "error", err.Error())
		}
	}
}

// compare fetches a mirror's CRL as a whole, verifies it, and keeps nothing. An older or newer one is no fault: mirrors lag.
func (a *attempt) compare(ctx context.Context, url string) error {
	tmp, err := a.builder.TempFile()
	if err != nil {
		return storeFailed("making a file for the download", err)
	}
	defer discard(tmp)
	got, err := a.fetcher.fetch(ctx, a.src, url, validators{}, a.newest, landing{tmp, a.progress})
	if err != nil || got.sha256 == a.result.Info.SHA256 {
		return err
	}
	crl, err := a.decode(ctx, tmp, got.size, func(*revocation.Record) error { return nil })
	if err != nil {
		return err
	}
	info, err := a.judge(crl)
	if err != nil {
		return err
	}
	_, err = verify.Newer(a.result.Info, info, a.src.DistributionPoint)
	return err
}

func (a *attempt) reportMirror(url string, err error) {
	result := "agrees"
	if err != nil {
		result = ruleOf(err)
	}
	a.metrics.Mirrors.WithLabelValues(a.src.Issuer.Name, a.src.URL, result).Inc()
	level, message := slog.LevelWarn, "crl mirror not usable"
	switch {
	case err == nil, result == "rollback":
		return
	case result == "equivocation":
		level, message = slog.LevelError, "crl sources disagree"
	}
	a.log.LogAttrs(context.Background(), level, message, slog.String("issuer", a.src.Issuer.Name), slog.String("url", a.src.URL),
		slog.String("mirror", url), slog.String("result", result), slog.String("error", shorten(err.Error())))
}
