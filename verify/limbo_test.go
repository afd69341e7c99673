package verify_test

import (
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"testing"
	"time"

	"github.com/vetopki/veto/verify"
)

// limboCase is one path of x509-limbo.
type limboCase struct {
	ID       string                        `json:"id"`
	Trusted  []string                      `json:"trusted_certs"`
	Others   []string                      `json:"untrusted_intermediates"`
	Peer     string                        `json:"peer_certificate"`
	At       *time.Time                    `json:"validation_time"`
	Kind     string                        `json:"validation_kind"`
	Result   string                        `json:"expected_result"`
	PeerName *struct{ Kind, Value string } `json:"expected_peer_name"`
}

// limboDifferences are the cases in which veto does not answer what x509-limbo expects, and why. Paths are crypto/x509's.
var limboDifferences = map[string]string{
	"pathlen::validation-ignores-pathlen-in-leaf":          "the peer's certificate is a CA's whose key usage is keyCertSign alone; veto sees that a TLS peer may sign (RFC 5280 §4.2.1.3)",
	"pathlen::self-issued-certs-pathlen":                   "crypto/x509 counts self-issued certificates for the path length: it is stricter than RFC 5280 §6.1.4(l)",
	"pathlen::max-chain-depth-0-exhausted":                 "nobody can set a longest path",
	"pathlen::max-chain-depth-1-exhausted":                 "nobody can set a longest path",
	"rfc5280::aki::leaf-missing-aki":                       limboAKI,
	"rfc5280::aki::intermediate-missing-aki":               limboAKI,
	"rfc5280::aki::cross-signed-root-missing-aki":          limboAKI,
	"rfc5280::nc::permitted-dns-match-noncritical":         "crypto/x509 applies name constraints whether critical or not; the case webpki::nc::permitted-dns-match-noncritical wants that",
	"rfc5280::nc::permitted-dn-match":                      "crypto/x509 knows no constraints on directory names and refuses critical ones",
	"rfc5280::nc::permitted-self-issued":                   "crypto/x509 applies name constraints to self-issued intermediates too: it is stricter than RFC 5280 §6.1.3(b)",
	"rfc5280::nc::not-allowed-in-ee-noncritical":           limboForm,
	"rfc5280::nc::not-allowed-in-ee-critical":              limboForm,
	"rfc5280::san::noncritical-with-empty-subject":         limboForm,
	"rfc5280::serial::too-long":                            "RFC 5280 §4.1.2.2 asks users to handle serial numbers beyond its limits gracefully; up to 64 octets are read",
	"rfc5280::serial::zero":                                "as the one that is too long",
	"rfc5280::serial::negative":                            "as the one that is too long; and the peer is itself an anchor",
	"rfc5280::ski::root-missing-ski":                       limboAKI,
	"rfc5280::ski::intermediate-missing-ski":               limboAKI,
	"rfc5280::ee-empty-issuer":                             limboForm,
	"rfc5280::ca-empty-subject":                            limboForm,
	"rfc5280::root-non-critical-basic-constraints":         limboForm,
	"rfc5280::leaf-ku-keycertsign":                         limboForm,
	"webpki::aki::root-with-aki-missing-keyidentifier":     limboCABF,
	"webpki::aki::root-with-aki-authoritycertissuer":       limboCABF,
	"webpki::aki::root-with-aki-authoritycertserialnumber": limboCABF,
	"webpki::aki::root-with-aki-all-fields":                limboCABF,
	"webpki::aki::root-with-aki-ski-mismatch":              limboCABF,
	"webpki::eku::ee-anyeku":                               limboCABF,
	"webpki::eku::ee-critical-eku":                         limboCABF,
	"webpki::eku::ee-without-eku":                          limboCABF,
	"webpki::eku::root-has-eku":                            limboCABF,
	"webpki::san::san-critical-with-nonempty-subject":      limboForm,
	"webpki::ee-basicconstraints-ca":                       limboCABF,
}

// Reasons that several cases share.
const (
	limboAKI  = "crypto/x509 uses key identifiers to find issuers and asks for none; that CAs must write them (RFC 5280 §4.2.1.1, §4.2.1.2) binds CAs"
	limboForm = "a rule for those who make certificates that path validation (RFC 5280 §6.1) does not have, nor crypto/x509"
	limboCABF = "a rule of the CA/Browser Forum for public CAs"
)

func TestLimbo(t *testing.T) {
	dir := corpus(t, "x509-limbo")
	var all struct{ Testcases []limboCase }
	readJSON(t, filepath.Join(dir, "limbo-2023-12-02.json"), &all)
	cases := all.Testcases
	if len(cases) != 135 {
		t.Fatalf("%d cases in the file, 135 are expected", len(cases))
	}
	online, err := filepath.Glob(filepath.Join(dir, "online", "*.json"))
	if err != nil || len(online) != 14 {
		t.Fatalf("%d online cases, %v", len(online), err)
	}
	for _, file := range online {
		var c limboCase
		readJSON(t, file, &c)
		c.ID += " (2026)"
		cases = append(cases, c)
	}
	for _, c := range cases {
		got, report := c.judge(t)
		why, differs := limboDifferences[c.ID]
		if (got == c.Result) == differs {
			t.Errorf("%s: got %s, want %s, explained by %q", c.ID, got, c.Result, why)
			if report != nil {
				for _, check := range report.Checks {
					t.Logf("    %s: %s: %s", check.Name, check.Outcome, check.Detail)
				}
			}
		}
	}
}

// judge says SUCCESS or FAILURE, as x509-limbo does.
func (c *limboCase) judge(t *testing.T) (string, *verify.PeerReport) {
	t.Helper()
	at := time.Date(2023, 12, 2, 0, 0, 0, 0, time.UTC)
	if c.At != nil {
		at = *c.At
	}
	leaf := limboCertificates(t, []string{c.Peer})
	if leaf == nil {
		return "FAILURE", nil // cannot be read
	}
	o := verify.PeerOptions{Roots: limboCertificates(t, c.Trusted), Untrusted: limboCertificates(t, c.Others), Role: verify.Server}
	if c.Kind == "CLIENT" {
		o.Role = verify.Client
	}
	if n := c.PeerName; n != nil {
		kind := map[string]verify.IdentityKind{"DNS": verify.IdentityDNS, "IP": verify.IdentityIP}[n.Kind]
		o.Expected = append(o.Expected, identity(t, kind, n.Value))
	}
	r := verify.Peer(leaf, at, o)
	if r.Verdict == verify.Valid {
		return "SUCCESS", r
	}
	return "FAILURE", r
}

// limboCertificates reads those that can be read.
func limboCertificates(t *testing.T, texts []string) (list []*x509.Certificate) {
	t.Helper()
	for _, text := range texts {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			t.Fatalf("no PEM: %q", text)
		}
		if c, err := verify.ParseCertificate(block.Bytes); err == nil {
			list = append(list, c)
		}
	}
	return list
}
