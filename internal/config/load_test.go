package config

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func environment(pairs ...string) func(string) (string, bool) {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) (string, bool) { v, ok := m[name]; return v, ok }
}

// example is testdata/example.yaml with a module that is there.
func example(f *folder) []byte {
	return bytes.ReplaceAll(must(os.ReadFile("testdata/example.yaml")), []byte("/usr/lib/softhsm/libsofthsm2.so"), []byte(f.path("module.so")))
}

func loadExample(t *testing.T) (*folder, *Config) {
	t.Helper()
	f := newFolder(t)
	file := f.write("veto.yaml", example(f))
	c, err := Load(file, environment("VETO_READ_TOKEN", "a-token-for-readers"))
	if err != nil {
		t.Fatal(err)
	}
	return f, c
}

func TestTheExampleIsReadInFull(t *testing.T) {
	f, c := loadExample(t)
	devices := c.Issuers[0]
	got := map[string]any{
		"file": c.File, "data_dir": c.DataDir, "public": c.Public.Listen, "api": c.API.Listen, "read_token": string(c.API.ReadToken),
		"tls chain": len(c.API.TLS.Certificate.Certificate), "admin token": string(c.Admin.Token), "log": c.Log,
		"names":        []string{devices.Name, c.Issuers[1].Name},
		"certificates": []string{devices.Certificate.Subject.CommonName, c.Issuers[1].Certificate.Subject.CommonName},
		"urls":         []string{devices.CRLs[0].URL, devices.CRLs[1].URL}, "redirects": devices.CRLs[0].RedirectHosts,
		"mirrors": [][]string{devices.CRLs[0].Mirrors, devices.CRLs[2].Mirrors}, "from": devices.CRLs[2].FromCertificate,
		"egress": fmt.Sprint(c.Egress.Allow, c.Egress.Deny), "discovered": devices.CRLs[2].URL,
		"ingest":  c.IngestMemory,
		"refresh": devices.Refresh, "ocsp": devices.OCSP, "responder": c.OCSP, "requestors": len(devices.RequestCAs), "signer": devices.Signer.Certificate.Subject.CommonName,
		"administered": []bool{devices.Administered(), c.Issuers[1].Administered()}, "no signer": c.Issuers[1].Signer == nil,
		"inventory": []string{devices.Inventory, c.Issuers[1].Inventory}, "upstream urls": [][]string{c.Issuers[3].Upstream.URLs, c.Issuers[4].Upstream.URLs},
		"upstream from": c.Issuers[4].Upstream.FromCertificate, "asked upstream": c.Issuers[3].Administered(),
		"positions":  []int{devices.Pos.Line, devices.CRLs[1].Pos.Line, devices.Signer.Pos.Line, c.API.TLS.Pos.Line},
		"delta":      append([]string{devices.CRLs[0].Delta}, devices.CRLs[0].DeltaMirrors...),
		"crl signer": devices.CRLs[1].Signers[0].Subject.CommonName, "pin": devices.CRLs[1].DistributionPoint,
		"issues": []string{devices.Issues, c.Issuers[1].Issues}, "keys": len(c.Issuers[1].Certificates),
		"snapshots": len(c.API.SnapshotKey),
		"key":       devices.Signer.Key != nil, "token": *c.Issuers[2].Signer.PKCS11,
	}
	want := map[string]any{
		"file": f.path("veto.yaml"), "data_dir": "/var/lib/veto", "public": ":8080", "api": "127.0.0.1:8081",
		"read_token": "a-token-for-readers", "tls chain": 1, "admin token": "0123456789abcdef-admin",
		"log":          Log{Level: slog.LevelInfo, Format: "auto"},
		"names":        []string{"corp-devices", "corp-users"},
		"certificates": []string{"Devices", "Users"},
		"urls":         []string{"http://pki.corp/devices.crl", "file://" + f.path("devices-local.crl")},
		"redirects":    []string{"mirror.corp", "192.0.2.7"},
		"mirrors": [][]string{{"http://mirror.corp/devices.crl", "ldap://dc1.corp/CN=Devices,CN=PKI,DC=corp?certificateRevocationList;binary"},
			{"http://mirror.corp/devices-7.crl"}},
		"from": f.path("device.pem"), "egress": "[10.20.0.0/16] [10.66.0.0/16]", "discovered": "http://pki.corp/devices-7.crl",
		"ingest":    int64(256 << 20),
		"refresh":   Refresh{5 * time.Minute, 30 * time.Second, 1 << 30, 0, 0, 20},
		"ocsp":      OCSP{Validity: 10 * time.Minute, NotIssued: "unknown", ResponderID: "key", Nonce: "echo", RequestSignature: "ignore", Presign: "none"},
		"responder": Responder{CacheBytes: 64 << 20, MaxAge: time.Minute, MaxSigning: 4, MaxWaiting: 1024, PresignRate: 50}, "requestors": 1, "signer": "ocsp.test",
		"key": true, "token": PKCS11{Module: f.path("module.so"), TokenLabel: "veto", PINFile: f.path("hsm.pin"), PIN: "1234",
			KeyLabel: "vpn-ocsp", KeyID: "\x0a"},
		"inventory":     []string{"optional", "required"},
		"upstream urls": [][]string{{"http://ocsp.partners.example/"}, {"http://ocsp.suppliers.example/", "https://ocsp.suppliers.example/2"}},
		"upstream from": f.path("supplier.pem"), "asked upstream": false,
		"administered": []bool{false, true}, "no signer": true, "positions": []int{32, 42, 55, 11},
		"delta": []string{"http://pki.corp/devices+.crl", "http://mirror.corp/devices+.crl"}, "crl signer": "crl-signer.test",
		"pin": "http://pki.corp/devices-local.crl", "issues": []string{IssuesAny, IssuesEndEntity}, "keys": 2, "snapshots": ed25519.PrivateKeySize,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	files := []string{}
	for _, name := range []string{"veto.yaml", "api.pem", "api.key", "gateways.pem", "snapshot.key", "admin.token", "corp-devices.pem", "crl-signer.pem", "device.pem", "ocsp.pem",
		"ocsp.passphrase", "ocsp-locked.key", "corp-users.pem", "corp-users-2020.pem", "corp-vpn.pem", "vpn-ocsp.pem", "module.so", "hsm.pin",
		"partners.pem", "suppliers.pem", "supplier.pem", "edge.token"} {
		files = append(files, f.path(name))
	}
	if diff := cmp.Diff(files, c.Files()); diff != "" {
		t.Errorf("files to watch, want -, got +:\n%s", diff)
	}
}

func TestTheExampleShowsTheDefaults(t *testing.T) {
	_, example := loadExample(t)
	c, faults := Parse("veto.yaml", nil, "/", environment())
	if faults != nil {
		t.Fatal(faults)
	}
	if diff := cmp.Diff([]any{example.DataDir, example.IngestMemory, example.Public.Listen, example.API.Listen, example.Log, example.Issuers[0].Refresh, example.Issuers[0].OCSP,
		example.Issuers[0].Inventory, upstreamSettings(*example.Issuers[3].Upstream)},
		[]any{c.DataDir, c.IngestMemory, c.Public.Listen, c.API.Listen, c.Log, DefaultRefresh(), DefaultOCSP(), InventoryOptional,
			upstreamSettings(DefaultUpstream())}); diff != "" {
		t.Errorf("example -, default +:\n%s", diff)
	}
}

// upstreamSettings is all but where the responder is.
func upstreamSettings(u Upstream) string {
	return fmt.Sprint(u.Nonce, u.Hash, u.Every, u.Timeout, u.Relay)
}

// keysKnown is every key, as issuers[].crls[].url, that the reader offers when it reads the example.
func keysKnown(t *testing.T) map[string]bool {
	t.Helper()
	f := newFolder(t)
	known := map[string]bool{}
	index := regexp.MustCompile(`\[\d+\]`)
	r := &reader{file: "veto.yaml", dir: f.dir, now: time.Now(), offered: func(path string, keys []string) {
		for _, k := range keys {
			known[index.ReplaceAllString(strings.TrimPrefix(path+"."+k, "."), "[]")] = true
		}
	}}
	if _, faults := parse(r, example(f), environment("VETO_READ_TOKEN", "a-token-for-readers")); faults != nil {
		t.Fatal(faults)
	}
	for section := range maps.Clone(known) { // only what has a value is documented
		for k := range known {
			if strings.HasPrefix(k, section+".") || strings.HasPrefix(k, section+"[]") {
				delete(known, section)
			}
		}
	}
	known["issuers[].crls[].redirect_hosts"] = true
	return known
}

func TestTheDocumentListsExactlyTheKeysThatAreKnown(t *testing.T) {
	documented := map[string]bool{}
	text := string(must(os.ReadFile("../../docs/CONFIGURATION.md")))
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z0-9_.\\[\\]]+)` \\|").FindAllStringSubmatch(text, -1) {
		documented[m[1]] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(keysKnown(t))), slices.Sorted(maps.Keys(documented))); diff != "" {
		t.Errorf("known -, documented +:\n%s", diff)
	}
}

func TestTheDocumentShowsTheExample(t *testing.T) {
	text := string(must(os.ReadFile("../../docs/CONFIGURATION.md")))
	if example := string(must(os.ReadFile("testdata/example.yaml"))); !strings.Contains(text, example) {
		t.Error("docs/CONFIGURATION.md does not contain testdata/example.yaml as it is")
	}
}

func TestTheExampleUsesEveryKeyThatHasAnEffect(t *testing.T) {
	used := map[string]bool{}
	root, faults := parseYAML("", must(os.ReadFile("testdata/example.yaml")), environment("VETO_READ_TOKEN", ""))
	if faults != nil {
		t.Fatal(faults)
	}
	var walk func(v *value, path string)
	walk = func(v *value, path string) {
		for _, f := range v.fields {
			p := strings.TrimPrefix(path+"."+f.key, ".")
			used[p] = true
			walk(f.value, p)
		}
		for _, item := range v.items {
			walk(item, path+"[]")
		}
	}
	walk(root, "")
	for k := range keysKnown(t) {
		if k == "issuers[].ocsp.signer.key_passphrase" {
			continue // the other way to say what key_passphrase_file says
		}
		if !used[k] {
			t.Errorf("the key %s is not in the example", k)
		}
	}
}

func TestAMissingConfigurationFileIsToldFromAFaultyOne(t *testing.T) {
	_, err := Load(t.TempDir()+"/veto.yaml", environment())
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that is fs.ErrNotExist", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	_, c := loadExample(t)
	js := must(json.Marshal(c.API.ReadToken))
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "token", c.Admin.Token)
	for _, out := range []string{fmt.Sprint(c.API), fmt.Sprintf("%+v %#v %s %q", c.Admin, c.Admin, c.Admin.Token, c.Admin.Token), string(js), log.String()} {
		if strings.Contains(out, "a-token-for") || strings.Contains(out, "0123456789abcdef") {
			t.Errorf("a secret is in %s", out)
		}
	}
}

func TestDERCertificatesAreRead(t *testing.T) {
	f := newFolder(t)
	c, faults := Parse("veto.yaml", []byte("issuers: [{name: a, certificate: corp-devices.der}]"), f.dir, environment())
	if faults != nil {
		t.Fatal(faults)
	}
	var _ *x509.Certificate = c.Issuers[0].Certificate
	if got := c.Issuers[0].Certificate.Subject.CommonName; got != "Devices" {
		t.Errorf("got the certificate of %s, want that of Devices", got)
	}
}
