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

	// Issuers are each as IssuerSyntax says. A comma inside a value is written \, and a backslash before a comma \\.
	Issuers []string
}

// IssuerSyntax is how an issuer is written as a flag. cert= repeats for the keys of one CA, crl= for its CRLs; delta= and
// crl-signer= belong to the crl= before them.
const IssuerSyntax = "name=NAME,cert=FILE[,crl=URL-or-FILE[,delta=URL-or-FILE][,crl-signer=FILE]]…[,signer=CERT,key=KEY[,trusted=true]]"

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

// part is one key=value of an --issuer.
type part struct{ key, text string }

// issuerFlag turns the text of one --issuer into the value a file would have for it, or reports it and returns nil.
func (r *reader) issuerFlag(index int, text string) *value {
	pos := Position{Path: fmt.Sprintf("--issuer #%d", index+1)}
	before := len(r.faults)
	given := r.issuerParts(pos, text)
	if len(r.faults) > before {
		return nil
	}
	if name := only(given, "name"); name != "" {
		pos.Path = "--issuer " + name
	}
	switch has := func(key string) bool { return only(given, key) != "" }; {
	case !has("name"):
		r.fault(pos, "name= is missing; give the issuer a name of a-z, 0-9 and -")
	case !has("cert"):
		r.fault(pos, "cert= is missing; name the file of the CA's certificate")
	case has("signer") != has("key"):
		r.fault(pos, "signer= and key= belong together; give both, with the CA's own certificate as signer if its key signs")
	case has("trusted") && !has("signer"):
		r.fault(pos, "trusted= says something of signer=; give both, or leave it out")
	default:
		return issuerValue(pos, given)
	}
	return nil
}

// issuerParts splits the text of one --issuer and reports what does not belong there.
func (r *reader) issuerParts(pos Position, text string) (given []part) {
	known := []string{"name", "cert", "crl", "delta", "crl-signer", "signer", "key", "trusted"}
	for _, word := range splitCommas(text) {
		key, item, ok := strings.Cut(word, "=")
		switch near := nearest(key, known); {
		case !ok:
			r.fault(pos, "%s is not key=value; write "+IssuerSyntax+`, and \, for a comma inside a value`, quoted(word))
		case !slices.Contains(known, key) && near != "":
			r.fault(pos, "unknown key %s; did you mean %q?", quoted(key), near)
		case !slices.Contains(known, key):
			r.fault(pos, "unknown key %s; known here: %s", quoted(key), strings.Join(known, ", "))
		case item == "":
			r.fault(pos, "%s= has no value; give it one or leave it out", key)
		case (key == "delta" || key == "crl-signer") && only(given, "crl") == "":
			r.fault(pos, "%s= says something of the crl= before it; put it after one", key)
		case repeated(given, key):
			r.fault(pos, "%s= is given twice; leave one out", key)
		default:
			given = append(given, part{key, item})
		}
	}
	return given
}

// repeated says whether a key stands where it may not stand once more: delta= and crl-signer= once for each crl=, cert= and crl= as
// often as wanted, everything else once.
func repeated(given []part, key string) bool {
	for _, p := range slices.Backward(given) {
		switch {
		case p.key == key:
			return key != "cert" && key != "crl"
		case p.key == "crl" && (key == "delta" || key == "crl-signer"):
			return false
		}
	}
	return false
}

// only is the value of a key, the first when it repeats, "" when it is not given.
func only(given []part, key string) string {
	for _, p := range given {
		if p.key == key {
			return p.text
		}
	}
	return ""
}

func issuerValue(pos Position, given []part) *value {
	at := func(p part) *value { return flagValue(pos.Path+" "+p.key+"=", p.text) }
	v := &value{kind: mapping, pos: pos}
	certificates := &value{kind: sequence, pos: pos}
	crls := &value{kind: sequence, pos: pos}
	signer := &value{kind: mapping, pos: pos}
	for _, p := range given {
		switch p.key {
		case "name":
			v.add("name", at(p))
		case "cert":
			certificates.items = append(certificates.items, at(p))
		case "crl":
			crls.items = append(crls.items, flagSection("url", at(p)))
		case "delta":
			crls.items[len(crls.items)-1].add("delta", at(p))
		case "crl-signer":
			crls.items[len(crls.items)-1].add("signer", at(p))
		case "signer":
			signer.add("certificate", at(p))
		default:
			signer.add(p.key, at(p))
		}
	}
	v.add("certificate", certificates)
	if len(crls.items) > 0 {
		v.add("crls", crls)
	}
	if len(signer.fields) > 0 {
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
