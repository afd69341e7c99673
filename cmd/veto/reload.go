package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"time"

	"github.com/vetopki/veto/internal/config"
)

// lookEvery is how often the configuration's files are looked at.
const lookEvery = 2 * time.Second

// reloader reads the configuration again on SIGHUP and when one of its files changes. A bad new one leaves the old in force.
type reloader struct {
	load      func() (*config.Config, error)
	service   *service
	current   *config.Config
	level     *slog.LevelVar
	listeners *listeners
	log       *slog.Logger
	watched   []string // the files of the configuration read last, also when it was refused
}

func (r *reloader) run(ctx context.Context) error {
	hangup, stop := onHangup()
	defer stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	r.watched = r.current.Files()
	seen := look(r.watched)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-hangup:
		case <-tick.C:
			if maps.Equal(seen, look(r.watched)) {
				continue
			}
		}
		r.reload()
		seen = look(r.watched)
	}
}

// reload reads and applies the configuration, and says in the log what came of it.
func (r *reloader) reload() {
	next, err := r.load()
	if next != nil {
		r.watched = next.Files()
	}
	if err == nil {
		err = needsRestart(r.current, next)
	}
	if err == nil {
		err = r.service.configure(next)
	}
	if err != nil {
		r.log.Error("configuration refused, the old one stays in force", "error", err.Error())
		return
	}
	for _, w := range next.Warnings {
		r.log.Warn("configuration", "warning", w.String())
	}
	r.level.Set(next.Log.Level)
	if r.listeners.tls != nil {
		r.listeners.tls.set(next.API.TLS)
	}
	r.current = next
	keys := 0
	for i := range next.Issuers {
		keys += len(next.Issuers[i].Certificates)
	}
	r.log.Info("configuration in force", "issuers", len(next.Issuers), "keys", keys)
}

// needsRestart refuses a change of what a running process cannot change.
func needsRestart(old, next *config.Config) error {
	switch {
	case old.DataDir != next.DataDir:
		return fmt.Errorf("data_dir changed from %s to %s: that takes a restart", old.DataDir, next.DataDir)
	case old.Public.Listen != next.Public.Listen:
		return fmt.Errorf("public.listen changed from %s to %s: that takes a restart", old.Public.Listen, next.Public.Listen)
	case old.API.Listen != next.API.Listen:
		return fmt.Errorf("api.listen changed from %s to %s: that takes a restart", old.API.Listen, next.API.Listen)
	case old.IngestMemory != next.IngestMemory:
		return fmt.Errorf("ingest_memory changed from %d to %d octets: that takes a restart", old.IngestMemory, next.IngestMemory)
	case old.OCSP != next.OCSP:
		return fmt.Errorf("the ocsp section for all issuers changed: that takes a restart")
	case (old.API.TLS == nil) != (next.API.TLS == nil):
		return fmt.Errorf("api.tls was added or removed: that takes a restart")
	}
	return nil
}

// fileState tells a changed file: its time and its size.
type fileState struct {
	modified time.Time
	size     int64
}

func look(files []string) map[string]fileState {
	seen := make(map[string]fileState, len(files))
	for _, f := range files {
		if st, err := os.Stat(f); err == nil {
			seen[f] = fileState{st.ModTime(), st.Size()}
		}
	}
	return seen
}
