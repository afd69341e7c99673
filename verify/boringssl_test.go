package verify_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

// BoringSSL's 66 cases, with its profile: a CRL is good for seven days, and indirect CRLs are not used. By RFC 5280 alone,
// bad_idp_indirectcrl is good: the certificate's own issuer signed the CRL.
func TestBoringSSLRevocationVerdicts(t *testing.T) {
	dir := corpus(t, "boringssl-pki/crl_unittest")
	content, err := os.ReadFile(filepath.Join(dir, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var expected struct {
		Time  time.Time `json:"verify_time"`
		Cases []struct{ File, Status string }
	}
	if err := json.Unmarshal(content, &expected); err != nil {
		t.Fatal(err)
	}
	right := 0
	for _, c := range expected.Cases {
		path, crls := boringSSLChain(t, filepath.Join(dir, c.File))
		o := verify.RevocationOptions{MaxAge: 7 * 24 * time.Hour, RefuseIndirect: true, LeafOnly: true, ClockSkew: -1}
		got := verify.Revocation(path, crls, expected.Time, o)[0]
		if strings.ToUpper(got.Status.String()) != c.Status {
			t.Errorf("%s: got %s (%s, refused %v), want %s", c.File, got.Status, got.Detail, got.Refused, c.Status)
			continue
		}
		right++
		o.RefuseIndirect = false
		if again := verify.Revocation(path, crls, expected.Time, o)[0]; again.Status != got.Status && c.File != "bad_idp_indirectcrl.pem" {
			t.Errorf("%s: with indirect CRLs it is %s", c.File, again.Status)
		}
	}
	t.Logf("%d of %d verdicts", right, len(expected.Cases))
	if len(expected.Cases) != 66 {
		t.Errorf("%d cases, want 66", len(expected.Cases))
	}
}

// boringSSLChain reads a case: the leaf and its one or two CAs, and the CRL when it decodes.
func boringSSLChain(t *testing.T, file string) (path []*x509.Certificate, crls []*verify.CRLView) {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]byte{}
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		blocks[block.Type] = block.Bytes
	}
	for _, name := range []string{"CERTIFICATE", "CA CERTIFICATE", "CA CERTIFICATE 2"} {
		if der, ok := blocks[name]; ok {
			c, err := verify.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			path = append(path, c)
		}
	}
	collector := verify.Collect(path)
	crl, err := crlder.Decode(bytes.NewReader(blocks["CRL"]), crlder.Options{}, collector.Add)
	if err != nil && revocation.RuleOf(err, "") == "" {
		t.Fatal(err)
	}
	if err == nil {
		crls = append(crls, collector.View(crl, "the CRL"))
	}
	return path, crls
}
