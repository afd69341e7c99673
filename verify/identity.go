package verify

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/net/idna"
)

// IdentityKind is a kind of name in a certificate.
type IdentityKind string

// The kinds. All but the last are subject alternative names (RFC 5280 §4.2.1.6); CN is the common name of the subject, which is looked
// at only where it is asked for (RFC 9525 §2).
const (
	IdentityDNS   IdentityKind = "dns"
	IdentityIP    IdentityKind = "ip"
	IdentityURI   IdentityKind = "uri"
	IdentityEmail IdentityKind = "email"
	IdentityCN    IdentityKind = "cn"
)

// Identity is a name that a peer should have. A DNS name may begin with the wildcard label "*", and a URI end in "/*", which means any
// path below.
type Identity struct {
	Kind  IdentityKind
	Value string // in the form that is compared
}

// String is the identity for people.
func (i Identity) String() string { return string(i.Kind) + " " + i.Value }

// NewIdentity checks a name and brings it into the form that is compared.
func NewIdentity(kind IdentityKind, value string) (Identity, error) {
	i := Identity{Kind: kind}
	var err error
	switch kind {
	case IdentityDNS:
		i.Value, err = dnsForm(value)
	case IdentityIP:
		var addr netip.Addr
		if addr, err = netip.ParseAddr(value); err == nil && addr.Zone() != "" {
			err = fmt.Errorf("%q has a zone, which no certificate has", value)
		}
		i.Value = addr.Unmap().String()
	case IdentityURI:
		i.Value, err = value, checkURI(value)
	case IdentityEmail:
		i.Value, err = emailForm(value)
	case IdentityCN:
		if i.Value = foldName(value); i.Value == "" {
			err = fmt.Errorf("a common name is not empty")
		}
	default:
		err = fmt.Errorf("%q is none of dns, ip, uri, email and cn", kind)
	}
	return i, err
}

// dnsForm is a DNS name in lower case, as A-labels (RFC 9549 §2, RFC 5891), without the dot of the root.
func dnsForm(name string) (string, error) {
	rest, wildcard := strings.CutPrefix(strings.TrimSuffix(name, "."), "*.")
	ascii := strings.ToLower(rest)
	if strings.ContainsFunc(rest, func(c rune) bool { return c > 0x7e }) {
		var err error
		if ascii, err = idna.Lookup.ToASCII(rest); err != nil {
			return "", fmt.Errorf("%q is no DNS name: %w", name, err)
		}
	}
	if !isHostName(ascii) {
		return "", fmt.Errorf("%q is no DNS name; a wildcard may only be its first label", name)
	}
	if wildcard {
		return "*." + ascii, nil
	}
	return ascii, nil
}

// isHostName says whether a name has labels of letters, digits, hyphens and underscores.
func isHostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

func checkURI(text string) error {
	u, err := url.Parse(text)
	if err == nil && (u.Scheme == "" || u.Opaque == "" && u.Host == "") {
		err = fmt.Errorf("%q is no absolute URI, such as spiffe://example.org/service", text)
	}
	return err
}

// emailForm is an address with its domain as A-labels in lower case; what is before the @ is compared as it is (RFC 5280 §7.5).
func emailForm(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 {
		return "", fmt.Errorf("%q is no e-mail address", address)
	}
	domain, err := dnsForm(address[at+1:])
	if err != nil || strings.HasPrefix(domain, "*") {
		return "", fmt.Errorf("%q is no e-mail address: %w", address, err)
	}
	return address[:at+1] + domain, nil
}

// foldName is a string of a name without regard to case and space (RFC 5280 §7.1).
func foldName(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// Matches says whether a certificate has the name.
func (i Identity) Matches(c *x509.Certificate) bool {
	switch i.Kind {
	case IdentityDNS:
		return slices.ContainsFunc(c.DNSNames, func(name string) bool { return dnsMatches(i.Value, strings.ToLower(name)) })
	case IdentityIP:
		for _, ip := range c.IPAddresses {
			if addr, ok := netip.AddrFromSlice(ip); ok && addr.Unmap().String() == i.Value {
				return true
			}
		}
	case IdentityURI:
		return slices.ContainsFunc(sanURIs(c), func(uri string) bool { return uriMatches(i.Value, uri) })
	case IdentityEmail:
		return slices.ContainsFunc(c.EmailAddresses, func(address string) bool {
			form, err := emailForm(address)
			return err == nil && form == i.Value
		})
	case IdentityCN:
		return foldName(c.Subject.CommonName) == i.Value
	}
	return false
}

// dnsMatches compares a wanted name and one of a certificate. Either may have the label "*" in first place, for one whole label
// (RFC 9525 §6.3), of which at least two must follow.
func dnsMatches(wanted, name string) bool {
	base, wildcard := strings.CutPrefix(name, "*.")
	if !isHostName(base) || wildcard && !strings.Contains(base, ".") {
		return false
	}
	if wanted == name {
		return true
	}
	if want, any := strings.CutPrefix(wanted, "*."); any {
		_, rest, ok := strings.Cut(name, ".")
		return ok && !wildcard && rest == want
	}
	_, rest, ok := strings.Cut(wanted, ".")
	return wildcard && ok && rest == base
}

// uriMatches compares URIs octet by octet, or by the path they begin with. Then dots and escapes, which can hide where a path leads, are
// refused (SPIFFE-ID §2.2).
func uriMatches(wanted, uri string) bool {
	prefix, any := strings.CutSuffix(wanted, "/*")
	if !any {
		return uri == wanted
	}
	rest, ok := strings.CutPrefix(uri, prefix+"/")
	if !ok || rest == "" || strings.ContainsAny(rest, "%?#\\") {
		return false
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// sanURIs are the URIs of the subject alternative names as they are written; crypto/x509 keeps them in another form.
func sanURIs(c *x509.Certificate) (uris []string) {
	value := cryptobyte.String(extensionOf(c, oidSubjectAltName))
	var names cryptobyte.String
	if !value.ReadASN1(&names, asn1.SEQUENCE) {
		return nil
	}
	for !names.Empty() {
		var name cryptobyte.String
		var tag asn1.Tag
		if !names.ReadAnyASN1(&name, &tag) {
			return nil
		}
		if tag == asn1.Tag(6).ContextSpecific() {
			uris = append(uris, string(name))
		}
	}
	return uris
}
