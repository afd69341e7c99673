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

		{"a folder is read", "file:///var/lib/crl/", ""},
		{"pushed CRLs have a source", "push:", ""},
		{"several pushed series have names", "push:users-2", ""},
		{"the delta CRLs that the complete one names", "freshest:", ""},
		{"several such series have names", "freshest:users-2", ""},
		{"such a name is lower case", "freshest:http://a", "a-z"},
		{"an entry of a directory is read", "ldap://dir.corp/CN=Corp%20CA,DC=corp", ""},
		{"ldaps with port and attribute is read", "ldaps://dir.corp:3269/CN=a?certificateRevocationList;binary", ""},
		{"the URL of Active Directory is read, given a host", "ldap://dc1/CN=Corp CA,CN=dc1,CN=CDP,DC=corp?certificateRevocationList?base?objectClass=cRLDistributionPoint", ""},
		{"an LDAP URL with a filter and an extension is read", "ldap://d/cn=a?deltaRevocationList?BASE?(&(a=b)(c=*))?x-y", ""},

		{"a named push source is lower case", "push:Users", "a-z"},
		{"a push source has no host", "push://a", "a-z"},
		{"a directory without host is refused", "ldap:///CN=a,DC=corp?certificateRevocationList", "no directory server"},
		{"a directory's root is refused", "ldap://dir.corp", "names no entry"},
		{"what is no distinguished name is refused", "ldap://dir.corp/devices", "distinguished name"},
		{"a search below the entry is refused", "ldap://d/cn=a?certificateRevocationList?sub", "scope"},
		{"several attributes are refused", "ldap://d/cn=a?a,b", "one attribute"},
		{"a broken filter is refused", "ldap://d/cn=a??base?(a=b", "filter"},
		{"a critical extension is refused", "ldap://d/cn=a????!bindname=cn=x", "critical"},
		{"too many question marks are refused", "ldap://d/cn=a?????", "question marks"},
		{"a bad escape is refused", "ldap://d/cn=a?%zz", "hexadecimal"},
		{"credentials of a directory are refused", "ldap://me:secret@d/cn=a", "user name or password"},

		{"no scheme is refused", "/var/lib/a.crl", "no scheme"},
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
