package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/vetopki/veto/store"
)

// clockWatch saves how far the time has come, and reports a clock that was set back.
type clockWatch struct {
	store *store.Store
	log   *slog.Logger
	saved time.Time
	alarm bool // it was reported
}

const (
	lookAtClock = time.Minute
	saveClock   = 10 * time.Minute
)

// judgedAt is the time by which is judged, and answered, now.
func judgedAt(s *store.Store) time.Time {
	now, _ := s.Clock(time.Now())
	return now
}

// resetClock believes the clock of the machine again, for an operator who knows that what was remembered is wrong.
func resetClock(s *store.Store) error {
	if err := s.ResetClock(time.Now(), "veto serve --reset-clock"); err != nil {
		return withCode(exitData, fmt.Errorf("resetting the clock: %w", err))
	}
	return nil
}

// run looks at the clock until the context ends.
func (w *clockWatch) run(ctx context.Context) error {
	tick := time.NewTicker(lookAtClock)
	defer tick.Stop()
	for {
		w.look(time.Now())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (w *clockWatch) look(now time.Time) {
	at, behind := w.store.Clock(now)
	switch {
	case behind > 0 && !w.alarm:
		w.log.Error("the clock of this machine was set back: until it is right, CRLs are judged, and answers dated, by the time that was "+
			"reached before; if that is wrong, restart with --reset-clock", "clock", stamp(now), "judged_at", stamp(at), "behind", behind.Round(time.Second).String())
	case behind == 0 && w.alarm:
		w.log.Info("the clock of this machine is believed again", "clock", stamp(now))
	}
	w.alarm = behind > 0
	if w.saved.IsZero() || now.Sub(w.saved) >= saveClock {
		w.saved = now
		if err := w.store.SaveClock(now); err != nil {
			w.log.Error("saving how far the time has come", "err", err)
		}
	}
}

func newClockMetric(s *store.Store) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "veto_clock_behind_seconds",
		Help: "By how much the clock of the machine is behind the time that was reached before; 0 while it is believed."}, func() float64 {
		_, behind := s.Clock(time.Now())
		return behind.Seconds()
	})
}
