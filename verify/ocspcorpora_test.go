package verify_test

import (
	"bytes"
	"cmp"
	"crypto"
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
		resp := opensslResponse(t, filepath.Join(dir, row.Response))
		_, err := verify.OCSP(resp, pemCertificate(t, filepath.Join(dir, issuer)), resp.Singles[0].CertID.Serial, now, verify.OCSPOptions{AcceptSHA1: true})
		if (err == nil) != (row.Verify == "ok") {
			t.Errorf("%s with %s: %v, want %s", row.Response, issuer, err, row.Verify)
		}
	}
	if len(table.Cases) != 55 {
		t.Errorf("%d cases, want 55", len(table.Cases))
	}
}

// boringStricter are cases that BoringSSL takes for good and that are refused here.
var boringStricter = map[string]string{
	"has_critical_ct_extension.pem":    "critical",  // SCTs are not evaluated here, so they may not be ignored when critical
	"good_response_invalid_serial.pem": "malformed", // serials are not minimal (X.690 §8.3.2), in the certificate neither
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
		serial := revocation.Serial("")
		leaf, err := x509.ParseCertificate(blocks["CERTIFICATE"])
		if (err != nil) != (row.File == "good_response_invalid_serial.pem") {
			t.Errorf("%s: %v", row.File, err)
		}
		if err == nil {
			serial = mustHave(revocation.SerialFromBig(leaf.SerialNumber))
			id := mustHave(ocspder.CertIDFor(crypto.SHA1, ca, serial))
			if request := mustHave(ocspder.EncodeRequest([]ocspder.CertID{id}, nil)); !bytes.Equal(request, blocks["OCSP REQUEST"]) {
				t.Errorf("%s: a client asks by\n%x, want\n%x", row.File, request, blocks["OCSP REQUEST"])
			}
		}
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
	if len(table.Cases) != 36 {
		t.Errorf("%d cases, want 36", len(table.Cases))
	}
}

// TestOpenSSLOCSPPaths: the same responses for whole paths, each certificate below the root judged by the response given for it. The
// certificates are signed with SHA-1, by which crypto/x509 builds no paths, so that the rows say how they chain.
func TestOpenSSLOCSPPaths(t *testing.T) {
	dir := corpus(t, "openssl-ocsp")
	var rows []struct {
		Name, Root, Cert string
		Other            []string `json:"other_certs"`
		OCSPs            []string
		Moment           time.Time
		Error            *struct{ Class string }
	}
	readJSON(t, filepath.Join(dir, "openssl-ocsp.json"), &rows)
	for _, row := range rows {
		path := append(append([]string{row.Cert}, row.Other...), row.Root)
		var failed error
		for i, file := range row.OCSPs {
			cert, issuer := pemCertificate(t, filepath.Join(dir, path[i])), pemCertificate(t, filepath.Join(dir, path[i+1]))
			_, err := verify.OCSP(opensslResponse(t, filepath.Join(dir, file)), issuer, mustHave(revocation.SerialFromBig(cert.SerialNumber)),
				row.Moment, verify.OCSPOptions{AcceptSHA1: true})
			failed = cmp.Or(failed, err)
		}
		if (failed != nil) != (row.Error != nil) {
			t.Errorf("%s: %v, want an error: %t", row.Name, failed, row.Error != nil)
		}
	}
	if len(rows) != 29 {
		t.Errorf("%d rows, want 29", len(rows))
	}
}

// opensslResponse reads base64 in lines.
func opensslResponse(t *testing.T, file string) *ocspder.Response {
	t.Helper()
	text := strings.Join(strings.Fields(string(mustHave(os.ReadFile(file)))), "")
	return mustHave(ocspder.ParseResponse(mustHave(base64.StdEncoding.DecodeString(text))))
}

func TestAWSOCSPVerdicts(t *testing.T) {
	dir := corpus(t, "aws-lc-ocsp")
	var table struct {
		Responses []struct {
			File, CA, Cert, Verify, Find string
			Hash                         string `json:"certid_hash"`
			Status                       string `json:"cert_status"`
		}
		Errors []struct{ File, Status string } `json:"response_status"`
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
		hash := map[bool]crypto.Hash{true: crypto.SHA256, false: crypto.SHA1}[row.Hash == "sha256"]
		if got := resp.Singles[0].CertID.Hash; got != hash {
			t.Errorf("%s: CertID by %v, want %v", row.File, got, hash)
		}
	}
	for _, row := range table.Errors {
		resp := mustHave(ocspder.ParseResponse(mustHave(os.ReadFile(filepath.Join(dir, row.File)))))
		if got := strings.ToLower(resp.Status.String()); got != row.Status {
			t.Errorf("%s: %s, want %s", row.File, got, row.Status)
		}
	}
	if n := len(table.Responses) + len(table.Errors); n != 19 { // and 18 requests: TestAWSSignedRequests
		t.Errorf("%d rows, want 19", n)
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
