package crlfetch

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vetopki/veto/revocation"
)

const maxRedirects = 3

// redirects decides on each redirect of one fetch: at most three, only to the hosts the configuration names, never from https
// to http, and to nothing CheckURL would refuse. Details name the host only: a Location may hold a secret.
func redirects(from *url.URL, src Source) func(next *http.Request, via []*http.Request) error {
	allowed := append([]string{from.Hostname()}, src.RedirectHosts...)
	return func(next *http.Request, via []*http.Request) error {
		refuse := func(format string, args ...any) error {
			return revocation.Refuse("redirect", "RFC 9110 §15.4", format, args...)
		}
		host := strings.ToLower(next.URL.Hostname())
		switch {
		case len(via) > maxRedirects:
			return refuse("the server redirects more than %d times", maxRedirects)
		case next.URL.Scheme != "http" && next.URL.Scheme != "https":
			return refuse("the server redirects to scheme %.20q", next.URL.Scheme)
		case via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme == "http":
			return refuse("the server redirects from https to http (host %q)", host)
		case next.URL.User != nil, strings.Contains(host, "%"):
			return refuse("the server redirects to a URL with credentials or an address zone")
		case !slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, host) }):
			return refuse("the server redirects to host %q; if that is right, add it to redirect_hosts", host)
		}
		return nil
	}
}
