package verify

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
)

const identitySection = "RFC 9525 §6"

// identity sees that the peer is who is expected: of each kind of name that was asked for one, and one of those allowed.
func (p *peer) identity(check *Check) {
	var found []string
	for _, kind := range [...]IdentityKind{IdentityDNS, IdentityIP, IdentityURI, IdentityEmail, IdentityCN} {
		wanted := slices.DeleteFunc(slices.Clone(p.o.Expected), func(i Identity) bool { return i.Kind != kind })
		p.oneOf(check, wanted, &found)
	}
	p.oneOf(check, p.o.Allowed, &found)
	if len(found) == 0 {
		check.skip("no identity was asked for")
		return
	}
	check.pass(identitySection, "the certificate is for "+strings.Join(found, " and "))
}

func (p *peer) oneOf(check *Check, wanted []Identity, found *[]string) {
	if len(wanted) == 0 {
		return
	}
	for _, i := range wanted {
		if i.Matches(p.leaf) {
			*found = append(*found, i.String())
			return
		}
	}
	check.fail(wrong(p.leaf, "identity", identitySection, "the certificate is for %s, and not for %s", namesOf(p.leaf), alternatives(wanted)))
}

const maxNamesShown = 5

func alternatives(list []Identity) string {
	var names []string
	for _, i := range list {
		names = append(names, i.String())
	}
	return strings.Join(shortened(names), " or ")
}

// namesOf lists the names of a certificate.
func namesOf(c *x509.Certificate) string {
	var names []string
	for _, n := range c.DNSNames {
		names = append(names, "dns "+n)
	}
	for _, n := range c.IPAddresses {
		names = append(names, "ip "+n.String())
	}
	for _, n := range sanURIs(c) {
		names = append(names, "uri "+n)
	}
	for _, n := range c.EmailAddresses {
		names = append(names, "email "+n)
	}
	if c.Subject.CommonName != "" {
		names = append(names, "cn "+c.Subject.CommonName)
	}
	if names == nil {
		return "nobody: it has no names"
	}
	return strings.Join(shortened(names), ", ")
}

func shortened(names []string) []string {
	if more := len(names) - maxNamesShown; more > 0 {
		return append(names[:maxNamesShown:maxNamesShown], fmt.Sprintf("%d more", more))
	}
	return names
}
