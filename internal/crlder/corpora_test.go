package crlder_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/crlder"
	"github.com/vetopki/veto/revocation"
)

// corpus is the folder of a set of test data from elsewhere; without VETO_CORPORA the test is skipped.
func corpus(t testing.TB, set string) string {
	root := os.Getenv("VETO_CORPORA")
	if root == "" {
		t.Skip("VETO_CORPORA names no folder with test data of other projects")
	}
	return filepath.Join(root, set)
}

// files lists the files below a folder whose names match.
func files(t testing.TB, dir, pattern string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, filepath.Base(path)); err == nil && ok && !d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil || len(list) == 0 {
		t.Fatalf("listing %s: %v, %d files", dir, err, len(list))
	}
	return list
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// crlBlock returns the block of a PEM file that holds a CRL, or the file itself.
func crlBlock(t testing.TB, path string) []byte {
	t.Helper()
	content := read(t, path)
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "CRL") {
			return block.Bytes
		}
	}
	return content
}

// infinite-loop.crl hung a parser: the base64 of half a CRL, without the lines of PEM.
var refusedRealWorld = map[string]string{"infinite-loop.crl": "parse"}

func TestRealWorldCRLsDecodeAsOpenSSLShowsThem(t *testing.T) {
	dir := corpus(t, "realworld-crls")
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not installed, and CI asks for it")
		}
		t.Skip("openssl is not installed")
	}
	for _, path := range files(t, dir, "*.crl") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			content := read(t, path)
			crl, list, err := decode(content)
			if rule, bad := refusedRealWorld[filepath.Base(path)]; bad {
				if revocation.RuleOf(err, "") != rule {
					t.Fatalf("got %v, want the rule %s", err, rule)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := openSSLSerials(t, openssl, content, crl.PEM)
			var got []string
			for _, e := range list {
				got = append(got, e.Serial)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d serials, openssl shows %d; the first differ at %d", len(got), len(want), firstDifference(got, want))
			}
			if crl.Entries != len(want) {
				t.Errorf("%d entries counted, openssl shows %d", crl.Entries, len(want))
			}
		})
	}
}

var serialLine = regexp.MustCompile(`(?m)^ +Serial Number: (-?)([0-9A-F]+)`)

// openSSLSerials returns the serials that openssl shows, as the content octets of their INTEGER in hex.
func openSSLSerials(t *testing.T, openssl string, content []byte, isPEM bool) []string {
	form := map[bool]string{true: "pem", false: "der"}[isPEM]
	cmd := exec.Command(openssl, "crl", "-inform", form, "-noout", "-text")
	cmd.Stdin = bytes.NewReader(content)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl crl: %v", err)
	}
	var list []string
	for _, m := range serialLine.FindAllSubmatch(out, -1) {
		serial, err := revocation.ParseSerial(string(m[1]) + string(m[2]))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%x", string(serial)))
	}
	return list
}

func firstDifference(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// BoringSSL's cases whose names begin with invalid_ are refused, unless their fault is in a certificate, which is for package
// verify, or it is an empty list, which real CRLs have. All others decode.
func TestBoringSSLVerdicts(t *testing.T) {
	accepted := []string{"invalid_idp_onlycontainsusercerts_v1_leaf.pem", "invalid_issuer_keyusage_no_crlsign.pem",
		"invalid_key_rollover_issuer_keyusage_no_crlsign.pem", "invalid_revoked_empty_sequence.pem"}
	for _, path := range files(t, corpus(t, "boringssl-pki/crl_unittest"), "*.pem") {
		name := filepath.Base(path)
		_, _, err := decode(crlBlock(t, path))
		refuse := strings.HasPrefix(name, "invalid_") && !slices.Contains(accepted, name)
		if refused := err != nil; refused != refuse {
			t.Errorf("%s: got %v, want refused %v", name, err, refuse)
		}
	}
}

// Every CRL of the other sets decodes, except these, for a reason that is in their octets. Most of zlint's were made by programs
// that write no issuer or a local time; some name lists of boulder's and zlint's have a primitive tag.
func TestOtherProjectsCRLs(t *testing.T) {
	for set, refused := range map[string]map[string]string{
		"pyca-x509/custom": {
			"crl_bad_version.pem":                 "version is",
			"crl_dup_entry_ext.pem":               "twice",
			"crl_inner_outer_mismatch.der":        "differs",
			"crl_inval_cert_issuer_entry_ext.pem": "certificateIssuer",
			"crl_invalid_time.der":                "moment that exists",
		},
		"zlint": {
			"crlEmpty.pem":                                    "empty name",
			"crlReasonCodeCrit.pem":                           "empty name",
			"crlThisUpdate20230505.pem":                       "empty name",
			"crlWithNoDuplicatesInRevokedCertificateList.pem": "empty name",
			"crlWithReasonCode0.pem":                          "empty name",
			"crlWithReasonCode2.pem":                          "empty name",
			"crlWithReasonCode5.pem":                          "empty name",
			"crlWithReasonCode7.pem":                          "empty name",
			"crlWithRevokedCertificatesContainerButNoActualRevokedCerts-ReallyReallyBroken.pem": "empty name",
			"crl_revocation_date_too_early.pem":                                                 "empty name",
			"crl_revocation_time_after_this_update.pem":                                         "empty name",
			"crl_revocation_time_before_this_update.pem":                                        "empty name",
			"crl_revocation_time_equals_this_update.pem":                                        "empty name",
			"crl_valid_revocation_date.pem":                                                     "empty name",
			"crlWithAuthKeyID.pem":                                                              "241028232931+0100",
			"crlWithDuplicatesInCRLEntryExtensions.pem":                                         "241028225149+0100",
			"crlWithMissingAuthKeyID.pem":                                                       "241028232129+0100",
			"crlWithNoDuplicateInCRLEntryExtensions.pem":                                        "241028223941+0100",
			"crl_no_duplicate_ext.pem":                                                          "241028223941+0100",
			"crl_with_duplicate_ext.pem":                                                        "241028223120+0100",
			"crlWithAuthKeyIDContainsAuthorityCertIssuer.pem":                                   "authorityKeyIdentifier",
			"crlWithAutkeyIDMissingKeyID.pem":                                                   "authorityKeyIdentifier",
			"crl_number_negative.pem":                                                           "negative",
			"crl_number_too_large.pem":                                                          "at most 20",
		},
		"boulder-crl-lints": {
			"crl_no_issuer_name.pem":                                "empty name",
			"crl_utctime_no_seconds.pem":                            "moment that exists",
			"crl_long_number.pem":                                   "at most 20",
			"crl_aki_name_and_serial.pem":                           "authorityKeyIdentifier",
			"crl_freshest.pem":                                      "freshestCRL",
			"crl_idp_no_fullname.pem":                               "fullName is missing",
			"crl_idp_no_uris.pem":                                   "fullName has no name",
			"crl_idp_some_reasons.pem":                              "issuingDistributionPoint",
			"crl_idp_distributionPoint_and_onlyUser_and_onlyCA.pem": "two different kinds",
		},
	} {
		t.Run(set, func(t *testing.T) {
			for _, path := range files(t, corpus(t, set), "crl*") {
				name, content := filepath.Base(path), crlBlock(t, path)
				if bytes.Contains(content, []byte("-----BEGIN CERTIFICATE")) {
					continue
				}
				_, _, err := decode(content)
				says := refused[name]
				if (err != nil) != (says != "") || err != nil && !strings.Contains(err.Error(), says) {
					t.Errorf("%s: got %v, want %q", name, err, says)
				}
			}
		})
	}
}

// The seeds of OpenSSL's fuzzer: each ends quickly, with a verdict, and without much memory.
func TestFuzzSeedsOfOpenSSLEnd(t *testing.T) {
	paths := files(t, corpus(t, "openssl-fuzz-corpora/crl"), "*")
	start, accepted := time.Now(), 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, path := range paths {
		content := read(t, path)
		crl, list, err := decode(content)
		switch {
		case err != nil && revocation.RuleOf(err, "") == "":
			t.Errorf("%s: %v is no refusal", filepath.Base(path), err)
		case err == nil:
			accepted++
			compareWithStandardLibrary(t, content, crl, list)
		}
	}
	runtime.ReadMemStats(&after)
	t.Logf("%d seeds in %v, %d accepted", len(paths), time.Since(start), accepted)
	if perSeed := (after.TotalAlloc - before.TotalAlloc) / uint64(len(paths)); perSeed > 1<<20 {
		t.Errorf("%d octets were allocated for each seed", perSeed)
	}
}

// compareWithStandardLibrary sees that crypto/x509, where it accepts the CRL too, reads the same.
func compareWithStandardLibrary(t testing.TB, content []byte, crl *crlder.CRL, list []listed) {
	t.Helper()
	oracle, err := x509.ParseRevocationList(content)
	if err != nil || crl.PEM {
		return
	}
	if len(list) != len(oracle.RevokedCertificateEntries) {
		t.Fatalf("%d entries, crypto/x509 reads %d", len(list), len(oracle.RevokedCertificateEntries))
	}
	for i, want := range oracle.RevokedCertificateEntries {
		serial, err := revocation.SerialFromBig(want.SerialNumber)
		if err != nil {
			t.Fatal(err)
		}
		got := list[i]
		if got.Serial != fmt.Sprintf("%x", string(serial)) || got.RevokedAt != want.RevocationTime.Unix() {
			t.Fatalf("entry %d is %+v, crypto/x509 reads %x at %v", i, got, string(serial), want.RevocationTime)
		}
		if reason := revocation.Reason(want.ReasonCode); want.ReasonCode == int(reason) && reason.Valid() && got.Reason != reason {
			t.Fatalf("entry %d has reason %v, crypto/x509 reads %d", i, got.Reason, want.ReasonCode)
		}
	}
	if !crl.ThisUpdate.Equal(oracle.ThisUpdate) || !crl.NextUpdate.Equal(oracle.NextUpdate) {
		t.Fatalf("dates %v to %v, crypto/x509 reads %v to %v", crl.ThisUpdate, crl.NextUpdate, oracle.ThisUpdate, oracle.NextUpdate)
	}
	if number := oracle.Number; number != nil && crl.Number.String() != number.String() || number == nil && crl.Number != "" {
		t.Fatalf("number %v, crypto/x509 reads %v", crl.Number, number)
	}
	if !bytes.Equal(crl.RawIssuer, oracle.RawIssuer) || !bytes.Equal(crl.AuthorityKeyID, oracle.AuthorityKeyId) || !bytes.Equal(crl.Signature, oracle.Signature) {
		t.Fatal("issuer, key identifier or signature differ from what crypto/x509 reads")
	}
	if !crl.Algorithm.Hash.Available() {
		return
	}
	h := crl.Algorithm.Hash.New()
	h.Write(oracle.RawTBSRevocationList)
	if crl.Digest != nil && !bytes.Equal(crl.Digest, h.Sum(nil)) {
		t.Fatal("the digest of the signed part differs")
	}
}
