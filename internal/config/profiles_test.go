package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vetopki/veto/internal/certheader"
	"github.com/vetopki/veto/revocation"
)

func TestProfilesAreReadInFull(t *testing.T) {
	_, c := loadExample(t)
	edge, legacy, mesh, one := c.Profiles[0], c.Profiles[1], c.Profiles[2], c.Profiles[3]
	var identities, callers []string
	for _, i := range edge.Identities {
		identities = append(identities, i.String())
	}
	for _, i := range edge.Callers.Certificates {
		callers = append(callers, i.String())
	}
	got := map[string]any{
		"trust":  []any{c.Trust[0].Name, len(c.Trust[0].Roots), c.Trust[0].Intermediates[0].Subject.CommonName},
		"header": edge.Header, "cidrs": edge.Callers.CIDRs[0], "callers": strings.Join(callers, ", "), "token": string(edge.Callers.Token),
		"policies": []revocation.Policy{edge.Policy, legacy.Policy, mesh.Policy}, "roots": edge.Roots,
		"identities": strings.Join(identities, ", "), "ttl": edge.TTL, "default ttl": legacy.TTL,
		"names": legacy.IssuerNames, "radix": legacy.Header.Radix, "element": mesh.Header.Element, "issuer": one.Issuer, "no name": one.Header.NoName,
		"client CAs": len(c.API.TLS.ClientCAs),
	}
	want := map[string]any{
		"trust":  []any{"corp", 1, "Devices"},
		"header": certheader.Options{Format: certheader.RFC9440, Headers: certheader.Headers{Certificate: "Client-Cert", Chain: "Client-Cert-Chain"}},
		"cidrs":  netip.MustParsePrefix("10.0.0.0/8"), "callers": "dns *.gateways.corp, uri spiffe://corp/gateways/*, ip 192.0.2.7, email gateways@corp.example, cn gateway 7",
		"token": "a-token-for-the-edge", "policies": []revocation.Policy{{}, revocation.Presets()["soft"], {}}, "roots": "corp",
		"identities": "dns *.clients.corp, uri spiffe://corp/clients/*, ip 192.0.2.8, email ops@corp.example, cn robot 8",
		"ttl":        15 * time.Second, "default ttl": 15 * time.Second,
		"names": map[string]string{"CN=Devices,O=veto": "corp-devices"}, "radix": certheader.Hex, "element": certheader.LastElement,
		"issuer": "corp-users", "no name": true, "client CAs": 1,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestAPolicyIsAPresetAndWhatDiffers(t *testing.T) {
	f := newFolder(t)
	soft := revocation.Presets()["soft"]
	softError := soft
	softError.Indeterminate = revocation.Fail
	for text, want := range map[string]revocation.Policy{
		"":                      {},
		"policy: strict":        {},
		"policy: soft":          soft,
		"policy: report":        {Mode: revocation.Report},
		"policy: {mode: off}":   {Mode: revocation.Off},
		"policy: {depth: leaf}": {Depth: revocation.Leaf},
		"policy: {indeterminate: error, preset: soft}": softError,
	} {
		c, faults := Parse("veto.yaml", []byte("profiles: [{name: a, header: caddy, trust: {cidrs: [10.0.0.1]}, "+text+"}]"), f.dir, environment())
		if faults != nil || c.Profiles[0].Policy != want {
			t.Errorf("%q: got %+v, %v, want %+v", text, c.Profiles[0].Policy, faults, want)
		}
	}
}

func TestFaultsOfProfiles(t *testing.T) {
	f := newFolder(t)
	profile := func(rest string) string {
		return "issuers: [{name: ca, certificate: corp-devices.pem}]\nprofiles:\n- name: a\n  trust: {cidrs: [10.0.0.1]}\n" + rest
	}
	for _, row := range []struct{ name, text, want string }{
		{"nobody may ask", "profiles: [{name: a, header: caddy}]", "1:12 profiles[0].trust: is missing; say who may ask"},
		{"no format", profile(""), "3:3 profiles[0].header: is missing; say how the gateway passes the certificate on; known are apache"},
		{"an unknown format", profile("  header: nginx\n"), `5:11 profiles[0].header: "nginx" is not one of apache`},
		{"a header that the format has not", profile("  header: caddy\n  headers: {chain: X}\n"), "5:11 profiles[0].header: the format caddy has no header for the chain"},
		{"no name of a header", profile("  header: caddy\n  headers: {certificate: 'X Y'}\n"), `5:11 profiles[0].header: "X Y" is no name of a header`},
		{"a serial of unknown radix", profile("  header: serial\n  issuer: ca\n"), "5:11 profiles[0].header: the format serial needs a radix"},
		{"a radix for a certificate", profile("  header: caddy\n  radix: hex\n"), "5:11 profiles[0].header: the format caddy leaves no choice of a radix"},
		{"names without meaning", profile("  header: cloudfront\n"), "5:11 profiles[0].header: cloudfront names issuers by a text"},
		{"no issuer at all", profile("  header: cloudfront\n  headers: {issuer: none}\n"), "5:11 profiles[0].header: no header names the issuer"},
		{"an issuer that is not configured", profile("  header: cloudfront\n  issuer: other\n"), `6:11 profiles[0].issuer: there is no issuer "other"`},
		{"a name for an issuer that is not configured", profile("  header: cloudfront\n  issuer_names: [{name: CN=x, issuer: other}]\n"), `6:39 profiles[0].issuer_names[0].issuer: there is no issuer "other"`},
		{"an issuer for certificates", profile("  header: caddy\n  issuer: ca\n"), "5:11 profiles[0].header: caddy passes the certificate, which names its issuer"},
		{"roots for serials", profile("  header: cloudfront\n  issuer: ca\n  roots: x\ntrust: [{name: x, roots: corp-users.pem}]\n"), "7:10 profiles[0].roots: cloudfront passes a serial number and no certificate"},
		{"identities for serials", profile("  header: cloudfront\n  issuer: ca\n  identities: [{dns: a.b}]\n"), "5:11 profiles[0].header: cloudfront passes a serial number"},
		{"a set that is not there", profile("  header: caddy\n  roots: x\n"), `6:10 profiles[0].roots: there is no set "x" in trust`},
		{"callers' certificates without a CA", "profiles: [{name: a, header: caddy, trust: {certificates: [{dns: a.b}]}}]", "1:44 profiles[0].trust: certificates of callers need api.tls.client_ca"},
		{"an identity of two kinds", profile("  header: caddy\n  identities: [{dns: a.b, ip: 10.0.0.1}]\n"), "6:16 profiles[0].identities[0]: is one of dns, ip"},
		{"an identity that is none", profile("  header: caddy\n  identities: [{dns: a..b}]\n"), `6:22 profiles[0].identities[0].dns: "a..b" is no DNS name`},
		{"unknown answered with an error", profile("  header: caddy\n  policy: {unknown: error}\n"), `6:21 profiles[0].policy.unknown: "error" is not one of allow, deny`},
		{"an unknown preset", profile("  header: caddy\n  policy: hard\n"), `6:11 profiles[0].policy: "hard" is not one of report, soft, strict`},
		{"two of one name", "profiles: [{name: a, header: caddy, trust: {cidrs: [10.0.0.1]}}, {name: a, header: caddy, trust: {cidrs: [10.0.0.1]}}]", `1:73 profiles[1].name: "a" is the name of another profile`},
		{"two sets of one name", "trust: [{name: a, roots: corp-users.pem}, {name: a, roots: corp-users.pem}]", `1:50 trust[1].name: "a" is the name of another set`},
		{"a set without roots", "trust: [{name: a}]", "1:9 trust[0].roots: is missing"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, faults := Parse("veto.yaml", []byte(row.text), f.dir, environment())
			if len(faults) != 1 {
				t.Fatalf("%d faults, want one: %v", len(faults), faults)
			}
			compareFaults(t, []string{row.want}, faults)
		})
	}
}

func TestAProfileThatLetsEverybodyInIsWarnedOf(t *testing.T) {
	f := newFolder(t)
	c, faults := Parse("veto.yaml", []byte("profiles: [{name: a, header: caddy, trust: {cidrs: [10.0.0.1]}, policy: report}]"), f.dir, environment())
	if faults != nil || !strings.Contains(c.Warnings[0].Message+c.Warnings[len(c.Warnings)-1].Message, `profile "a" lets everybody in: its policy has mode report`) {
		t.Errorf("%v, %v", faults, c.Warnings)
	}
}
