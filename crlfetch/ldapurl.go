package crlfetch

import (
	"net/url"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// ldapSearch is what an LDAP URL asks for (RFC 4516 §2): one attribute of one entry.
type ldapSearch struct {
	dn        string
	attribute string // without ;binary
	filter    string
}

// Where a directory keeps the CRLs of a CA, and its delta CRLs, unless the URL names another attribute (RFC 4523 §4.4, §4.6). Active
// Directory uses the same two, and its CAs write them into their URLs.
const (
	crlAttribute   = "certificateRevocationList"
	deltaAttribute = "deltaRevocationList"
)

const binaryOption = ";binary"

// parseLDAP reads ldap://HOST/DN?ATTRIBUTE?SCOPE?FILTER?EXTENSIONS, of which all but the DN may be left out. The filter may lack
// its parentheses, as it does in the URLs that Active Directory's CAs write. attribute is what is read when the URL names none.
func parseLDAP(u *url.URL, attribute string) (ldapSearch, error) {
	s := ldapSearch{dn: strings.TrimPrefix(u.Path, "/"), attribute: attribute, filter: "(objectClass=*)"}
	parts := strings.Split(u.RawQuery, "?")
	if len(parts) > 4 {
		return s, refuseURL("an LDAP URL has at most four question marks: ldap://HOST/DN?ATTRIBUTE?base?FILTER")
	}
	for i, part := range parts {
		text, err := url.PathUnescape(part)
		if err != nil {
			return s, refuseURL("the LDAP URL has a %% that is not followed by two hexadecimal digits")
		}
		if text == "" {
			continue
		}
		if err := [...]func(string) error{s.setAttribute, checkScope, s.setFilter, checkExtensions}[i](text); err != nil {
			return s, err
		}
	}
	if s.dn == "" {
		return s, refuseURL("the LDAP URL names no entry; write %s://HOST/DN", u.Scheme)
	}
	if _, err := ldap.ParseDN(s.dn); err != nil {
		return s, refuseURL("the LDAP URL does not name an entry by its distinguished name (RFC 4514)")
	}
	return s, nil
}

func (s *ldapSearch) setAttribute(text string) error {
	name := text
	if i := len(text) - len(binaryOption); i > 0 && strings.EqualFold(text[i:], binaryOption) {
		name = text[:i]
	}
	if strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return refuseURL("an LDAP URL of a CRL names one attribute, such as certificateRevocationList;binary")
	}
	s.attribute = name
	return nil
}

func checkScope(text string) error {
	if !strings.EqualFold(text, "base") {
		return refuseURL("the LDAP URL asks for scope %.10q; a CRL is read from one entry, which is scope base", text)
	}
	return nil
}

func (s *ldapSearch) setFilter(text string) error {
	if !strings.HasPrefix(text, "(") {
		text = "(" + text + ")"
	}
	if _, err := ldap.CompileFilter(text); err != nil {
		return refuseURL("the filter of the LDAP URL is not valid (RFC 4515)")
	}
	s.filter = text
	return nil
}

// checkExtensions refuses extensions that must be understood (RFC 4516 §2); others may be ignored.
func checkExtensions(text string) error {
	for extension := range strings.SplitSeq(text, ",") {
		if strings.HasPrefix(extension, "!") {
			return refuseURL("the LDAP URL has a critical extension (!…), and none is known here")
		}
	}
	return nil
}
