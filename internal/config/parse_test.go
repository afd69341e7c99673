package config

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// short is a fault as "line:column path" and the beginning of its message.
func short(f Fault) string { return fmt.Sprintf("%d:%d %s: %s", f.Line, f.Column, f.Path, f.Message) }

func TestTenFaultsAreReportedAtOnceEachWhereItIs(t *testing.T) {
	f := newFolder(t)
	text := `data_dir: ${VETO_NOWHERE}
public: {listen: 8080, lsten: ":1"}
api:
  tls: {certificate: api.pem, key: ocsp.key}
issuers:
  - name: Corp Devices
    certificate: both.pem
    crls:
      - url: ldap:///cn=devices
      - delta: ftp://pki.corp/d.crl
    refresh: {every: 0s, max_bytes: lots}
  - name: é
    certificate: ocsp.pem
    name: users
profiles:
  - {name: edge, header: nginx, trust: {}}
`
	_, faults := Parse("veto.yaml", []byte(text), f.dir, environment())
	want := []string{
		`1:11 data_dir: environment variable VETO_NOWHERE is not set; `,
		`2:18 public.listen: "8080" is no address to listen on; write HOST:PORT`,
		`2:24 public: unknown key "lsten"; did you mean "listen"?`,
		`4:36 api.tls.key: the key in ` + f.path("ocsp.key") + ` does not belong to the first certificate in ` + f.path("api.pem"),
		`6:11 issuers[0].name: "Corp Devices" is no issuer name; use 1 to 63 of a-z, 0-9 and -`,
		`7:18 issuers[0].certificate: ` + f.path("both.pem") + ` holds a certificate of CN=Users,O=veto beside one of CN=Devices,O=veto; several`,
		`9:14 issuers[0].crls[0].url: the URL names no directory server`,
		`10:9 issuers[0].crls[1].url: is missing; say where the CRL is`,
		`10:16 issuers[0].crls[1].delta: CRLs are not fetched by "ftp:"`,
		`11:22 issuers[0].refresh.every: "0s" is out of range; it is between 1s and 30d`,
		`11:37 issuers[0].refresh.max_bytes: "lots" is no size; write a whole number with KiB`,
		`12:11 issuers[1].name: "é" is no issuer name`,
		`13:18 issuers[1].certificate: ` + f.path("ocsp.pem") + ` (CN=ocsp.test) is not a CA certificate`,
		`14:5 issuers[1].name: given twice, first on line 12; remove one`,
		`16:26 profiles[0].header: "nginx" is not one of apache, `,
		`16:40 profiles[0].trust: is empty; say who may ask`,
	}
	compareFaults(t, want, faults)
	if line := strings.Split(faults.Error(), "\n")[4]; !strings.HasPrefix(line, `veto.yaml:6:11: issuers[0].name: "Corp Devices" is no`) {
		t.Errorf("printed as %s", line)
	}
}

func compareFaults(t *testing.T, want []string, faults []Fault) {
	t.Helper()
	for i := range max(len(want), len(faults)) {
		switch {
		case i >= len(faults):
			t.Errorf("missing: %s", want[i])
		case i >= len(want):
			t.Errorf("too many: %s", short(faults[i]))
		case !strings.HasPrefix(short(faults[i]), want[i]):
			t.Errorf("got  %s\nwant %s", short(faults[i]), want[i])
		}
	}
}

func TestFaults(t *testing.T) {
	f := newFolder(t)
	issuer := func(rest string) string { return "issuers:\n- name: a\n  certificate: corp-devices.pem\n" + rest }
	for _, row := range []struct{ name, text, want string }{
		{"a syntax error ends the reading at its place", "data_dir: /x\npublic: {listen: [\n", "2:18 : not valid YAML: "},
		{"a tab is not indentation", "api:\n\tlisten: x\n", "2:1 : not valid YAML: found character"},
		{"a file that is not text", "\xff\xfe", "1:1 : the file is not UTF-8 text"},
		{"nesting without end", strings.Repeat("[", 100000), "1:33 : nested more than 32 deep"},
		{"a list in one line without end", strings.Repeat("- ", 100000) + "x", "1:65 : nested more than 32 deep"},
		{"a list is not a configuration", "- a\n", "1:1 : must be a mapping, this is a list"},
		{"a word is not a configuration", "veto\n", "1:1 : must be a mapping, this is one value"},
		{"a second document", "data_dir: /x\n---\ndata_dir: /y\n", "3:1 : a second YAML document begins"},
		{"an anchor that is not there", "data_dir: *x\n", "1:11 data_dir: *x refers to no anchor above"},
		{"an anchor inside itself", "issuers: &x [*x]\n", "1:14 issuers[0]: *x refers to no anchor above"},
		{"a merge key", "log: {<<: 1}\n", "1:7 log: merge keys (<<) are not used here"},
		{"a tag", "data_dir: !!str x\n", "1:11 data_dir: YAML tags"},
		{"an unknown key at the top", "isuers: []\n", `1:1 : unknown key "isuers"; did you mean "issuers"?`},
		{"an abbreviated key", "issuers: [{name: a, cert: x}]\n", `1:21 issuers[0]: unknown key "cert"; did you mean "certificate"?`},
		{"an unknown key like no other", "zzz: 1\n", `1:1 : unknown key "zzz"; known here: admin, api, data_dir, egress, ingest_memory, issuers, log, ocsp, profiles, public, trust`},
		{"an unknown key that repeats is twice", "zzz: 1\nzzz: 1\n", `1:1 : unknown key "zzz"; known`},
		{"a key without value", "data_dir:\npublic: {}\n", "1:1 data_dir: has no value; give it one or remove the key"},
		{"a key with a tilde", "data_dir: ~\n", "1:11 data_dir: has no value"},
		{"an empty value", `data_dir: ""`, "1:11 data_dir: is empty"},
		{"a value of two lines", "data_dir: |\n  a\n  b\n", "1:11 data_dir: has a line break"},
		{"a list where one value belongs", "data_dir: [/x]\n", "1:11 data_dir: must be one value, this is a list"},
		{"a mapping where a list belongs", "issuers: {name: a}\n", "1:10 issuers: must be a list, this is a mapping"},
		{"an open variable", "data_dir: ${X\n", "1:11 data_dir: ${ is not closed"},
		{"a default for a variable", "data_dir: ${X:-y}\n", `1:11 data_dir: "X:-y" between ${ and } is no variable name`},
		{"crls whose items are commented out", issuer("  crls:\n  # - url: x\n"), "4:3 issuers[0].crls: has no value"},
		{"crls that are empty", issuer("  crls: []\n"), "4:9 issuers[0].crls: the list is empty; name a CRL, or remove crls"},
		{"a CRL that is given twice", issuer("  crls: [{url: http://a/b}, {url: http://a/b}]\n"), "4:35 issuers[0].crls[1].url: this issuer has this CRL already"},
		{"a URL with a password", issuer("  crls: [{url: http://u:hush@a/b}]\n"), "4:16 issuers[0].crls[0].url: the URL has a user name or password"},
		{"a URL with a zone", issuer("  crls: [{url: 'http://[fe80::1%25eth0]/b'}]\n"), "4:16 issuers[0].crls[0].url: the URL's address has a zone"},
		{"a URL without host", issuer("  crls: [{url: 'http:///b'}]\n"), "4:16 issuers[0].crls[0].url: the URL has no host"},
		{"a URL with a fragment", issuer("  crls: [{url: 'http://a/b#c'}]\n"), "4:16 issuers[0].crls[0].url: the URL has a fragment"},
		{"a URL of another scheme", issuer("  crls: [{url: 'gopher://a/b'}]\n"), `4:16 issuers[0].crls[0].url: CRLs are not fetched by "gopher:"`},
		{"a URL that is none", issuer("  crls: [{url: 'http://a b:hush/%'}]\n"), "4:16 issuers[0].crls[0].url: is no valid URL"},
		{"a file URL of another host", issuer("  crls: [{url: 'file://a/b'}]\n"), "4:16 issuers[0].crls[0].url: a file URL is file:///"},
		{"a file URL that is relative", issuer("  crls: [{url: 'file:b.crl'}]\n"), "4:16 issuers[0].crls[0].url: a file URL is file:///"},
		{"a folder as URL without slash", issuer("  crls: [{url: 'file://" + f.dir + "'}]\n"), "4:16 issuers[0].crls[0].url: " + f.dir + " is a folder; end the URL with a slash"},
		{"a file with a slash", issuer("  crls: [{url: devices-local.crl/}]\n"), "4:16 issuers[0].crls[0].url: " + f.path("devices-local.crl") + " is a file"},
		{"redirects of a file", issuer("  crls: [{url: devices-local.crl, redirect_hosts: [a]}]\n"), "4:51 issuers[0].crls[0].redirect_hosts: only http and https"},
		{"a directory's root as CRL", issuer("  crls: [{url: 'ldaps://dir.corp/'}]\n"), "4:16 issuers[0].crls[0].url: the URL names no entry of the directory; write ldaps://HOST/DN"},
		{"a directory with a password", issuer("  crls: [{url: 'ldap://u:hush@dir.corp/cn=a'}]\n"), "4:16 issuers[0].crls[0].url: the URL has a user name or password"},
		{"a push source with a host", issuer("  crls: [{url: 'push://a'}]\n"), "4:16 issuers[0].crls[0].url: a source of pushed CRLs is push: alone"},
		{"mirrors of a push source", issuer("  crls: [{url: 'push:', mirrors: [http://a/b]}]\n"), "4:25 issuers[0].crls[0].mirrors: a pushed CRL is not fetched and has no mirrors"},
		{"push: as mirror", issuer("  crls: [{url: http://a/b, mirrors: ['push:']}]\n"), "4:38 issuers[0].crls[0].mirrors[0]: push: is no mirror"},
		{"mirrors that are empty", issuer("  crls: [{url: http://a/b, mirrors: []}]\n"), "4:37 issuers[0].crls[0].mirrors: the list is empty"},
		{"a mirror of another scheme", issuer("  crls: [{url: http://a/b, mirrors: ['ftp://a/b']}]\n"), `4:38 issuers[0].crls[0].mirrors[0]: CRLs are not fetched by "ftp:"`},
		{"a mirror that is the URL", issuer("  crls: [{url: http://a/b, mirrors: [http://a/b]}]\n"), `4:16 issuers[0].crls[0].url: "http://a/b" is listed twice`},
		{"a mirror twice", issuer("  crls: [{url: http://a/b, mirrors: [http://a/c, http://a/c]}]\n"), `4:16 issuers[0].crls[0].url: "http://a/c" is listed twice`},
		{"a CRL with url and from_certificate", issuer("  crls: [{url: http://a/b, from_certificate: device.pem}]\n"), "4:46 issuers[0].crls[0].from_certificate: give either url or from_certificate"},
		{"mirrors of from_certificate", issuer("  crls: [{from_certificate: device.pem, mirrors: [http://a/b]}]\n"), "4:41 issuers[0].crls[0].mirrors: the certificate's URLs are each other's mirrors"},
		{"from_certificate of another issuer", issuer("  crls: [{from_certificate: user.pem}]\n"), "4:29 issuers[0].crls[0].from_certificate: " + f.path("user.pem") + " was not issued by a (CN=Devices"},
		{"from_certificate of one that only claims the issuer", issuer("  crls: [{from_certificate: forged.pem}]\n"), "4:29 issuers[0].crls[0].from_certificate: " + f.path("forged.pem") + " was not issued by a"},
		{"from_certificate without distribution point", issuer("  crls: [{from_certificate: ocsp.pem}]\n"), "4:29 issuers[0].crls[0].from_certificate: " + f.path("ocsp.pem") + " has no CRL distribution point that can be fetched"},
		{"from_certificate that is malformed", issuer("  crls: [{from_certificate: odd.pem}]\n"), "4:29 issuers[0].crls[0].from_certificate: " + f.path("odd.pem") + " has CRL distribution points that cannot be read"},
		{"from_certificate that is not there", issuer("  crls: [{from_certificate: no.pem}]\n"), "4:29 issuers[0].crls[0].from_certificate: cannot read "},
		{"an egress range that is none", "egress: {allow: [corp]}\n", `1:18 egress.allow[0]: "corp" is no range of addresses`},
		{"an egress range with bits beyond its length", "egress: {deny: [10.1.2.3/8]}\n", `1:17 egress.deny[0]: "10.1.2.3/8" has bits beyond its length; did you mean 10.0.0.0/8, or the one address 10.1.2.3?`},
		{"an IPv4 egress range written as IPv6", "egress: {deny: ['::ffff:10.0.0.0/104']}\n", `1:17 egress.deny[0]: "::ffff:10.0.0.0/104" is an IPv4 address in IPv6 form`},
		{"a redirect host with a port", issuer("  crls: [{url: http://a/b, redirect_hosts: ['a:80']}]\n"), `4:45 issuers[0].crls[0].redirect_hosts[0]: "a:80" is no host`},
		{"a redirect host with a wildcard", issuer("  crls: [{url: http://a/b, redirect_hosts: ['*.a']}]\n"), `4:45 issuers[0].crls[0].redirect_hosts[0]: "*.a" is no host`},
		{"a name twice", issuer("- name: a\n  certificate: corp-users.pem\n"), `4:9 issuers[1].name: "a" is the name of another issuer too (line 2)`},
		{"an issuer twice", issuer("- name: b\n  certificate: corp-devices.der\n"), `5:16 issuers[1].certificate: has the subject and key of issuer "a" (line 3)`},
		{"an issuer without name", "issuers:\n- certificate: corp-users.pem\n", "2:3 issuers[0].name: is missing"},
		{"an issuer without certificate", "issuers:\n- name: b\n", "2:3 issuers[0].certificate: is missing"},
		{"a name that looks like a flag", "issuers: [{name: -b, certificate: corp-users.pem}]\n", `1:18 issuers[0].name: "-b" is no issuer name`},
		{"a name of 64 characters", "issuers: [{name: " + strings.Repeat("a", 64) + ", certificate: corp-users.pem}]\n", "1:18 issuers[0].name: "},
		{"a certificate that is not there", "issuers: [{name: b, certificate: no.pem}]\n", "1:34 issuers[0].certificate: cannot read " + f.path("no.pem") + ": no such file or directory"},
		{"a certificate that is a folder", "issuers: [{name: b, certificate: .}]\n", "1:34 issuers[0].certificate: " + f.dir + " is not a regular file"},
		{"a certificate that is HTML", "issuers: [{name: b, certificate: garbage.pem}]\n", "1:34 issuers[0].certificate: " + f.path("garbage.pem") + " is neither a PEM nor a DER certificate"},
		{"a key as certificate", "issuers: [{name: b, certificate: ocsp.key}]\n", "1:34 issuers[0].certificate: " + f.path("ocsp.key") + ` holds a PEM block "PRIVATE KEY"`},
		{"an encrypted key", issuer("  ocsp: {signer: {certificate: ocsp.pem, key: encrypted.key}}\n"), "4:47 issuers[0].ocsp.signer.key: " + f.path("encrypted.key") + " is encrypted"},
		{"a certificate as key", issuer("  ocsp: {signer: {certificate: ocsp.pem, key: ocsp.pem}}\n"), "4:47 issuers[0].ocsp.signer.key: " + f.path("ocsp.pem") + ` holds a PEM block "CERTIFICATE"`},
		{"a token as key", issuer("  ocsp: {signer: {certificate: ocsp.pem, key: admin.token}}\n"), "4:47 issuers[0].ocsp.signer.key: " + f.path("admin.token") + " holds no PEM private key"},
		{"another certificate's key", issuer("  ocsp: {signer: {certificate: ocsp.pem, key: api.key}}\n"), "4:47 issuers[0].ocsp.signer.key: the key in"},
		{"a key of snapshots that is not Ed25519", "api: {snapshot_key: api.key}\n", "1:21 api.snapshot_key: " + f.path("api.key") + " holds no Ed25519 key"},
		{"a policy of signatures without CAs", issuer("  ocsp: {request_signature: require}\n"), "4:29 issuers[0].ocsp.request_signature: needs to know whose requests count"},
		{"an unknown policy of signatures", issuer("  ocsp: {request_signature: maybe}\n"), `4:29 issuers[0].ocsp.request_signature: "maybe" is not one of ignore, verify, require`},
		{"requestors that are not there", issuer("  ocsp: {request_signature: verify, request_ca: no.pem}\n"), "4:49 issuers[0].ocsp.request_ca: cannot read"},
		{"requestors that are a key", issuer("  ocsp: {request_signature: verify, request_ca: ocsp.key}\n"), "4:49 issuers[0].ocsp.request_ca: " + f.path("ocsp.key") + " holds a PEM block"},
		{"a responder of another kind", issuer("  ocsp: {responder_id: hash}\n"), `4:24 issuers[0].ocsp.responder_id: "hash" is not one of key, name`},
		{"a cache for nothing", "ocsp: {cache: 1KiB}\n", `1:15 ocsp.cache: "1KiB" is too small to keep answers`},
		{"no signature at once", "ocsp: {max_signing: 0}\n", `1:21 ocsp.max_signing: "0" is no whole number from 1 on`},
		{"a count that is none", "ocsp: {max_waiting: 1.5}\n", `1:21 ocsp.max_waiting: "1.5" is no whole number from 1 on`},
		{"a signer without key", issuer("  ocsp: {signer: {certificate: ocsp.pem}}\n"), "4:18 issuers[0].ocsp.signer.key: is missing"},
		{"a validity under a minute", issuer("  ocsp: {validity: 59s}\n"), `4:20 issuers[0].ocsp.validity: "59s" is out of range; it is between 1m and 10d`},
		{"a validity without unit", issuer("  ocsp: {validity: 600}\n"), `4:20 issuers[0].ocsp.validity: "600" is no duration; write a number with a unit`},
		{"an unknown word", issuer("  ocsp: {not_issued: good}\n"), `4:22 issuers[0].ocsp.not_issued: "good" is not one of unknown, revoked, unauthorized`},
		{"a percentage without sign", issuer("  refresh: {max_shrink: 20}\n"), `4:25 issuers[0].refresh.max_shrink: "20" is no percentage`},
		{"a size too small for a CRL", issuer("  refresh: {max_bytes: 1023}\n"), `4:24 issuers[0].refresh.max_bytes: "1023" is too small`},
		{"too little memory", "ingest_memory: 15MiB\n", `1:16 ingest_memory: "15MiB" is too small to sort CRLs in; allow at least 16MiB`},
		{"a port out of range", "api: {listen: 'localhost:70000'}\n", `1:15 api.listen: "localhost:70000" has no port between 0 and 65535`},
		{"one port for both listeners", "api: {listen: '127.0.0.1:8080'}\n", "1:15 api.listen: public and api both listen on"},
		{"client certificates of nobody", "api: {tls: {certificate: api.pem, key: api.key, client_ca: garbage.pem}}\n", "1:60 api.tls.client_ca: " + f.path("garbage.pem") + " is neither a PEM nor a DER certificate"},
		{"a port that is taken", "api: {envoy_listen: ':8080'}\n", "1:21 api.envoy_listen: another listener has the port"},
		{"a short read token", "api: {read_token: hush}\n", "1:19 api.read_token: the token has 4 characters and could be guessed"},
		{"a token with a space", "api: {read_token: 'hush hush hush hush'}\n", "1:19 api.read_token: the token has spaces"},
		{"readers with the administrator's token", "api: {read_token: 0123456789abcdef-admin}\nadmin: {token_file: admin.token}\n", "1:19 api.read_token: this is the administrator's token"},
		{"a short admin token", "admin: {token_file: short.token}\n", "1:21 admin.token_file: the token in " + f.path("short.token") + " has 5 characters"},
		{"an empty admin token", "admin: {token_file: empty.token}\n", "1:21 admin.token_file: the token in " + f.path("empty.token") + " is empty"},
		{"an admin token of two lines", "admin: {token_file: two-lines.token}\n", "1:21 admin.token_file: the token in " + f.path("two-lines.token") + " has spaces, line breaks"},
		{"a log level of another program", "log: {level: trace}\n", `1:14 log.level: "trace" is not one of debug, info, warn, error`},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, faults := Parse("veto.yaml", []byte(row.text), f.dir, environment())
			if strings.Contains(row.name, "repeats") {
				faults = faults[:1]
			}
			compareFaults(t, []string{row.want}, faults)
			if strings.Contains(faults.Error(), "hush") {
				t.Errorf("a secret is in %s", faults)
			}
		})
	}
}

func TestWarningsDoNotStopTheService(t *testing.T) {
	f := newFolder(t)
	if err := os.Chmod(f.path("admin.token"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := `api: {listen: ":8081", tls: {certificate: expired-leaf.pem, key: expired-leaf.key}}
admin: {token_file: admin.token}
issuers:
- name: expired
  certificate: expired.pem
  refresh: {max_shrink: 5%}
- name: no-crlsign
  certificate: no-crlsign.pem
  crls: [{url: later.crl}]
  ocsp: {not_issued: revoked}
- name: future
  certificate: future.pem
`
	c, faults := Parse("veto.yaml", []byte(text), f.dir, environment())
	if faults != nil {
		t.Fatal(faults)
	}
	compareFaults(t, []string{
		"1:43 api.tls.certificate: the certificate expired on ",
		"2:21 admin.token_file: every user of this machine can reach " + f.path("admin.token") + " (mode 0644)",
		`4:3 issuers[0]: issuer "expired" has no OCSP signer`,
		"5:16 issuers[0].certificate: the certificate expired on ",
		"6:3 issuers[0].refresh: without effect: an issuer without crls",
		`7:3 issuers[1]: issuer "no-crlsign" has no OCSP signer`,
		`7:3 issuers[1]: the certificate of issuer "no-crlsign" may not sign CRLs`,
		"9:16 issuers[1].crls[0].url: there is no file " + f.path("later.crl") + " yet",
		`11:3 issuers[2]: issuer "future" has no OCSP signer`,
		"12:16 issuers[2].certificate: the certificate is not valid before ",
	}, c.Warnings)
}

func TestWarningsAboutTheWhole(t *testing.T) {
	f := newFolder(t)
	for _, row := range []struct{ name, text, want string }{
		{"an empty file answers nothing", "# nothing\n", "0:0 : there are no issuers"},
		{"an administered issuer without administrator",
			"issuers: [{name: a, certificate: corp-devices.pem, ocsp: {signer: {certificate: ocsp.pem, key: ocsp.key}}}]\n",
			`1:11 issuers[0]: issuer "a" is administered here, but nobody can revoke`},
		{"tokens in clear", "api: {listen: ':8081', read_token: 0123456789abcdef}\nissuers: [{name: a, certificate: corp-devices.pem, " +
			"crls: [{url: http://a/b}], ocsp: {signer: {certificate: ocsp.pem, key: ocsp.key}}}]\n", "1:15 api.listen: tokens cross the network in clear"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, faults := Parse("veto.yaml", []byte(row.text), f.dir, environment())
			if faults != nil {
				t.Fatal(faults)
			}
			compareFaults(t, []string{row.want}, c.Warnings)
		})
	}
}

func TestVariables(t *testing.T) {
	env := environment("A", "one", "B", "${A}", "EMPTY", "")
	for _, row := range []struct{ name, text, want string }{
		{"stand anywhere in a value", "/x/${A}/${A}y", "/x/one/oney"},
		{"are not expanded twice", "/${B}", "/${A}"},
		{"are escaped by two dollar signs", "/$${A}$$", "/${A}$"},
		{"need braces", "/$A$", "/$A$"},
		{"may be empty", "/x${EMPTY}", "/x"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, faults := Parse("veto.yaml", fmt.Appendf(nil, "data_dir: %q", row.text), "/", env)
			if faults != nil || c.DataDir != row.want {
				t.Errorf("got %q %v, want %q", c.DataDir, faults, row.want)
			}
		})
	}
}

func TestAnAliasRepeatsAValue(t *testing.T) {
	f := newFolder(t)
	c, faults := Parse("veto.yaml", []byte(`issuers:
- {name: a, certificate: corp-devices.pem, crls: [{url: http://a/a}], refresh: &r {every: 1m}}
- {name: b, certificate: corp-users.pem, crls: [{url: http://a/b}], refresh: *r}
`), f.dir, environment())
	if faults != nil {
		t.Fatal(faults)
	}
	if diff := cmp.Diff(c.Issuers[0].Refresh, c.Issuers[1].Refresh); diff != "" {
		t.Error(diff)
	}
}

func TestAliasesCannotGrowWithoutBound(t *testing.T) {
	text := "data_dir: /x\nz0: &z0 [1,2,3,4,5,6,7,8,9,0]\n"
	for i := range 9 {
		text += fmt.Sprintf("z%d: &z%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*z%d,", i), 9)+fmt.Sprintf("*z%d", i))
	}
	_, faults := Parse("veto.yaml", []byte(text), "/", environment())
	if !strings.Contains(faults.Error(), "use fewer references to anchors") {
		t.Errorf("got %v", faults)
	}
}

func TestAFaultyConfigurationStillNamesItsFiles(t *testing.T) {
	c, _ := Parse("veto.yaml", []byte("admin: {token_file: t}\nx: 1\n"), "/d", environment())
	if diff := cmp.Diff([]string{"veto.yaml", "/d/t"}, c.Files()); diff != "" {
		t.Error(diff)
	}
}
