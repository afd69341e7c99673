package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/crlfetch"
	"github.com/vetopki/veto/revocation"
)

func TestLogLinesStayAboveTheProgressLine(t *testing.T) {
	var out bytes.Buffer
	term := &terminal{w: &out, width: func() int { return 20 }}
	term.Write([]byte("one\n"))
	term.show("reading 1 of 9 MiB, 12345 entries")
	term.Write([]byte("two\n"))
	term.show("reading 1 of 9 MiB, 12345 entries") // no change: nothing is drawn
	term.show("")
	term.Write([]byte("three\n"))
	const line = "reading 1 of 9 MiB,"
	if want := "one\n" + clearLine + line + clearLine + "two\n" + line + clearLine + "three\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestProgressLineShowsImportsThatTakeLong(t *testing.T) {
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	big := crlfetch.Report{Issuer: revocation.Issuer{Name: "big"}, Scope: revocation.ScopeID{1},
		Progress: crlfetch.Progress{Doing: "reading", Octets: 3 << 20, Of: 9 << 20, Entries: 70_000}}
	quick := crlfetch.Report{Issuer: revocation.Issuer{Name: "quick"}, Scope: revocation.ScopeID{2}, Progress: crlfetch.Progress{Doing: "downloading"}}
	still := crlfetch.Report{Issuer: revocation.Issuer{Name: "still"}, Scope: revocation.ScopeID{3}}
	started := map[string]time.Time{}
	if line := progressLine([]crlfetch.Report{big, still}, started, start); line != "" {
		t.Errorf("at once: %q", line)
	}
	if line := progressLine([]crlfetch.Report{big, quick, still}, started, start.Add(progressAfter)); line != "big: reading 3 of 9 MiB, 70000 entries" {
		t.Errorf("after a while: %q", line)
	}
	if line := progressLine([]crlfetch.Report{big, quick}, started, start.Add(2*progressAfter)); !strings.Contains(line, "; quick: downloading 0 MiB") {
		t.Errorf("two: %q", line)
	}
	big.Progress = crlfetch.Progress{}
	if line := progressLine([]crlfetch.Report{big}, started, start.Add(3*progressAfter)); line != "" {
		t.Errorf("when it is over: %q", line)
	}
}
