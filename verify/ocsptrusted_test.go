package verify_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// TestOCSPBelievesASignerThatIsTrusted has a signer that the issuer did not designate; trust is what makes the difference.
func TestOCSPBelievesASignerThatIsTrusted(t *testing.T) {
	now := time.Now()
	other := mustHave(pkitest.NewCA(pkitest.CAOptions{Name: "Other"}))
	stranger := mustHave(other.Issue(pkitest.LeafOptions{}))
	old := mustHave(other.Issue(pkitest.LeafOptions{NotAfter: now.Add(-time.Second)}))
	for name, row := range map[string]struct {
		signer  *pkitest.Pair
		trusted []*x509.Certificate
		rule    string
	}{
		"not trusted":         {stranger, nil, "signer"},
		"another one trusted": {stranger, []*x509.Certificate{old.Certificate}, "signer"},
		"trusted":             {stranger, []*x509.Certificate{old.Certificate, stranger.Certificate}, ""},
		"trusted and expired": {old, []*x509.Certificate{old.Certificate}, "signer"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newOCSPCase(now)
			c.signBy(row.signer.Certificate, row.signer.Key)
			c.options.Trusted = row.trusted
			answer, err := c.verify(t)
			if got := revocation.RuleOf(err, ""); got != row.rule {
				t.Fatalf("got %v, want rule %q", err, row.rule)
			}
			if err == nil && (!answer.Trusted || !answer.Delegate.Equal(row.signer.Certificate)) {
				t.Errorf("the answer names the signer %v, trusted %v", answer.Delegate, answer.Trusted)
			}
		})
	}
	c := newOCSPCase(now)
	c.options.Trusted = []*x509.Certificate{stranger.Certificate}
	if answer, err := c.verify(t); err != nil || answer.Trusted {
		t.Errorf("a delegate of the issuer beside a trusted signer: %v, trusted %v", err, answer.Trusted)
	}
}
