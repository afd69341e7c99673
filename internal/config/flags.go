package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Flags are the flags of `veto serve` that stand in for a configuration file. Empty ones have the file's defaults.
type Flags struct {
	Data, Public, API, AdminTokenFile string

	// Issuers are each name=NAME,cert=FILE[,crl=URL-or-FILE]…[,signer=CERT,key=KEY[,trusted=true]]. A comma inside a value is written \, and
	// a backslash before a comma \\.
	Issuers []string
}

// FromFlags makes a configuration from flags, with the checks of a file. Relative file names are relative to the working
// directory, and ${VAR} has no meaning: the shell has replaced it. When something is wrong the error is [Faults], whose
// paths name the flags.
func FromFlags(f Flags) (*Config, error) {
	dir, err := filepath.Abs(".")
	if err != nil {
		return nil, fmt.Errorf("finding the working directory: %w", err)
	}
	r := &reader{dir: dir, now: time.Now()}
	root := &value{kind: mapping}
	root.add("data_dir", flagValue("--data", f.Data))
	root.add("public", flagSection("listen", flagValue("--public", f.Public)))
	root.add("api", flagSection("listen", flagValue("--api", f.API)))
	root.add("admin", flagSection("token_file", flagValue("--admin-token-file", f.AdminTokenFile)))
	issuers := &value{kind: sequence, pos: Position{Path: "--issuer"}}
	for i, text := range f.Issuers {
		if v := r.issuerFlag(i, text); v != nil {
			issuers.items = append(issuers.items, v)
		}
	}
	root.add("issuers", issuers)
	c := r.config(root)
	r.finish(c)
	if len(r.faults) > 0 {
		return nil, r.faults.Sorted()
	}
	return c, nil
}

// add gives a mapping a key; a nil value leaves it out.
func (v *value) add(key string, item *value) {
	if item != nil {
		v.fields = append(v.fields, field{key: key, pos: item.pos, value: item})
	}
}

func flagValue(flag, text string) *value {
	if text == "" {
		return nil
	}
	return &value{kind: scalar, text: text, raw: text, pos: Position{Path: flag}}
}

func flagSection(key string, item *value) *value {
	if item == nil {
		return nil
	}
	v := &value{kind: mapping, pos: item.pos}
	v.add(key, item)
	return v
}

// issuerFlag turns the text of one --issuer into the value a file would have for it, or reports it and returns nil.
func (r *reader) issuerFlag(index int, text string) *value {
	pos := Position{Path: fmt.Sprintf("--issuer #%d", index+1)}
	known := []string{"name", "cert", "crl", "signer", "key", "trusted"}
	given := map[string][]string{}
	before := len(r.faults)
	for _, part := range splitCommas(text) {
		key, item, ok := strings.Cut(part, "=")
		switch near := nearest(key, known); {
		case !ok:
			r.fault(pos, "%s is not key=value; write name=NAME,cert=FILE[,crl=URL-or-FILE]…[,signer=CERT,key=KEY[,trusted=true]], "+
				`and \, for a comma inside a value`, quoted(part))
		case !slices.Contains(known, key) && near != "":
			r.fault(pos, "unknown key %s; did you mean %q?", quoted(key), near)
		case !slices.Contains(known, key):
			r.fault(pos, "unknown key %s; known here: %s", quoted(key), strings.Join(known, ", "))
		case item == "":
			r.fault(pos, "%s= has no value; give it one or leave it out", key)
		case len(given[key]) > 0 && key != "crl":
			r.fault(pos, "%s= is given twice; leave one out", key)
		default:
			given[key] = append(given[key], item)
		}
	}
	if len(r.faults) > before {
		return nil
	}
	if name := given["name"]; name != nil {
		pos.Path = "--issuer " + name[0]
	}
	switch {
	case given["name"] == nil:
		r.fault(pos, "name= is missing; give the issuer a name of a-z, 0-9 and -")
	case given["cert"] == nil:
		r.fault(pos, "cert= is missing; name the file of the CA's certificate")
	case (given["signer"] == nil) != (given["key"] == nil):
		r.fault(pos, "signer= and key= belong together; give both, with the CA's own certificate as signer if its key signs")
	case given["trusted"] != nil && given["signer"] == nil:
		r.fault(pos, "trusted= says something of signer=; give both, or leave it out")
	default:
		return issuerValue(pos, given)
	}
	return nil
}

func issuerValue(pos Position, given map[string][]string) *value {
	at := func(key, text string) *value { return flagValue(pos.Path+" "+key+"=", text) }
	v := &value{kind: mapping, pos: pos}
	v.add("name", at("name", given["name"][0]))
	v.add("certificate", at("cert", given["cert"][0]))
	if crls := given["crl"]; crls != nil {
		list := &value{kind: sequence, pos: pos}
		for _, text := range crls {
			list.items = append(list.items, flagSection("url", at("crl", text)))
		}
		v.add("crls", list)
	}
	if given["signer"] != nil {
		signer := &value{kind: mapping, pos: pos}
		signer.add("certificate", at("signer", given["signer"][0]))
		signer.add("key", at("key", given["key"][0]))
		if given["trusted"] != nil {
			signer.add("trusted", at("trusted", given["trusted"][0]))
		}
		v.add("ocsp", flagSection("signer", signer))
	}
	return v
}

// splitCommas splits at commas. A backslash takes a comma or a backslash after it as it is; before anything else it stands
// for itself.
func splitCommas(text string) []string {
	var parts []string
	var part []byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == ',' || text[i+1] == '\\'):
			i++
			part = append(part, text[i])
		case c == ',':
			parts = append(parts, string(part))
			part = nil
		default:
			part = append(part, c)
		}
	}
	return append(parts, string(part))
}
