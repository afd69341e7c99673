package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vetopki/veto/internal/pkitest"
)

// TestWhatRequestCertPrintsWorks runs the commands that it prints for the CA, and has the configuration that it prints checked,
// for every kind of key.
func TestWhatRequestCertPrintsWorks(t *testing.T) {
	needPeer(t, "openssl")
	for name, flags := range map[string][]string{
		"p256":      nil,
		"p384":      {"--algorithm", "p384"},
		"ed25519":   {"--algorithm", "ed25519"},
		"rsa3072":   {"--algorithm", "rsa3072"},
		"encrypted": {"--key-passphrase-file", "passphrase"},
	} {
		for _, kind := range []pkitest.KeyKind{pkitest.P256, pkitest.RSA2048, pkitest.Ed25519} {
			if name != "p256" && kind != pkitest.P256 {
				continue
			}
			t.Run(name+" of a CA with "+string(kind), func(t *testing.T) {
				t.Chdir(t.TempDir())
				ca, err := pkitest.NewCA(pkitest.CAOptions{Key: kind})
				if err != nil {
					t.Fatal(err)
				}
				if err := (&playground{dir: "."}).writePair("the ca", ca.Certificate, ca.Key); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile("passphrase", []byte("open sesame\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				out := runVeto(t, exitYes, append([]string{"ocsp", "request-cert", "--issuer", "the ca.pem", "--name", "Signer's name",
					"--key-out", "o's.key", "--csr-out", "o's.csr"}, flags...)...)
				var settings string
				for line := range strings.Lines(out) {
					if command, ok := strings.CutPrefix(line, "  "); ok && !strings.HasPrefix(line, "    ") {
						if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
							t.Fatalf("%s: %v\n%s", command, err, out)
						}
					}
					if strings.HasPrefix(line, "    ocsp: ") {
						settings = line
					}
				}
				text := "data_dir: data\nissuers:\n  - name: corp\n    certificate: the ca.pem\n    crls: [{url: http://pki.test/ca.crl}]\n" + settings
				if err := os.WriteFile("veto.yaml", []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				if out := runVeto(t, exitYes, "config", "check", "veto.yaml"); out != "the configuration is valid\n" {
					t.Errorf("config check says:\n%s", out)
				}
				if info, err := os.Stat("o's.key"); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("the key: %v %v", info.Mode(), err)
				}
				cert, err := readCertificate("o's.pem")
				if err != nil || cert.Subject.CommonName != "Signer's name" {
					t.Errorf("the certificate: %v %v", cert, err)
				}
			})
		}
	}
}

// runVeto runs a command line in this process and returns its standard output.
func runVeto(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out, log bytes.Buffer
	if got := run(t.Context(), args, &out, &log); got != code {
		t.Fatalf("veto %s ended with %d, want %d:\n%s%s", strings.Join(args, " "), got, code, out.String(), log.String())
	}
	return out.String()
}

func TestRequestCertOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	readmeFiles(t, dir)
	file := func(name string) string { return filepath.Join(dir, name) }
	before, err := os.ReadFile(file("ocsp.key"))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"ocsp", "request-cert", "--issuer", file("ca.pem"), "--name", "x", "--csr-out"}
	runVeto(t, exitUsage, append(args, file("new.csr"), "--key-out", file("ocsp.key"))...)
	runVeto(t, exitUsage, append(args, file("ca.pem"), "--key-out", file("new.key"))...)
	runVeto(t, exitUsage, append(args, file("new.csr"), "--key-out", file("no/such/folder.key"))...)
	runVeto(t, exitUsage, append(args, file("new.csr"), "--key-out", file("new.key"), "--key-passphrase-file", file("none"))...)
	runVeto(t, exitUsage, append(args, file("new.csr"), "--key-out", file("new.key"), "--algorithm", "rsa1024")...)
	after, err := os.ReadFile(file("ocsp.key"))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key was overwritten: %v", err)
	}
	for _, name := range []string{"new.csr", "new.key"} {
		if _, err := os.Stat(file(name)); err == nil {
			t.Errorf("%s was left behind", name)
		}
	}
}
