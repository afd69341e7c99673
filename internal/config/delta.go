package config

import (
	"net/url"
	"strings"
)

// delta reads where the delta CRL of a complete one comes from: a URL, or freshest, which the complete CRL says itself (RFC 5280
// §5.2.6).
func (r *reader) delta(v *value, into *string) {
	if v.kind == scalar && (v.text == "freshest" || v.text == Freshest) {
		*into = Freshest
		return
	}
	r.crlURL(v, into)
}

// deltaMirrors checks the mirrors of a delta CRL, nil when none are given.
func (r *reader) deltaMirrors(mirrors, crl *value, c *CRL) {
	switch {
	case mirrors == nil:
	case !has(crl, "delta"):
		r.fault(mirrors.key, "mirrors of a delta CRL that is not named; name it with delta")
	case c.Delta == Freshest:
		r.fault(mirrors.key, "the complete CRL names the places of its delta CRL; remove delta_mirrors, or write out delta")
	case isPush(c.Delta):
		r.fault(mirrors.key, "a pushed delta CRL is not fetched and has no mirrors; remove them")
	}
}

// distributionPoint reads the URI that a CRL must have in its issuing distribution point (RFC 5280 §5.2.5). It is compared, never
// fetched, so that it may be any URI.
func (r *reader) distributionPoint(v *value, into *string) {
	var text string
	if !r.text(v, &text) {
		return
	}
	if u, err := url.Parse(text); err != nil || !u.IsAbs() || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
		r.fault(v.pos, "%s is no URI; write it as the CRL has it, veto crl inspect shows it under scope", v.shown())
		return
	}
	*into = text
}
