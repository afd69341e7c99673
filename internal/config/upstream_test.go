package config

import (
	"crypto"
	"slices"
	"strings"
	"testing"
)

func TestFaultsOfUpstream(t *testing.T) {
	f := newFolder(t)
	for _, row := range []struct{ name, text, want string }{
		{"nothing said", "upstream: {relay: true}", "4:13 issuers[0].upstream.url: is missing; say where the CA's OCSP responder is"},
		{"both places", "upstream: {url: http://a/, from_certificate: device.pem}", "4:48 issuers[0].upstream.from_certificate: "},
		{"a directory", "upstream: {url: 'ldap://a/cn=b'}", "4:19 issuers[0].upstream.url: OCSP responders are asked by http or https"},
		{"a file", "upstream: {url: responder}", "4:19 issuers[0].upstream.url: OCSP responders are asked by http or https"},
		{"a password", "upstream: {url: 'http://u:hush@a/'}", "4:19 issuers[0].upstream.url: the URL has a user name or password"},
		{"no URL", "upstream: {url: 'http://a b/%'}", "4:19 issuers[0].upstream.url: is no valid URL"},
		{"no host", "upstream: {url: 'http:///'}", "4:19 issuers[0].upstream.url: the URL has no host"},
		{"a word for nonce", "upstream: {url: http://a/, nonce: true}", `4:37 issuers[0].upstream.nonce: "true" is not one of off, sent, required`},
		{"a hash nobody uses", "upstream: {url: http://a/, hash: md5}", `4:36 issuers[0].upstream.hash: "md5" is not one of sha1, sha256`},
		{"asking all the time", "upstream: {url: http://a/, every: 1s}", "4:37 issuers[0].upstream.every: \"1s\" is out of range; it is between 1m and 30d"},
		{"a certificate of another CA", "upstream: {from_certificate: supplier.pem}", "4:32 issuers[0].upstream.from_certificate: " + f.path("supplier.pem") + " was not issued by a"},
		{"every issued serial signed ahead", "ocsp: {presign: issued}\n  upstream: {url: http://a/}", "4:19 issuers[0].ocsp.presign: would ask the CA's own responder"},
		{"a certificate without responder", "upstream: {from_certificate: device.pem}", "4:32 issuers[0].upstream.from_certificate: " + f.path("device.pem") + " names no OCSP responder"},
		{"an inventory that is on", "inventory: true", `4:14 issuers[0].inventory: "true" is not one of optional, required`},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, faults := Parse("veto.yaml", []byte("issuers:\n- name: a\n  certificate: corp-devices.pem\n  "+row.text+"\n"), f.dir, environment())
			if !slices.ContainsFunc(faults, func(f Fault) bool { return strings.HasPrefix(short(f), row.want) }) {
				t.Errorf("got %v, want %s", faults, row.want)
			}
		})
	}
}

func TestTheResponderOfACertificateIsRead(t *testing.T) {
	f := newFolder(t)
	c, faults := Parse("veto.yaml", []byte("issuers:\n- name: a\n  certificate: corp-devices.pem\n"+
		"  upstream: {from_certificate: odd-responder.pem, nonce: required, hash: sha256, relay: true}\n"), f.dir, environment())
	if faults != nil {
		t.Fatal(faults)
	}
	u := c.Issuers[0].Upstream
	if !slices.Equal(u.URLs, []string{"http://ocsp.corp/"}) || u.Nonce != NonceRequired || u.Hash != crypto.SHA256 || !u.Relay || c.Issuers[0].Administered() {
		t.Errorf("got %+v", u)
	}
	if len(c.Warnings) != 3 { // three responders that are passed over; no word of a missing signer, since answers are relayed
		t.Errorf("warnings %v", c.Warnings)
	}
	for _, w := range c.Warnings {
		if !strings.Contains(w.Message, "passed over") {
			t.Errorf("warning %s", w)
		}
	}
}
