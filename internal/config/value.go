package config

import (
	"slices"
	"strconv"
)

// value is a configuration before it has a meaning: what a YAML file and a set of flags have in common.
type value struct {
	pos  Position
	key  Position // of the key it is given to; the zero Position for an item of a list
	kind kind

	text   string // of a scalar, with ${VAR} replaced
	raw    string // of a scalar, as written: what messages may show without giving away a secret
	fields []field
	items  []*value
}

type kind uint8

const (
	null kind = iota
	scalar
	mapping
	sequence
	broken // a fault was reported already: there is nothing more to say about it
)

var kindNames = [...]string{null: "nothing", scalar: "one value", mapping: "a mapping", sequence: "a list", broken: "a fault"}

func (k kind) String() string { return kindNames[k] }

// field is one key of a mapping with its value. Keys may repeat; the reader reports it.
type field struct {
	key   string
	pos   Position
	value *value
}

// has says whether a mapping has a key.
func has(v *value, name string) bool {
	return slices.ContainsFunc(v.fields, func(f field) bool { return f.key == name })
}

// shown is a scalar quoted for a message: as written and not longer than a message bears.
func (v *value) shown() string { return quoted(v.raw) }

func quoted(text string) string {
	const most = 60
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return strconv.Quote(text)
}
