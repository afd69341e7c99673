//go:build pkcs11

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/api"
)

const libsofthsm = "/usr/lib/softhsm/libsofthsm2.so"

// tokenRig is a gatewayRig whose CA has a delegate with its key in a SoftHSM token: hsm.pem, and the configuration hsm.yaml.
type tokenRig struct{ *gatewayRig }

func newTokenRig(t *testing.T) *tokenRig {
	t.Helper()
	needPeer(t, "softhsm2-util")
	needPeer(t, "openssl")
	r := &tokenRig{newGatewayRig(t)}
	r.check(os.Mkdir(r.file("tokens"), 0o700))
	t.Setenv("SOFTHSM2_CONF", r.write("softhsm2.conf", "directories.tokendir = "+r.file("tokens")+"\nlog.level = ERROR\n"))
	r.write("pin", "1234\n")
	r.shell("chmod 600 pin && openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out hsm.key")
	r.insert()
	out := runVeto(t, exitYes, "ocsp", "request-cert", "--issuer", r.file("ca.pem"), "--name", "HSM", "--csr-out", r.file("hsm.csr"), "--pkcs11-module", libsofthsm,
		"--pkcs11-token", "veto", "--pkcs11-pin-file", r.file("pin"), "--pkcs11-key-id", "0a")
	for line := range strings.Lines(out) {
		if command, ok := strings.CutPrefix(line, "  "); ok && !strings.HasPrefix(line, "    ") {
			r.shell(command)
		}
		if settings, ok := strings.CutPrefix(line, "    ocsp: "); ok {
			r.write("hsm.yaml", fmt.Sprintf("data_dir: hsm\npublic: {listen: '127.0.0.1:0'}\napi: {listen: '127.0.0.1:0'}\nissuers:\n"+
				"  - {name: corp, certificate: ca.pem, crls: [{url: ca.crl}], ocsp: %s}\n", strings.TrimSpace(settings)))
		}
	}
	return r
}

func (r *tokenRig) shell(command string) {
	r.t.Helper()
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir = r.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// insert and pull make the token with the key, and take it away.
func (r *tokenRig) insert() {
	r.t.Helper()
	r.shell("softhsm2-util --init-token --free --label veto --so-pin 12345678 --pin 1234 && " +
		"softhsm2-util --import hsm.key --token veto --pin 1234 --label ocsp --id 0a")
}

func (r *tokenRig) pull() {
	r.t.Helper()
	r.shell("softhsm2-util --delete-token --token veto")
}

// asks says how veto ocsp query ends at a responder.
func (r *tokenRig) asks(public string) (code int, out string) {
	var b, log strings.Builder
	code = run(r.t.Context(), []string{"ocsp", "query", "--url", public + "/ocsp", "--issuer", r.file("ca.pem"), "--nonce", r.file("good.pem")}, &b, &log)
	return code, b.String() + log.String()
}

// awaitGood asks until the answer is good: a token is tried again every few seconds.
func (r *tokenRig) awaitGood(public string) {
	r.t.Helper()
	var out string
	for range 1200 {
		var code int
		if code, out = r.asks(public); code == exitYes {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Fatalf("the token is back, and OCSP says:\n%s", out)
}

func TestATokenSignsFailsAndComesBack(t *testing.T) {
	r := newTokenRig(t)
	if out := runVeto(t, exitYes, "config", "check", r.file("hsm.yaml")); out != "the configuration is valid\n" {
		t.Errorf("config check says:\n%s", out)
	}
	stdout, log := startRun(t, "serve", "--config", r.file("hsm.yaml"))
	public, apiURL := readAddresses(t, stdout, log.String)
	awaitCRL(t, apiURL, "corp")
	if code, out := r.asks(public); code != exitYes || !strings.Contains(out, `signed by "CN=HSM"`) {
		t.Fatalf("OCSP: %d\n%s", code, out)
	}
	r.pull()
	if code, out := r.asks(public); code != exitUnknown || !strings.Contains(out, "tryLater") {
		t.Errorf("without the token: %d\n%s", code, out)
	}
	var report api.IssuerReport
	getJSON(t, apiURL+"/v1/issuers/corp", &report)
	if !strings.Contains(report.OCSP.Problem, `OCSP answers tryLater: signing an OCSP response`) {
		t.Errorf("the issuer's page says of its signer: %q", report.OCSP.Problem)
	}
	runVeto(t, exitYes, "check", "--server", apiURL, "--issuer", r.file("ca.pem"), r.file("good.pem"))
	r.insert()
	r.awaitGood(public)
}

func TestServiceStartsWithoutItsToken(t *testing.T) {
	r := newTokenRig(t)
	r.pull()
	if out := runVeto(t, exitConfig, "config", "check", r.file("hsm.yaml")); !strings.Contains(out, `ocsp.signer: opening token "veto"`) {
		t.Errorf("config check says:\n%s", out)
	}
	stdout, log := startRun(t, "serve", "--config", r.file("hsm.yaml"))
	public, apiURL := readAddresses(t, stdout, log.String)
	awaitCRL(t, apiURL, "corp")
	if code, out := r.asks(public); code != exitUnknown || !strings.Contains(out, "tryLater") {
		t.Errorf("without the token: %d\n%s", code, out)
	}
	runVeto(t, exitYes, "check", "--server", apiURL, "--issuer", r.file("ca.pem"), r.file("good.pem"))
	r.insert()
	r.awaitGood(public)
}

func TestATokensKeyMustBelongToTheCertificate(t *testing.T) {
	r := newTokenRig(t)
	r.shell("cp ocsp.pem hsm.pem")
	if out := runVeto(t, exitConfig, "config", "check", r.file("hsm.yaml")); !strings.Contains(out, `the key in token "veto" does not belong to the certificate`) {
		t.Errorf("config check says:\n%s", out)
	}
	r.write("pin", "4321\n")
	if out := runVeto(t, exitConfig, "config", "check", r.file("hsm.yaml")); !strings.Contains(out, "the token refuses the PIN") {
		t.Errorf("config check says:\n%s", out)
	}
}
