package main

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/vetopki/veto/internal/config"
)

// newLogger writes text when the output is a terminal and JSON otherwise, unless the configuration chooses.
func newLogger(w io.Writer, c config.Log, level *slog.LevelVar) *slog.Logger {
	level.Set(c.Level)
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "text" || (c.Format != "json" && isTerminal(w)) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
