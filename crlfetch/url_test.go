package crlfetch

import (
	"strings"
	"testing"

	"github.com/vetopki/veto/revocation"
)

func TestCheckURL(t *testing.T) {
	tests := []struct{ name, url, wrong string }{
		{"http is fetched", "http://pki.corp/devices.crl", ""},
		{"https with port, path and query is fetched", "https://pki.corp:8443/CertEnroll/a%20b.crl?v=1", ""},
		{"an IPv6 address is fetched", "http://[2001:db8::1]/a.crl", ""},
		{"a delta's plus sign stays", "http://pki.corp/devices+.crl", ""},
		{"a file is read", "file:///var/lib/crl/a.crl", ""},
		{"a file on localhost is read", "file://localhost/a.crl", ""},

		{"no scheme is refused", "/var/lib/a.crl", "no scheme"},
		{"ldap comes later", "ldap://dir.corp/cn=a", "later version"},
		{"ldaps comes later", "ldaps://dir.corp/cn=a", "later version"},
		{"gopher is refused", "gopher://a/b", `"gopher"`},
		{"ftp is refused", "ftp://a/b", `"ftp"`},
		{"a user name is refused", "http://me@pki.corp/a.crl", "user name or password"},
		{"a password is refused and not repeated", "http://me:secret@pki.corp/a.crl", "user name or password"},
		{"a fragment is refused", "http://pki.corp/a.crl#x", "fragment"},
		{"an empty fragment is refused", "http://pki.corp/a.crl#", "fragment"},
		{"an IPv6 zone is refused", "http://[fe80::1%25eth0]/a.crl", "zone"},
		{"no host is refused", "http:///a.crl", "no host"},
		{"a port alone is no host", "http://:80/a.crl", "no host"},
		{"port 0 is refused", "http://a:0/", "port"},
		{"port 65536 is refused", "http://a:65536/", "port"},
		{"an opaque URL is refused", "http:a.crl", "lacks //"},
		{"a remote file is refused", "file://server/a.crl", "this machine"},
		{"a relative file is refused", "file:a.crl", "lacks //"},
		{"a folder is refused", "file:///var/lib/", "absolute path of a file"},
		{"a file with a query is refused", "file:///a?b", "no query"},
		{"a NUL in a path is refused", "file:///a%00b", "NUL"},
		{"a control character is refused", "http://a/\n", "not a URL"},
		{"nothing is refused", "", "no scheme"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := CheckURL(tt.url)
			switch {
			case tt.wrong == "" && err != nil:
				t.Errorf("CheckURL(%q) = %v, want nil", tt.url, err)
			case tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)):
				t.Errorf("CheckURL(%q) = %v, want an error with %q", tt.url, err, tt.wrong)
			case tt.wrong != "" && revocation.RuleOf(err, "") != "url":
				t.Errorf("CheckURL(%q) refuses by rule %q, want url", tt.url, revocation.RuleOf(err, ""))
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("the error %q repeats the password", err)
			}
		})
	}
}
