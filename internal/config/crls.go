package config

import (
	"net"
	"regexp"
	"slices"
	"strings"
)

func (r *reader) crls(v *value) []CRL {
	var list []CRL
	r.list(v, "name a CRL, or remove crls if the issuer is administered here", func(item *value) {
		if c, ok := r.crl(item); ok {
			r.crlOnce(c, list)
			list = append(list, c)
		}
	})
	return list
}

func (r *reader) crl(item *value) (c CRL, ok bool) {
	c.Pos = item.pos
	var hosts, mirrors, deltaMirrors *value
	if !r.object(item, keys{
		"url":                func(v *value) { c.Pos = v.pos; r.crlURL(v, &c.URL) },
		"mirrors":            func(v *value) { mirrors = v; c.Mirrors = r.mirrors(v) },
		"from_certificate":   func(v *value) { c.Pos = v.pos; r.crlCertificate(v, &c) },
		"delta":              func(v *value) { c.deltaPos = v.pos; r.delta(v, &c.Delta) },
		"delta_mirrors":      func(v *value) { deltaMirrors = v; c.DeltaMirrors = r.mirrors(v) },
		"signer":             func(v *value) { r.crlSigner(v, &c) },
		"distribution_point": func(v *value) { r.distributionPoint(v, &c.DistributionPoint) },
		"redirect_hosts":     func(v *value) { hosts = v; c.RedirectHosts = r.hosts(v) },
	}) {
		return c, false
	}
	r.deltaMirrors(deltaMirrors, item, &c)
	switch from := has(item, "from_certificate"); {
	case from && has(item, "url"):
		r.fault(c.Pos, "give either url or from_certificate: the certificate says where the CRL is")
	case from && mirrors != nil:
		r.fault(mirrors.key, "the certificate's URLs are each other's mirrors; remove mirrors, or write them out with url and mirrors")
	case !from && !r.need(item, "url", "say where the CRL is: http://…, https://…, ldap://…, file:///…, push: or a path"):
		return c, false
	case mirrors != nil && isPush(c.URL):
		r.fault(mirrors.key, "a pushed CRL is not fetched and has no mirrors; remove them")
	case hosts != nil && c.URL != "" && !slices.ContainsFunc(c.urls(), isWeb) && c.Delta != Freshest:
		r.fault(hosts.pos, "only http and https are redirected; remove redirect_hosts")
	}
	return c, true
}

// urls are all places of the CRL and of its delta CRL.
func (c *CRL) urls() []string {
	list := append([]string{c.URL}, c.Mirrors...)
	if c.Delta != "" {
		list = append(append(list, c.Delta), c.DeltaMirrors...)
	}
	return list
}

// crlOnce refuses a place that the issuer, or the CRL itself, has already.
func (r *reader) crlOnce(c CRL, before []CRL) {
	named := func(url string) bool {
		return url != "" && url != Freshest &&
			slices.ContainsFunc(before, func(other CRL) bool { return other.URL == url || other.Delta == url })
	}
	if named(c.URL) {
		r.fault(c.Pos, "this issuer has this CRL already; remove one")
	}
	if named(c.Delta) {
		r.fault(c.deltaPos, "this issuer has this CRL already; a delta CRL belongs to one complete CRL")
	}
	for i, m := range c.urls() {
		if m != "" && slices.Contains(c.urls()[:i], m) {
			r.fault(c.Pos, "%s is listed twice; remove one", quoted(m))
		}
	}
}

func (r *reader) mirrors(v *value) []string {
	var urls []string
	r.list(v, "name another URL of the CRL, or remove mirrors", func(item *value) {
		var u string
		r.crlURL(item, &u)
		switch {
		case isPush(u):
			r.fault(item.pos, "push: is no mirror: it is never fetched")
		case u != "":
			urls = append(urls, u)
		}
	})
	return urls
}

func isPush(url string) bool { return strings.HasPrefix(url, "push:") }

func isWeb(url string) bool {
	return strings.HasPrefix(url, "http:") || strings.HasPrefix(url, "https:")
}

func (r *reader) hosts(v *value) []string {
	var hosts []string
	r.list(v, "name a host, or remove redirect_hosts", func(item *value) {
		var host string
		if !r.text(item, &host) {
			return
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		if net.ParseIP(host) == nil && !hostName.MatchString(host) {
			r.fault(item.pos, "%s is no host; write its name or address alone, without scheme, port, path or wildcard", item.shown())
			return
		}
		hosts = append(hosts, host)
	})
	return hosts
}

var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$`)
