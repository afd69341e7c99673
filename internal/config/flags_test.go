package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestFlagsMakeTheConfigurationOfAFile(t *testing.T) {
	f := newFolder(t)
	t.Chdir(f.dir)
	f.write(`a,b\.pem`, []byte(readString(t, f.path("corp-users.pem"))))
	c, err := FromFlags(Flags{
		Data: "data", Public: "127.0.0.1:0", API: "127.0.0.1:0", AdminTokenFile: "admin.token",
		Issuers: []string{
			"name=devices,cert=corp-devices.pem,crl=http://pki.corp/a.crl,delta=freshest,crl=devices-local.crl,crl-signer=crl-signer.pem,signer=ocsp.pem,key=ocsp.key",
			`name=users,cert=a\,b\\.pem,cert=corp-users-2020.pem`,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.File, c.DataDir, c.Public.Listen, c.API.Listen, string(c.Admin.Token), c.Issuers[0].Name, c.Issuers[0].CRLs[0].URL,
		c.Issuers[0].CRLs[1].URL, c.Issuers[0].Signer != nil, c.Issuers[1].CertificateFiles[0], c.Issuers[1].Administered(), c.Issuers[1].Refresh,
		len(c.Issuers[1].Certificates), c.Issuers[0].CRLs[0].Delta, len(c.Issuers[0].CRLs[0].Signers), len(c.Issuers[0].CRLs[1].Signers)}
	want := []any{"", f.path("data"), "127.0.0.1:0", "127.0.0.1:0", "0123456789abcdef-admin", "devices", "http://pki.corp/a.crl",
		"file://" + f.path("devices-local.crl"), true, f.path(`a,b\.pem`), true, DefaultRefresh(), 2, Freshest, 0, 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"admin.token", "corp-devices.pem", "crl-signer.pem", "ocsp.pem", "ocsp.key", `a,b\.pem`, "corp-users-2020.pem"}, relative(f, c.Files())); diff != "" {
		t.Errorf("files to watch, want -, got +:\n%s", diff)
	}
}

func TestFaultsNameTheFlag(t *testing.T) {
	f := newFolder(t)
	t.Chdir(f.dir)
	for _, row := range []struct {
		name  string
		flags Flags
		want  []string
	}{
		{"all at once", Flags{Public: "x", API: ":99999", AdminTokenFile: "short.token", Issuers: []string{"name=A,cert=no.pem,crl=ftp://x/y"}}, []string{
			`--admin-token-file: the token in ` + f.path("short.token") + " has 5 characters",
			`--api: ":99999" has no port`,
			`--issuer A cert=: cannot read ` + f.path("no.pem"),
			`--issuer A crl=: CRLs are not fetched by "ftp:"`,
			`--issuer A name=: "A" is no issuer name`,
			`--public: "x" is no address to listen on`,
		}},
		{"an unknown key", Flags{Issuers: []string{"name=a,cert=corp-users.pem,crls=x"}}, []string{`--issuer #1: unknown key "crls"; did you mean "crl"?`}},
		{"no key", Flags{Issuers: []string{"corp-users.pem"}}, []string{`--issuer #1: "corp-users.pem" is not key=value; write name=NAME`}},
		{"no value", Flags{Issuers: []string{"name=a,cert="}}, []string{`--issuer #1: cert= has no value`}},
		{"no name", Flags{Issuers: []string{"cert=corp-users.pem"}}, []string{`--issuer #1: name= is missing`}},
		{"no certificate", Flags{Issuers: []string{"name=a"}}, []string{`--issuer a: cert= is missing`}},
		{"a key given twice", Flags{Issuers: []string{"name=a,name=b,cert=x"}}, []string{`--issuer #1: name= is given twice`}},
		{"a delta of nothing", Flags{Issuers: []string{"name=a,cert=x,delta=y"}}, []string{`--issuer #1: delta= says something of the crl= before it`}},
		{"two deltas", Flags{Issuers: []string{"name=a,cert=x,crl=y,delta=z,delta=w"}}, []string{`--issuer #1: delta= is given twice`}},
		{"a signer without key", Flags{Issuers: []string{"name=a,cert=corp-users.pem,signer=ocsp.pem"}}, []string{`--issuer a: signer= and key= belong together`}},
		{"one issuer twice", Flags{Issuers: []string{"name=a,cert=corp-users.pem", "name=b,cert=corp-users.pem"}}, []string{
			`--issuer b cert=: has the subject and key of issuer "a" (--issuer a cert=)`}},
		{"a variable is the shell's", Flags{Issuers: []string{"name=a,cert=${X}.pem"}}, []string{`--issuer a cert=: cannot read ` + f.path("${X}.pem")}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := FromFlags(row.flags)
			faults, ok := errors.AsType[Faults](err)
			if !ok || c != nil {
				t.Fatalf("got %v, %v", c, err)
			}
			for i := range row.want {
				row.want[i] = "0:0 " + row.want[i]
			}
			compareFaults(t, row.want, faults)
		})
	}
}

func TestEscapedCommasSurviveSplitting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.StringOf(rapid.SampledFrom([]rune{'a', ',', '\\', 'é'})), 1, 5).Draw(t, "parts")
		escaped := make([]string, len(want))
		for i, p := range want {
			escaped[i] = strings.NewReplacer(`\`, `\\`, `,`, `\,`).Replace(p)
		}
		if diff := cmp.Diff(want, splitCommas(strings.Join(escaped, ","))); diff != "" {
			t.Fatal(diff)
		}
	})
}

func relative(f *folder, files []string) []string {
	var names []string
	for _, name := range files {
		names = append(names, strings.TrimPrefix(name, f.dir+"/"))
	}
	return names
}
