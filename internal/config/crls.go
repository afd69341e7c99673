package config

import (
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// scheme tells a URL from a plain path. One letter before a colon is no scheme but a drive.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`)

func (r *reader) crls(v *value) []CRL {
	var list []CRL
	r.list(v, "name a CRL, or remove crls if the issuer is administered here", func(item *value) {
		c := CRL{Pos: item.pos}
		var hosts *value
		if !r.object(item, keys{
			"url":            func(v *value) { c.Pos = v.pos; r.crlURL(v, &c.URL) },
			"delta":          r.later("delta CRLs are"),
			"redirect_hosts": func(v *value) { hosts = v; c.RedirectHosts = r.hosts(v) },
		}) || !r.need(item, "url", "say where the CRL is: http://…, https://…, file:///… or a path") {
			return
		}
		switch {
		case hosts != nil && strings.HasPrefix(c.URL, "file:"):
			r.fault(hosts.pos, "a file is not redirected; remove redirect_hosts")
		case c.URL != "" && slices.ContainsFunc(list, func(other CRL) bool { return other.URL == c.URL }):
			r.fault(c.Pos, "this issuer has this CRL already; remove one")
		}
		list = append(list, c)
	})
	return list
}

// crlURL reads the URL of a CRL. A plain path becomes a file URL.
func (r *reader) crlURL(v *value, into *string) {
	var text string
	if !r.text(v, &text) {
		return
	}
	if !scheme.MatchString(text) {
		r.crlFile(v, r.absolute(text), into)
		return
	}
	u, err := url.Parse(text)
	if err != nil {
		// The error quotes the URL, which may hold a password.
		r.fault(v.pos, "is no valid URL; write http://HOST/PATH, with unusual characters as %%XX")
		return
	}
	switch u.Scheme {
	case "http", "https":
		if problem := webProblem(u); problem != "" {
			r.fault(v.pos, "%s", problem)
			return
		}
		*into = u.String()
	case "file":
		if !(u.Host == "" || u.Host == "localhost") || !strings.HasPrefix(u.Path, "/") || u.RawQuery != "" || u.Fragment != "" {
			r.fault(v.pos, "a file URL is file:/// and the absolute path; write that, or the path alone")
			return
		}
		r.crlFile(v, filepath.Clean(u.Path), into)
	case "ldap", "ldaps":
		r.fault(v.pos, "%s is not supported yet and comes with a later version; use the CA's http URL or a file", u.Scheme)
	default:
		r.fault(v.pos, "CRLs are not fetched by %q; use http, https, file or a path (with ./ before a file name that has a colon)", u.Scheme+":")
	}
}

// crlFile makes the file URL of a CRL. The file may come later, so that its absence is no fault.
func (r *reader) crlFile(v *value, name string, into *string) {
	switch info, err := os.Stat(name); {
	case errors.Is(err, fs.ErrNotExist):
		r.warn(v.pos, "there is no file %s yet; until it comes the issuer's serials are unknown", name)
	case err != nil:
		r.fault(v.pos, "cannot see %s: %v", name, cause(err))
	case info.IsDir():
		r.fault(v.pos, "%s is a folder; name the CRL file in it", name)
	}
	*into = (&url.URL{Scheme: "file", Path: name}).String()
}

// webProblem says what is wrong with an http or https URL, "" when nothing is.
func webProblem(u *url.URL) string {
	switch {
	case u.Hostname() == "":
		return "the URL has no host; write http://HOST/PATH"
	case u.User != nil:
		return "the URL has a user name or password, which CRL servers do not need; remove it"
	case u.Fragment != "":
		return "the URL has a fragment (#), which is never sent; remove it"
	case strings.Contains(u.Host, "%"):
		return "the URL's address has a zone, which means nothing to another host; use an address without one"
	}
	return ""
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
