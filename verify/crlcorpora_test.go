package verify_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
	"github.com/vetopki/veto/verify"
)

func corpus(t testing.TB, set string) string {
	root := os.Getenv("VETO_CORPORA")
	if root == "" {
		t.Skip("VETO_CORPORA names no folder with test data of other projects")
	}
	return filepath.Join(root, set)
}

// Every CRL whose issuer's certificate is in the folder verifies, or is refused for an extension that is not known.
func TestRealWorldCRLsVerify(t *testing.T) {
	crls, certificates := realWorld(t, corpus(t, "realworld-crls"))
	verified, refused := 0, map[string]int{}
	for name, crl := range crls {
		for _, c := range certificates {
			if !bytes.Equal(c.RawSubject, crl.RawIssuer) || len(crl.AuthorityKeyID) > 0 && !bytes.Equal(c.SubjectKeyId, crl.AuthorityKeyID) {
				continue
			}
			err := judgeCRL(crl, c, crl.ThisUpdate.Add(time.Minute), verify.CRLOptions{})
			switch rule := revocation.RuleOf(err, "none"); {
			case err == nil:
				verified++
			case rule == "critical":
				refused[rule]++
				t.Logf("%s: %v", name, err)
			default:
				t.Errorf("%s: %v", name, err)
			}
			break
		}
	}
	t.Logf("%d CRLs, %d verified, refused by rule: %v", len(crls), verified, refused)
	if verified < 20 {
		t.Errorf("only %d CRLs were verified", verified)
	}
}

// realWorld reads all CRLs and certificates below a folder.
func realWorld(t *testing.T, dir string) (map[string]*crlder.CRL, []*x509.Certificate) {
	crls, certificates := map[string]*crlder.CRL{}, []*x509.Certificate(nil)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if filepath.Ext(path) == ".crl" {
			if crl, err := crlder.Decode(bytes.NewReader(content), crlder.Options{}, nil); err == nil {
				crls[filepath.Base(path)] = crl
			}
			return nil
		}
		if block, _ := pem.Decode(content); block != nil {
			content = block.Bytes
		}
		if c, err := x509.ParseCertificate(content); err == nil {
			certificates = append(certificates, c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return crls, certificates
}

// BoringSSL's cases at its own time: the rule that refuses the CRL, "" when it is accepted. Staleness and the scope of the
// certificate are no property of the CRL.
func TestBoringSSLCRLVerdicts(t *testing.T) {
	at := time.Date(2017, 3, 9, 0, 0, 0, 0, time.UTC)
	want := map[string]string{
		"bad_fake_critical_crlentryextension": "critical", "bad_fake_critical_extension": "critical",
		"bad_key_rollover_signature": "signature", "bad_signature": "signature", "bad_thisupdate_in_future": "future",
		"bad_wrong_issuer":                   "issuer",
		"invalid_issuer_keyusage_no_crlsign": "usage", "invalid_key_rollover_issuer_keyusage_no_crlsign": "usage",
	}
	paths, err := filepath.Glob(filepath.Join(corpus(t, "boringssl-pki/crl_unittest"), "*.pem"))
	if err != nil || len(paths) < 60 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".pem")
		crl, issuer := boringSSLCase(t, path)
		if crl == nil {
			continue // refused by the decoder, which has its own test
		}
		rule := want[name]
		got := judgeCRL(crl, issuer, at, verify.CRLOptions{})
		if revocation.RuleOf(got, "") != rule || (got == nil) != (rule == "") {
			t.Errorf("%s: got %v, want rule %q", name, got, rule)
		}
	}
}

// boringSSLCase returns the CRL and the certificate it is judged with: the second CA of a case when there is one.
func boringSSLCase(t *testing.T, path string) (crl *crlder.CRL, issuer *x509.Certificate) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == "CRL":
			crl, _ = crlder.Decode(bytes.NewReader(block.Bytes), crlder.Options{}, nil)
		case strings.HasPrefix(block.Type, "CA CERTIFICATE"):
			if issuer, err = x509.ParseCertificate(block.Bytes); err != nil {
				t.Fatal(err)
			}
		}
	}
	return crl, issuer
}
