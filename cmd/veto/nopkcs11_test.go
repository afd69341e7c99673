//go:build !pkcs11

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestATokenNeedsAnotherBuild(t *testing.T) {
	dir := t.TempDir()
	readmeFiles(t, dir)
	for name, text := range map[string]string{"module.so": "x", "pin": "1234\n", "veto.yaml": "data_dir: data\nissuers:\n" +
		"  - {name: corp, certificate: ca.pem, crls: [{url: http://a/b}], ocsp: {signer: {certificate: ocsp.pem, pkcs11: {module: module.so, token_label: t, pin_file: pin, key_id: 0a}}}}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := runVeto(t, exitConfig, "config", "check", filepath.Join(dir, "veto.yaml"))
	if !strings.Contains(out, "this veto was built without PKCS #11") || !strings.Contains(out, "go build -tags pkcs11 ./cmd/veto") {
		t.Errorf("config check says:\n%s", out)
	}
	runVeto(t, exitConfig, "serve", "--config", filepath.Join(dir, "veto.yaml"))
}
