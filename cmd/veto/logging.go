package main

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/vetopki/veto/internal/config"
)

// newLogger writes text when the output is a terminal and JSON otherwise, unless the configuration chooses. The terminal, nil when
// there is none, lets a line stand below the log.
func newLogger(w io.Writer, c config.Log, level *slog.LevelVar) (*slog.Logger, *terminal) {
	level.Set(c.Level)
	o := &slog.HandlerOptions{Level: level}
	t := terminalOf(w)
	if t != nil {
		w = t
	}
	if c.Format == "text" || (c.Format != "json" && t != nil) {
		return slog.New(slog.NewTextHandler(w, o)), t
	}
	return slog.New(slog.NewJSONHandler(w, o)), t
}

func terminalOf(w io.Writer) *terminal {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return &terminal{w: f, width: func() int {
		columns, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 80
		}
		return columns
	}}
}
