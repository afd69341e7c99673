package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/vetopki/veto/store"
)

// scriptClockAhead leaves a data directory as if veto had run there in a year from now: clockahead DIR.
func scriptClockAhead(ts *testscript.TestScript, neg bool, args []string) {
	st, err := store.Open(ts.MkAbs(args[0]), store.Options{})
	ts.Check(err)
	ts.Check(st.SaveClock(time.Now().AddDate(1, 0, 0)))
	ts.Check(st.Close())
}

func TestAClockSetBackIsReportedOnce(t *testing.T) {
	dir := t.TempDir()
	st, err := store.Open(dir, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	w := &clockWatch{store: st, log: slog.New(slog.NewTextHandler(&log, nil))}
	w.look(time.Now())
	if err := st.SaveClock(time.Now().AddDate(1, 0, 0)); err != nil || log.Len() > 0 {
		t.Fatalf("%v, log: %s", err, log.String())
	}
	for range 3 {
		w.look(time.Now())
	}
	if lines := strings.Split(log.String(), "\n"); len(lines) != 2 || !strings.Contains(lines[0], "level=ERROR") || !strings.Contains(lines[0], "--reset-clock") {
		t.Errorf("log: %s", log.String())
	}
	log.Reset()
	if err := resetClock(st); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.look(time.Now())
	}
	if lines := strings.Split(log.String(), "\n"); len(lines) != 2 || !strings.Contains(lines[0], "believed again") {
		t.Errorf("log: %s", log.String())
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if err := resetClock(st); err == nil || exitCode(err) != exitData {
		t.Errorf("resetting a closed store: %v", err)
	}
}
