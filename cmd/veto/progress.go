package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vetopki/veto/crlfetch"
)

// progressEvery is how often the line is drawn anew, and progressAfter how long nothing is drawn: most imports are over by then.
const (
	progressEvery = 200 * time.Millisecond
	progressAfter = time.Second
)

// terminal is standard error when a person reads it. Its last line shows how far imports of CRLs have come; what else is written stays
// above it.
type terminal struct {
	mu    sync.Mutex
	w     io.Writer
	line  string // that is shown, "" when none is
	width func() int
}

// clearLine puts the cursor at the beginning of the line and empties it (ECMA-48, EL).
const clearLine = "\r\x1b[K"

// Write implements io.Writer. Everything is written with one call, so that nothing comes between.
func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.line == "" {
		return t.w.Write(p)
	}
	if _, err := t.w.Write(append(append([]byte(clearLine), p...), t.line...)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// show draws the line, or removes it when it is empty.
func (t *terminal) show(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if width := t.width(); len(line) >= width && width > 1 { // a line that wraps could not be removed
		line = line[:width-1]
	}
	if line == t.line {
		return
	}
	t.line = line
	io.WriteString(t.w, clearLine+line)
}

// watch draws the line until the context ends, and removes it then.
func (t *terminal) watch(ctx context.Context, sources func() []crlfetch.Report) error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	defer t.show("")
	started := map[string]time.Time{}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			t.show(progressLine(sources(), started, now))
		}
	}
}

// progressLine says how far the imports that take long have come, "" when there are none. started is when each was first seen.
func progressLine(sources []crlfetch.Report, started map[string]time.Time, now time.Time) string {
	var line bytes.Buffer
	for i := range sources {
		s := &sources[i]
		key := s.Scope.String()
		if s.Progress.Doing == "" {
			delete(started, key)
			continue
		}
		if since, seen := started[key]; !seen {
			started[key] = now
		} else if now.Sub(since) >= progressAfter {
			if line.Len() > 0 {
				line.WriteString("; ")
			}
			p := s.Progress
			fmt.Fprintf(&line, "%s: %s", s.Issuer.Name, progressSentence(p.Doing, p.Octets, p.Of, p.Entries))
		}
	}
	return line.String()
}

// progressSentence is "reading 120 of 420 MiB, 3000000 entries".
func progressSentence(doing string, octets, of, entries int64) string {
	const mib = 1 << 20
	text := fmt.Sprintf("%s %d MiB", doing, octets/mib)
	if of > 0 {
		text = fmt.Sprintf("%s %d of %d MiB", doing, octets/mib, of/mib)
	}
	if entries > 0 {
		text += fmt.Sprintf(", %d entries", entries)
	}
	return text
}
