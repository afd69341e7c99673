package config

import (
	"maps"
	"slices"

	"github.com/vetopki/veto/revocation"
)

// policy reads the name of a preset, or a mapping of a preset and what differs from it.
func (r *reader) policy(v *value, into *revocation.Policy) {
	if v.kind == scalar {
		r.preset(v, into)
		return
	}
	if v.kind == mapping { // first, whatever the order
		for _, f := range v.fields {
			if f.key == "preset" {
				r.preset(f.value, into)
			}
		}
	}
	choices := map[string]revocation.Choice{"deny": revocation.Deny, "allow": revocation.Allow, "error": revocation.Fail}
	r.object(v, keys{
		"preset": func(*value) {},
		"mode": func(v *value) {
			pick(r, v, &into.Mode, map[string]revocation.Mode{"enforce": revocation.Enforce, "report": revocation.Report, "off": revocation.Off})
		},
		"unknown": func(v *value) {
			pick(r, v, &into.Unknown, map[string]revocation.Choice{"deny": revocation.Deny, "allow": revocation.Allow})
		},
		"indeterminate": func(v *value) { pick(r, v, &into.Indeterminate, choices) },
		"depth": func(v *value) {
			pick(r, v, &into.Depth, map[string]revocation.Depth{"chain": revocation.Chain, "leaf": revocation.Leaf})
		},
	})
}

func (r *reader) preset(v *value, into *revocation.Policy) { pick(r, v, into, revocation.Presets()) }

// pick reads one of a few words that stand for values.
func pick[T any](r *reader, v *value, into *T, meaning map[string]T) {
	var word string
	if r.choice(v, &word, slices.Sorted(maps.Keys(meaning))...) {
		*into = meaning[word]
	}
}
