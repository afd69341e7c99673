package main

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"time"
)

const (
	// retrySignersEvery is how often a signer is tried again whose token is out of reach or whose time has not begun.
	retrySignersEvery = 10 * time.Second
	// lookAtSignersEvery bounds how long a step of the clock goes unseen.
	lookAtSignersEvery = time.Hour
)

// signerWatch raises the alarms about the ends of OCSP signers, and tries those again that could not sign.
type signerWatch struct {
	directory *directory
	log       *slog.Logger
	retry     func(now time.Time) (waiting bool) // tries what may have come to work; waiting: something may yet
	changed   chan struct{}                      // of capacity 1: another configuration is in force
	raised    map[[sha256.Size]byte]int          // alarms raised, by certificate
}

func newSignerWatch(d *directory, log *slog.Logger, retry func(time.Time) bool) *signerWatch {
	return &signerWatch{directory: d, log: log, retry: retry, changed: make(chan struct{}, 1), raised: map[[sha256.Size]byte]int{}}
}

// look has run look at the signers soon.
func (w *signerWatch) look() {
	select {
	case w.changed <- struct{}{}:
	default: // it is about to
	}
}

func (w *signerWatch) run(ctx context.Context) error {
	for {
		now := time.Now()
		pause := lookAtSignersEvery
		if w.retry(now) {
			pause = retrySignersEvery
		}
		if next := w.alarm(now); !next.IsZero() {
			pause = min(pause, next.Sub(now))
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-w.changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// alarm logs each alarm that has come since the last time, once, and says when the next comes; zero when none does.
func (w *signerWatch) alarm(now time.Time) (next time.Time) {
	for _, o := range w.directory.allSigners() {
		cert := o.config.Certificate
		raised, following := alarmsRaised(o.alarms(), now)
		if !following.IsZero() && (next.IsZero() || following.Before(next)) {
			next = following
		}
		id := sha256.Sum256(cert.Raw)
		if raised <= w.raised[id] {
			continue
		}
		w.raised[id] = raised
		level := slog.LevelWarn
		if cert.NotAfter.Sub(now) <= 7*24*time.Hour {
			level = slog.LevelError
		}
		w.log.Log(context.Background(), level, "ocsp signer ends", "issuer", o.keys[0].Name, "signer", cert.Subject.String(),
			"not_after", stamp(cert.NotAfter), "problem", expirySentence(cert, now))
	}
	return next
}
