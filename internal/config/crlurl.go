package config

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// scheme tells a URL from a plain path. One letter before a colon is no scheme but a drive.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):`)

// pushURL is a source whose CRLs are pushed; a name tells several of one issuer apart.
var pushURL = regexp.MustCompile(`^push:[a-z0-9-]{0,63}$`)

// crlURL reads the URL of a CRL. A plain path becomes a file URL.
func (r *reader) crlURL(v *value, into *string) {
	var text string
	if !r.text(v, &text) {
		return
	}
	if !scheme.MatchString(text) {
		r.crlFile(v, text, r.absolute(text), into)
		return
	}
	u, err := url.Parse(text)
	if err != nil {
		// The error quotes the URL, which may hold a password.
		r.fault(v.pos, "is no valid URL; write http://HOST/PATH, with unusual characters as %%XX")
		return
	}
	switch u.Scheme {
	case "http", "https", "ldap", "ldaps":
		if problem := urlProblem(u); problem != "" {
			r.fault(v.pos, "%s", problem)
			return
		}
		*into = u.String()
	case "file":
		if !(u.Host == "" || u.Host == "localhost") || !strings.HasPrefix(u.Path, "/") || u.RawQuery != "" || u.Fragment != "" {
			r.fault(v.pos, "a file URL is file:/// and the absolute path; write that, or the path alone")
			return
		}
		r.crlFile(v, u.Path, filepath.Clean(u.Path), into)
	case "push":
		if !pushURL.MatchString(text) {
			r.fault(v.pos, "a source of pushed CRLs is push: alone, or push: and a name of up to 63 of a-z, 0-9 and -")
			return
		}
		*into = text
	default:
		r.fault(v.pos, "CRLs are not fetched by %q; use http, https, ldap, ldaps, file, push: or a path (with ./ before a file name that has a colon)",
			u.Scheme+":")
	}
}

// crlFile makes the file URL of a CRL, or of a folder of CRLs, which ends in a slash. Either may come later, so that its absence
// is no fault.
func (r *reader) crlFile(v *value, written, name string, into *string) {
	folder := strings.HasSuffix(written, "/")
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.warn(v.pos, "there is no %s %s yet; until it comes the issuer's serials are unknown", map[bool]string{true: "folder", false: "file"}[folder], name)
	case err != nil:
		r.fault(v.pos, "cannot see %s: %v", name, cause(err))
	case folder && !info.IsDir():
		r.fault(v.pos, "%s is a file; write it without the slash at its end", name)
	case info.IsDir() && !folder && written != v.text: // a URL names its scope as it is written
		r.fault(v.pos, "%s is a folder; end the URL with a slash to read all CRLs in it", name)
	case info.IsDir():
		folder = true
	}
	if folder && name != "/" {
		name += "/"
	}
	*into = (&url.URL{Scheme: "file", Path: name}).String()
}

// urlProblem says what is wrong with a URL of a server, "" when nothing is.
func urlProblem(u *url.URL) string {
	directory := u.Scheme == "ldap" || u.Scheme == "ldaps"
	switch {
	case u.Hostname() == "" && directory:
		return "the URL names no directory server, as those that a CA writes into certificates; write " + u.Scheme + "://HOST/DN?certificateRevocationList;binary"
	case u.Hostname() == "":
		return "the URL has no host; write http://HOST/PATH"
	case u.User != nil:
		return "the URL has a user name or password, which CRL servers do not need; remove it"
	case u.Fragment != "":
		return "the URL has a fragment (#), which is never sent; remove it"
	case strings.Contains(u.Host, "%"):
		return "the URL's address has a zone, which means nothing to another host; use an address without one"
	case directory && strings.Trim(u.Path, "/") == "":
		return "the URL names no entry of the directory; write " + u.Scheme + "://HOST/DN?certificateRevocationList;binary"
	}
	return ""
}
