package crlfetch

import (
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/vetopki/veto/revocation"
)

// CheckURL says whether raw can be a source: http, https, ldap, ldaps, file with the absolute path of a file or, ending in a
// slash, of a folder, push: for CRLs that are pushed, or freshest: for the delta CRLs that the complete one names. Anything that could hide where a request goes is refused: credentials,
// fragments, zones of IPv6 addresses, other schemes. The error is a [revocation.Refusal] with rule "url" and a sentence for the
// person who wrote the configuration.
func CheckURL(raw string) error {
	_, err := parseURL(raw)
	return err
}

func parseURL(raw string) (*url.URL, error) {
	for _, scheme := range []string{pushScheme, freshestScheme} {
		if name, ok := strings.CutPrefix(raw, scheme); ok {
			return parseNamed(scheme, name)
		}
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, refuseURL("this is not a URL; write http://HOST/PATH, https://HOST/PATH, ldap://HOST/DN or file:///PATH")
	case u.User != nil:
		return nil, refuseURL("a CRL URL must not hold a user name or password; CRLs are public and signed")
	case strings.Contains(raw, "#"):
		return nil, refuseURL("a CRL URL must not have a fragment (#…)")
	case u.Opaque != "":
		return nil, refuseURL("%q lacks // after the scheme", u.Scheme+":"+u.Opaque)
	}
	switch u.Scheme {
	case "http", "https":
		return u, checkHost(u)
	case "ldap", "ldaps":
		return u, checkLDAP(u)
	case "file":
		return u, checkFile(u)
	case "":
		return nil, refuseURL("the URL has no scheme; write http://HOST/PATH, https://HOST/PATH, ldap://HOST/DN or file:///PATH")
	}
	return nil, refuseURL("scheme %q is not fetched; use http, https, ldap, ldaps, file, push: or freshest:", u.Scheme)
}

const (
	pushScheme     = "push:"
	freshestScheme = "freshest:"
)

func isPush(raw string) bool { return strings.HasPrefix(raw, pushScheme) }

// parseNamed reads what follows push: or freshest:, nothing or a name that tells several such series of one issuer apart.
func parseNamed(scheme, name string) (*url.URL, error) {
	if len(name) > 63 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return nil, refuseURL("write %s alone, or %s and a name of up to 63 of a-z, 0-9 and -", scheme, scheme)
	}
	return &url.URL{Scheme: strings.TrimSuffix(scheme, ":"), Opaque: name}, nil
}

// isFolder says whether a file URL names a folder.
func isFolder(u *url.URL) bool { return strings.HasSuffix(u.Path, "/") }

func checkLDAP(u *url.URL) error {
	if u.Host == "" {
		return refuseURL("the URL names no directory server; write %s://HOST/DN", u.Scheme)
	}
	if err := checkHost(u); err != nil {
		return err
	}
	_, err := parseLDAP(u, crlAttribute)
	return err
}

func checkHost(u *url.URL) error {
	host := u.Hostname()
	switch {
	case host == "":
		return refuseURL("the URL has no host")
	case strings.Contains(host, "%"):
		return refuseURL("an IPv6 address with a zone (%%…) means something else on every machine; use a name or a global address")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return refuseURL("port %q is not between 1 and 65535", p)
		}
	}
	return nil
}

func checkFile(u *url.URL) error {
	switch {
	case u.Host != "" && u.Host != "localhost":
		return refuseURL("a file URL names a file of this machine: write file:///PATH with three slashes, not a host %q", u.Host)
	case u.RawQuery != "" || u.ForceQuery:
		return refuseURL("a file URL has no query (?…); write a question mark in a file name as %%3F")
	case !path.IsAbs(u.Path):
		return refuseURL("a file URL needs an absolute path: file:///PATH, or file:///PATH/ for all CRLs in a folder")
	case strings.ContainsRune(u.Path, 0):
		return refuseURL("a path cannot hold a NUL character")
	}
	return nil
}

func refuseURL(format string, args ...any) error {
	return revocation.Refuse("url", "", format, args...)
}

// hostOf is the host a source bothers; sources of one host share its limit. What needs no network shares the host "".
func hostOf(raw string) string {
	u, err := parseURL(raw)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
