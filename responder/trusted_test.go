package responder_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/responder"
	"github.com/vetopki/veto/revocation"
)

// A signer of another CA is refused for an issuer, and taken with a warning where the operator says relying parties trust it.
func TestASignerTheCADidNotDesignateNeedsTheOperatorsWord(t *testing.T) {
	ca, err := pkitest.NewCA(pkitest.CAOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := pkitest.NewCA(pkitest.CAOptions{Name: "Other CA"})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := other.IssueOCSPSigner(pkitest.LeafOptions{})
	if err != nil {
		t.Fatal(err)
	}
	issuer := revocation.Issuer{Name: "ca", ID: revocation.IssuerIDOf(ca.Certificate), Certificate: ca.Certificate}
	if _, _, err := responder.NewSigner(pair.Certificate, pair.Key, issuer, time.Now()); revocation.RuleOf(err, "") != "signer_issuer" {
		t.Errorf("NewSigner: got %v, want the refusal signer_issuer", err)
	}
	s, warnings, err := responder.NewTrustedSigner(pair.Certificate, pair.Key, time.Now())
	if err != nil || s == nil || len(warnings) != 1 || !strings.Contains(warnings[0], "configured to trust") {
		t.Errorf("NewTrustedSigner: got %v, %q, %v", s, warnings, err)
	}
	if s, _, err := responder.NewTrustedSigner(pair.Certificate, ca.Key, time.Now()); err == nil || s != nil {
		t.Errorf("NewTrustedSigner with the key of another certificate: got %v, %v, want a refusal", s, err)
	}
	if _, _, err := responder.NewTrustedSigner(pair.Certificate, pair.Key, time.Now().AddDate(10, 0, 0)); revocation.RuleOf(err, "") != "signer_validity" {
		t.Errorf("NewTrustedSigner after its end: got %v, want the refusal signer_validity", err)
	}
}
