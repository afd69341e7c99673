package crlfetch

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"time"

	"github.com/vetopki/veto/revocation"
)

// lateness says how urgently a newer CRL is needed.
type lateness int

const (
	inTime lateness = iota
	late            // three quarters of the CRL's lifetime passed
	stale           // nextUpdate passed: nothing is good any more
)

// lateFrom is when a CRL begins to be late: while there is still time to see what is wrong.
func lateFrom(info *revocation.CRLInfo) time.Time {
	return info.ThisUpdate.Add(info.NextUpdate.Sub(info.ThisUpdate) / 4 * 3)
}

// latenessOf judges the CRL in force at a moment, and says when that changes; zero: never. None held, or one without
// nextUpdate, is never late. It is pure.
func latenessOf(now time.Time, info *revocation.CRLInfo) (l lateness, until time.Time) {
	switch {
	case info == nil || info.NextUpdate.IsZero():
		return inTime, time.Time{}
	case !now.Before(info.NextUpdate):
		return stale, time.Time{}
	case !now.Before(lateFrom(info)):
		return late, info.NextUpdate
	}
	return inTime, lateFrom(info)
}

// watched is the CRL whose lateness was looked at last.
type watched struct {
	crl   [sha256.Size]byte
	level lateness
}

// watch says once of each CRL that it is late, and once that it lapsed. It returns when to look again; zero: no need.
func (u *updater) watch(src Source, w watched) (watched, time.Time) {
	now, info := time.Now(), u.store.CRLInfo(src.Scope())
	if _, waiting := u.places(src); waiting != "" { // no newer one is to come
		info = nil
	}
	level, until := latenessOf(now, info)
	u.metrics.Late.WithLabelValues(src.Issuer.Name, src.URL).Set(float64(level))
	if info == nil {
		return watched{}, until
	}
	if info.SHA256 != w.crl {
		w = watched{crl: info.SHA256}
	}
	if level > w.level {
		logLate(u.log, src, info, level)
	}
	w.level = level
	return w, until
}

func logLate(log *slog.Logger, src Source, info *revocation.CRLInfo, level lateness) {
	at, message := slog.LevelWarn, "crl late: three quarters of its lifetime passed and no newer one came"
	if level == stale {
		at, message = slog.LevelError, "crl stale: its nextUpdate passed and no newer one came"
	}
	if src.Delta {
		message = "delta " + message
	}
	log.LogAttrs(context.Background(), at, message, slog.String("issuer", src.Issuer.Name), slog.String("url", src.URL),
		slog.String("number", info.Number.String()), slog.Time("this_update", info.ThisUpdate), slog.Time("next_update", info.NextUpdate))
}
