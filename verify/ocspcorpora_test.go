package verify_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/ocspder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// TestOpenSSLOCSPVerdicts: forged responses and wrong delegates of 2012, all signed with SHA-1.
func TestOpenSSLOCSPVerdicts(t *testing.T) {
	dir := corpus(t, "openssl-ocsp")
	var table struct {
		Cases []struct {
			Response, Issuer, Verify string
			Other                    string `json:"other_certs"`
		}
	}
	readJSON(t, filepath.Join(dir, "expected_verify.json"), &table)
	for _, row := range table.Cases {
		issuer := row.Issuer
		if row.Other != "" { // the issuer is an intermediate below the anchor named
			issuer = row.Other
		}
		now := time.Date(2012, 10, 12, 0, 0, 0, 0, time.UTC)
		if !strings.Contains(row.Response, "ND") {
			now = time.Date(2012, 10, 23, 11, 0, 0, 0, time.UTC)
		}
		der := mustHave(base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(mustHave(os.ReadFile(filepath.Join(dir, row.Response))))), "")))
		resp, err := ocspder.ParseResponse(der)
		if err != nil {
			t.Errorf("%s: %v", row.Response, err)
			continue
		}
		_, err = verify.OCSP(resp, pemCertificate(t, filepath.Join(dir, issuer)), resp.Singles[0].CertID.Serial, now, verify.OCSPOptions{AcceptSHA1: true})
		if (err == nil) != (row.Verify == "ok") {
			t.Errorf("%s with %s: %v, want %s", row.Response, issuer, err, row.Verify)
		}
	}
	if len(table.Cases) < 50 {
		t.Errorf("only %d cases", len(table.Cases))
	}
}

// boringStricter are cases that BoringSSL takes for good and that are refused here.
var boringStricter = map[string]string{
	"has_critical_ct_extension.pem": "critical", // SCTs are not evaluated here, so they may not be ignored when critical
}

// boringLaxer are cases that BoringSSL refuses by a rule of its own: a response made before the certificate of its signer
// began. A CA that renews its certificate with the same key leaves such responses, and they are true.
var boringLaxer = map[string]bool{"produced_early_response.pem": true}

func TestBoringSSLOCSPVerdicts(t *testing.T) {
	dir := corpus(t, "boringssl-pki/ocsp_unittest")
	var table struct {
		Cases []struct{ File, Status string }
	}
	readJSON(t, filepath.Join(dir, "expected.json"), &table)
	now := time.Date(2017, 3, 5, 0, 0, 0, 0, time.UTC)
	for _, row := range table.Cases {
		blocks := pemBlocks(mustHave(os.ReadFile(filepath.Join(dir, row.File))))
		ca := mustHave(x509.ParseCertificate(blocks["CA CERTIFICATE"]))
		leaf, err := x509.ParseCertificate(blocks["CERTIFICATE"])
		if err != nil { // a serial that is not minimal: crypto/x509 does not read the certificate at all
			t.Logf("%s: %v", row.File, err)
			continue
		}
		serial := mustHave(revocation.SerialFromBig(leaf.SerialNumber))
		got := "UNKNOWN"
		var resp *ocspder.Response
		if resp, err = ocspder.ParseResponse(blocks["OCSP RESPONSE"]); err == nil {
			var answer *verify.OCSPAnswer
			if answer, err = verify.OCSP(resp, ca, serial, now, verify.OCSPOptions{AcceptSHA1: true, MaxAge: 7 * 24 * time.Hour}); err == nil {
				got = strings.ToUpper(answer.Status.String())
			}
		}
		if rule, stricter := boringStricter[row.File]; stricter {
			if revocation.RuleOf(err, "") != rule {
				t.Errorf("%s: %s, %v; want rule %s", row.File, got, err, rule)
			}
			continue
		}
		if got != row.Status && !boringLaxer[row.File] {
			t.Errorf("%s: %s, %v; want %s", row.File, got, err, row.Status)
		}
	}
	if len(table.Cases) < 30 {
		t.Errorf("only %d cases", len(table.Cases))
	}
}

func TestAWSOCSPVerdicts(t *testing.T) {
	dir := corpus(t, "aws-lc-ocsp")
	var table struct {
		Responses []struct {
			File, CA, Cert, Verify, Find string
			Status                       string `json:"cert_status"`
		}
	}
	readJSON(t, filepath.Join(dir, "expected.json"), &table)
	for _, row := range table.Responses {
		resp := mustHave(ocspder.ParseResponse(mustHave(os.ReadFile(filepath.Join(dir, row.File)))))
		serial := mustHave(revocation.SerialFromBig(pemCertificate(t, filepath.Join(dir, row.Cert)).SerialNumber))
		answer, err := verify.OCSP(resp, pemCertificate(t, filepath.Join(dir, row.CA)), serial, resp.ProducedAt, verify.OCSPOptions{AcceptSHA1: true})
		switch want := row.Verify == "ok" && row.Find == "success"; {
		case want && err != nil, !want && err == nil:
			t.Errorf("%s for %s: %v, want %s and %s", row.File, row.Cert, err, row.Verify, row.Find)
		case want && answer.Status.String() != row.Status:
			t.Errorf("%s: %v, want %s", row.File, answer.Status, row.Status)
		}
	}
}

func TestRFC9919ExampleVerifies(t *testing.T) {
	dir := corpus(t, "rfc9919-examples")
	resp := mustHave(ocspder.ParseResponse(mustHave(os.ReadFile(filepath.Join(dir, "response.der")))))
	serial := mustHave(revocation.SerialFromBig(pemCertificate(t, filepath.Join(dir, "ee.pem")).SerialNumber))
	answer, err := verify.OCSP(resp, pemCertificate(t, filepath.Join(dir, "root.pem")), serial, time.Date(2024, 4, 5, 0, 0, 0, 0, time.UTC), verify.OCSPOptions{})
	if err != nil || answer.Status != revocation.Good || !answer.NoCheck {
		t.Errorf("got %+v, %v; want good by a delegate with nocheck", answer, err)
	}
}

func readJSON(t *testing.T, file string, v any) {
	t.Helper()
	if err := json.Unmarshal(mustHave(os.ReadFile(file)), v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func pemCertificate(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	return mustHave(x509.ParseCertificate(pemBlocks(mustHave(os.ReadFile(file)))["CERTIFICATE"]))
}

// pemBlocks holds the first block of each type.
func pemBlocks(text []byte) map[string][]byte {
	blocks := make(map[string][]byte)
	for block, rest := pem.Decode(bytes.TrimSpace(text)); block != nil; block, rest = pem.Decode(rest) {
		if blocks[block.Type] == nil {
			blocks[block.Type] = block.Bytes
		}
	}
	return blocks
}
