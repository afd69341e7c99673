package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a configuration.
type Position struct {
	File   string `json:"file,omitempty"`   // as it was named; empty for flags
	Line   int    `json:"line,omitempty"`   // from 1; 0 when there is none
	Column int    `json:"column,omitempty"` // from 1, in characters
	Path   string `json:"path,omitempty"`   // the key, such as issuers[0].name, or the flag
}

// Fault makes a fault at the position.
func (p Position) Fault(format string, args ...any) Fault {
	return Fault{Position: p, Message: fmt.Sprintf(format, args...)}
}

// key is the position of something below p that has no position of its own, such as a key that is missing.
func (p Position) key(name string) Position {
	if p.Path != "" {
		name = p.Path + "." + name
	}
	p.Path = name
	return p
}

// where names the position to someone who reads another line of the same configuration.
func (p Position) where() string {
	if p.Line == 0 {
		return p.Path
	}
	return fmt.Sprintf("line %d", p.Line)
}

// Fault is one thing that is wrong with a configuration, or, as a warning, worth knowing.
type Fault struct {
	Position
	Message string `json:"message"` // what is wrong and what to do
}

// String is "veto.yaml:12:7: issuers[0].name: …", without the parts that are not known.
func (f Fault) String() string {
	var b strings.Builder
	if f.File != "" {
		b.WriteString(f.File)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
		}
		b.WriteString(": ")
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	return b.String() + f.Message
}

// Faults is everything that is wrong with a configuration. As an error it prints one fault a line.
type Faults []Fault

// Error lists the faults in the order of their positions.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs.Sorted() {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Sorted returns the faults ordered by position.
func (fs Faults) Sorted() Faults {
	return slices.SortedStableFunc(slices.Values(fs), func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path))
	})
}
