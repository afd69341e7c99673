package config

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// Profile is how a gateway asks whether it may let a client in, and what it is told.
type Profile struct {
	Name        string
	Header      certheader.Options
	Issuer      string            // of all serials, where the gateway names no issuer: the name of a configured one
	IssuerNames map[string]string // issuers by how the gateway writes their names
	Callers     Callers
	Policy      revocation.Policy
	Roots       string            // the name of a trust set; empty: what configured issuers signed
	Identities  []verify.Identity // of which a client must have one; none: no matter
	TTL         time.Duration     // for how long the gateway may keep an answer
	Pos         Position

	namePos, rootsPos, callersPos Position
	issuerPos                     map[string]Position // where issuers are named
}

// Callers are who may ask by a profile. All conditions that are set must hold.
type Callers struct {
	CIDRs        []netip.Prefix
	Certificates []verify.Identity // the caller's TLS client certificate is of one of these
	TokenFile    string
	Token        Secret
}

// DefaultProfileTTL is for how long a gateway may keep an answer when nothing else is said.
const DefaultProfileTTL = 15 * time.Second

func (r *reader) profiles(v *value) []Profile {
	var list []Profile
	r.list(v, "name a gateway, or remove the key", func(item *value) {
		p := r.profile(item)
		for _, other := range list {
			if p.Name != "" && p.Name == other.Name {
				r.fault(p.namePos, "%q is the name of another profile too (%s); names are unique", p.Name, other.namePos.where())
			}
		}
		list = append(list, p)
	})
	return list
}

func (r *reader) profile(item *value) Profile {
	p := Profile{TTL: DefaultProfileTTL, Pos: item.pos, issuerPos: map[string]Position{}}
	var headerPos Position
	if !r.object(item, keys{
		"name":         func(v *value) { p.namePos = v.pos; r.name(v, "profile", &p.Name) },
		"header":       func(v *value) { headerPos = v.pos; r.headerFormat(v, &p.Header.Format) },
		"headers":      func(v *value) { r.headerNames(v, &p.Header) },
		"radix":        func(v *value) { pick(r, v, &p.Header.Radix, radixes) },
		"element":      func(v *value) { pick(r, v, &p.Header.Element, elements) },
		"issuer":       func(v *value) { r.text(v, &p.Issuer); p.issuerPos[p.Issuer] = v.pos },
		"issuer_names": func(v *value) { r.issuerNames(v, &p) },
		"trust":        func(v *value) { p.callersPos = v.pos; r.callers(v, &p.Callers) },
		"policy":       func(v *value) { r.policy(v, &p.Policy) },
		"roots":        func(v *value) { p.rootsPos = v.pos; r.text(v, &p.Roots) },
		"identities":   func(v *value) { p.Identities = r.identities(v) },
		"ttl":          func(v *value) { r.duration(v, &p.TTL, 0, time.Hour) },
	}) {
		return p
	}
	r.need(item, "name", "give the profile a name of a-z, 0-9 and -")
	if r.need(item, "trust", "say who may ask: cidrs, certificates or token_file. Whoever may ask can say that he is anybody") {
		r.someCaller(item, &p)
	}
	if r.need(item, "header", "say how the gateway passes the certificate on; "+knownFormats()) && p.Header.Format != "" {
		r.profileHeader(headerPos, &p)
	}
	return p
}

// profileTogether checks what a profile says of other parts of the configuration.
func (r *reader) profileTogether(c *Config, p *Profile) {
	named := append(slices.Collect(maps.Values(p.IssuerNames)), p.Issuer)
	for _, name := range named {
		if name != "" && !slices.ContainsFunc(c.Issuers, func(i Issuer) bool { return i.Name == name }) {
			r.fault(p.issuerPos[name], "there is no issuer %s", quoted(name))
		}
	}
	if p.Roots != "" && !slices.ContainsFunc(c.Trust, func(t TrustSet) bool { return t.Name == p.Roots }) {
		r.fault(p.rootsPos, "there is no set %s in trust", quoted(p.Roots))
	}
	switch tls := c.API.TLS; {
	case p.Callers.Certificates != nil && (tls == nil || tls.ClientCAs == nil):
		r.fault(p.callersPos, "certificates of callers need api.tls.client_ca, which says whose certificates are believed")
	case p.Callers.TokenFile != "" && tls == nil && !loopback(c.API.Listen):
		r.warn(p.callersPos, "the token crosses the network in clear; serve TLS (api.tls), or listen on a loopback address")
	}
	if p.Policy.Mode != revocation.Enforce {
		r.warn(p.Pos, "profile %q lets everybody in: its policy has mode %s", p.Name, p.Policy.Mode)
	}
}

// someCaller sees that there is a condition at all. What was given and is at fault was reported.
func (r *reader) someCaller(item *value, p *Profile) {
	for _, f := range item.fields {
		if f.key == "trust" && f.value.kind == mapping && len(f.value.fields) == 0 {
			r.fault(f.value.pos, "is empty; say who may ask: cidrs, certificates or token_file")
		}
	}
}

// profileHeader checks what belongs to the format of the header, and only to it.
func (r *reader) profileHeader(pos Position, p *Profile) {
	pair := p.Header.Format.Headers().Serial != ""
	p.Header.NoName = p.Header.NoName || p.Issuer != ""
	if _, err := certheader.New(p.Header); err != nil {
		r.fault(pos, "%v", err)
	}
	switch {
	case !pair && (p.Issuer != "" || p.IssuerNames != nil):
		r.fault(pos, "%s passes the certificate, which names its issuer; remove issuer and issuer_names", p.Header.Format)
	case pair && p.Roots != "":
		r.fault(p.rootsPos, "%s passes a serial number and no certificate, of which no path could be made; remove roots", p.Header.Format)
	case pair && p.Identities != nil:
		r.fault(pos, "%s passes a serial number and no certificate, of which no identity is known; remove identities", p.Header.Format)
	case pair && p.Header.NoName && p.Issuer == "":
		r.fault(pos, "no header names the issuer; say with issuer whose serial numbers these are")
	case pair && p.Issuer == "" && p.IssuerNames == nil && p.Header.Format != certheader.Google:
		r.fault(pos, "%s names issuers by a text, which each gateway writes otherwise; say with issuer_names which issuer each text means, "+
			"or with issuer whose serial numbers these are", p.Header.Format)
	case p.Issuer != "" && p.IssuerNames != nil:
		r.fault(pos, "give either issuer or issuer_names")
	}
}

var (
	radixes  = map[string]certheader.Radix{"hex": certheader.Hex, "decimal": certheader.Decimal}
	elements = map[string]certheader.Element{"only": certheader.OnlyElement, "first": certheader.FirstElement, "last": certheader.LastElement}
)

func knownFormats() string { return "known are " + strings.Join(certheader.Formats(), ", ") }

func (r *reader) headerFormat(v *value, into *certheader.Format) {
	var word string
	if r.choice(v, &word, certheader.Formats()...) {
		*into = certheader.Format(word)
	}
}

// headerNames reads names of headers. The word none stands for a header that the gateway does not write.
func (r *reader) headerNames(v *value, o *certheader.Options) {
	r.object(v, keys{
		"certificate": func(v *value) { r.text(v, &o.Headers.Certificate) },
		"serial":      func(v *value) { r.text(v, &o.Headers.Serial) },
		"chain":       func(v *value) { r.headerOrNone(v, &o.Headers.Chain, &o.NoChain) },
		"issuer":      func(v *value) { r.headerOrNone(v, &o.Headers.Issuer, &o.NoName) },
	})
}

func (r *reader) headerOrNone(v *value, name *string, none *bool) {
	if r.text(v, name) && *name == "none" {
		*name, *none = "", true
	}
}

// issuerNames reads which issuer each name means that the gateway writes.
func (r *reader) issuerNames(v *value, p *Profile) {
	p.IssuerNames = map[string]string{}
	r.list(v, "name an issuer, or remove the key", func(item *value) {
		var name, issuer string
		var namePos Position
		if !r.object(item, keys{
			"name":   func(v *value) { namePos = v.pos; r.text(v, &name) },
			"issuer": func(v *value) { r.text(v, &issuer); p.issuerPos[issuer] = v.pos },
		}) || !r.need(item, "name", "write the issuer's name as the gateway does") || !r.need(item, "issuer", "name the issuer") {
			return
		}
		if _, again := p.IssuerNames[name]; again {
			r.fault(namePos, "%s is given twice; remove one", quoted(name))
		}
		p.IssuerNames[name] = issuer
	})
}

func (r *reader) callers(v *value, c *Callers) {
	r.object(v, keys{
		"cidrs":        func(v *value) { c.CIDRs = r.prefixes(v) },
		"certificates": func(v *value) { c.Certificates = r.identities(v) },
		"token_file": func(v *value) {
			if r.path(v, &c.TokenFile) {
				c.Token = r.tokenFile(v.pos, c.TokenFile)
			}
		},
	})
}

// identities reads names of peers: each a mapping of one kind to its value.
func (r *reader) identities(v *value) []verify.Identity {
	list := []verify.Identity{}
	r.list(v, "name somebody, or remove the key", func(item *value) {
		read := func(kind verify.IdentityKind) func(*value) {
			return func(v *value) {
				var text string
				if !r.text(v, &text) {
					return
				}
				i, err := verify.NewIdentity(kind, text)
				if err != nil {
					r.fault(v.pos, "%v", err)
					return
				}
				list = append(list, i)
			}
		}
		if r.object(item, keys{"dns": read(verify.IdentityDNS), "ip": read(verify.IdentityIP), "uri": read(verify.IdentityURI),
			"email": read(verify.IdentityEmail), "cn": read(verify.IdentityCN)}) && len(item.fields) != 1 {
			r.fault(item.pos, "is one of dns, ip, uri, email and cn; write several as several items of the list")
		}
	})
	return list
}
