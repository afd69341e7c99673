package config

import (
	"maps"
	"math"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// reader gives values their meaning and collects what is wrong with them. Its methods take a value and report at the
// value's position; each says whether it found what it was asked for.
type reader struct {
	file     string // the configuration file; empty for flags
	dir      string // what relative file names are relative to
	now      time.Time
	faults   Faults
	warnings Faults
	files    []string

	offered func(path string, keys []string) // sees the keys known in each mapping; nil outside tests
}

func (r *reader) fault(pos Position, format string, args ...any) {
	r.faults = append(r.faults, pos.Fault(format, args...))
}

func (r *reader) warn(pos Position, format string, args ...any) {
	r.warnings = append(r.warnings, pos.Fault(format, args...))
}

// keys are what a mapping may hold, and what reads each.
type keys map[string]func(*value)

// object reads a mapping: each key once, none that is not known.
func (r *reader) object(v *value, known keys) bool {
	names := slices.Sorted(maps.Keys(known))
	if r.offered != nil {
		r.offered(v.pos.Path, names)
	}
	if !r.is(v, mapping) {
		return false
	}
	first := map[string]Position{}
	for _, f := range v.fields {
		read, ok := known[f.key]
		switch pos, again := first[f.key]; {
		case again:
			r.fault(f.pos, "given twice, first on %s; remove one", pos.where())
		case ok:
			read(f.value)
		default:
			r.unknown(f, names)
		}
		if _, again := first[f.key]; !again {
			first[f.key] = f.pos
		}
	}
	return true
}

func (r *reader) unknown(f field, names []string) {
	f.pos.Path = strings.TrimSuffix(strings.TrimSuffix(f.pos.Path, f.key), ".")
	if near := nearest(f.key, names); near != "" {
		r.fault(f.pos, "unknown key %s; did you mean %q?", quoted(f.key), near)
		return
	}
	r.fault(f.pos, "unknown key %s; known here: %s", quoted(f.key), strings.Join(names, ", "))
}

// list reads a list with at least one item; empty says what to do about one without.
func (r *reader) list(v *value, empty string, read func(*value)) {
	if !r.is(v, sequence) {
		return
	}
	if len(v.items) == 0 {
		r.fault(v.pos, "the list is empty; %s", empty)
	}
	for _, item := range v.items {
		read(item)
	}
}

// is checks the kind of a value. A key without a value is a fault, never a default: what looks like a list whose items are
// commented out must not silently mean something else.
func (r *reader) is(v *value, want kind) bool {
	switch v.kind {
	case want:
		return true
	case broken:
	case null:
		r.fault(v.pos, "has no value; give it one or remove the key")
	default:
		r.fault(v.pos, "must be %s, this is %s", want, v.kind)
	}
	return false
}

// text reads a string that is not empty and has no control characters.
func (r *reader) text(v *value, into *string) bool {
	switch {
	case !r.is(v, scalar):
		return false
	case strings.TrimSpace(v.text) == "":
		r.fault(v.pos, "is empty; give it a value or remove the key")
		return false
	case strings.ContainsFunc(v.text, unicode.IsControl):
		r.fault(v.pos, "has a line break or another control character; write it on one line")
		return false
	}
	*into = v.text
	return true
}

// path reads the name of a file or folder.
func (r *reader) path(v *value, into *string) bool {
	if !r.text(v, into) {
		return false
	}
	*into = r.absolute(*into)
	return true
}

func (r *reader) absolute(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(r.dir, name)
}

// choice reads one of a few words.
func (r *reader) choice(v *value, into *string, words ...string) bool {
	var word string
	if !r.text(v, &word) {
		return false
	}
	if !slices.Contains(words, word) {
		r.fault(v.pos, "%s is not one of %s", v.shown(), strings.Join(words, ", "))
		return false
	}
	*into = word
	return true
}

// boolean reads true or false.
func (r *reader) boolean(v *value, into *bool) {
	var word string
	if r.choice(v, &word, "true", "false") {
		*into = word == "true"
	}
}

// duration reads a duration within bounds, both included.
func (r *reader) duration(v *value, into *time.Duration, least, most time.Duration) {
	var text string
	if !r.text(v, &text) {
		return
	}
	d, err := ParseDuration(text)
	switch {
	case err != nil:
		r.fault(v.pos, "%s %v", v.shown(), err)
	case d < least, d > most:
		r.fault(v.pos, "%s is out of range; it is between %s and %s", v.shown(), formatDuration(least), formatDuration(most))
	default:
		*into = d
	}
}

// size reads a number of octets; tooSmall says for what less than least is too small.
func (r *reader) size(v *value, into *int64, least int64, tooSmall string) {
	var text string
	if !r.text(v, &text) {
		return
	}
	n, err := ParseSize(text)
	switch {
	case err != nil:
		r.fault(v.pos, "%s %v", v.shown(), err)
	case n < least:
		r.fault(v.pos, "%s is too small %s", v.shown(), tooSmall)
	default:
		*into = n
	}
}

// count reads a whole number.
func (r *reader) count(v *value, into *int, least int) {
	var text string
	if !r.text(v, &text) {
		return
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > math.MaxInt32 {
		r.fault(v.pos, "%s is no whole number from %d on", v.shown(), least)
		return
	}
	*into = n
}

// listen reads the address of a listener.
func (r *reader) listen(v *value, into *string) {
	var text string
	if !r.text(v, &text) {
		return
	}
	const hint = "write HOST:PORT, or :PORT for all addresses, such as 127.0.0.1:8080 or [::1]:8080"
	host, port, err := net.SplitHostPort(text)
	if err != nil || strings.ContainsAny(host, " /@") {
		r.fault(v.pos, "%s is no address to listen on; %s", v.shown(), hint)
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		r.fault(v.pos, "%s has no port between 0 and 65535; %s", v.shown(), hint)
		return
	}
	*into = text
}

// need reports a key that is missing, unless a misspelt one was taken for it before.
func (r *reader) need(v *value, name, purpose string) bool {
	if has(v, name) {
		return true
	}
	if slices.ContainsFunc(v.fields, func(f field) bool { return nearest(f.key, []string{name}) != "" }) {
		return false
	}
	r.fault(v.pos.key(name), "is missing; %s", purpose)
	return false
}
