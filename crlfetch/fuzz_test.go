package crlfetch

import (
	"net/url"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/vetopki/veto/revocation"
)

// FuzzCheckURL holds that whatever an operator or a certificate writes is a URL that can be asked for, or is refused by rule "url".
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"http://pki.corp/a.crl", "https://[2001:db8::1]:8443/a?b", "file:///a/", "push:users", "freshest:", "freshest:Users",
		"ldap://dc1/CN=Corp CA,DC=corp?certificateRevocationList;binary?base?(objectClass=cRLDistributionPoint)?x",
		"ldap:///CN=a?b?sub", "ldaps://d/cn=%00%ff??base?(&(a=b)(!(c=*d)))", "http://u:p@h/#f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := parseURL(raw)
		if err != nil {
			if revocation.RuleOf(err, "") != "url" {
				t.Fatalf("%q is refused by %v", raw, err)
			}
			return
		}
		if u.User != nil || u.Fragment != "" {
			t.Fatalf("%q hides where it goes", raw)
		}
		switch u.Scheme {
		case "http", "https", "ldap", "ldaps":
			checkAskable(t, raw, u)
		case "file", "push", "freshest":
		default:
			t.Fatalf("%q has scheme %q", raw, u.Scheme)
		}
	})
}

func checkAskable(t *testing.T, raw string, u *url.URL) {
	if u.Hostname() == "" {
		t.Fatalf("%q has no host", raw)
	}
	if u.Scheme[0] != 'l' {
		return
	}
	s, err := parseLDAP(u, crlAttribute)
	if err != nil || s.dn == "" || s.attribute == "" {
		t.Fatalf("%q asks for %+v, %v", raw, s, err)
	}
	if _, err := ldap.CompileFilter(s.filter); err != nil {
		t.Fatalf("%q has the filter %q: %v", raw, s.filter, err)
	}
}
