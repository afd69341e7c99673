package config

import (
	"crypto/x509"
	"time"
)

// TrustSet is a set of trust anchors with a name, and the intermediates that lead to them.
type TrustSet struct {
	Name                 string
	Roots, Intermediates []*x509.Certificate
	Pos                  Position

	namePos Position
}

func (r *reader) trustSets(v *value) []TrustSet {
	var list []TrustSet
	r.list(v, "name a set of roots, or remove the key", func(item *value) {
		t := TrustSet{Pos: item.pos}
		if !r.object(item, keys{
			"name":          func(v *value) { t.namePos = v.pos; r.name(v, "trust set", &t.Name) },
			"roots":         func(v *value) { t.Roots = r.anchors(v) },
			"intermediates": func(v *value) { t.Intermediates = r.bundle(v) },
		}) {
			return
		}
		r.need(item, "name", "give the set a name of a-z, 0-9 and -")
		r.need(item, "roots", "name the file of the root certificates")
		for _, other := range list {
			if t.Name != "" && t.Name == other.Name {
				r.fault(t.namePos, "%q is the name of another set too (%s); names are unique", t.Name, other.namePos.where())
			}
		}
		list = append(list, t)
	})
	return list
}

// bundle reads a file of any number of certificates.
func (r *reader) bundle(v *value) []*x509.Certificate {
	var file string
	if !r.path(v, &file) {
		return nil
	}
	return r.chain(v.pos, file)
}

// anchors reads trust anchors, which should be in force.
func (r *reader) anchors(v *value) []*x509.Certificate {
	list := r.bundle(v)
	for _, c := range list {
		if r.now.After(c.NotAfter) {
			r.warn(v.pos, "the root %s expired on %s: nothing below it is valid", c.Subject, c.NotAfter.UTC().Format(time.RFC3339))
		}
	}
	return list
}
