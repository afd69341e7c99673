package upstream

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/internal/pkitest"
	"github.com/vetopki/veto/revocation"
)

// TestARevocationStandsUntilANewerGood: whatever answers come, in whatever order, and however often the process starts anew.
func TestARevocationStandsUntilANewerGood(t *testing.T) {
	ca := must(pkitest.NewCA(pkitest.CAOptions{}))
	issuer := Issuer{Issuer: revocation.Issuer{Name: "corp", ID: revocation.IssuerIDOf(ca.Certificate), Certificate: ca.Certificate},
		URLs: []string{"http://ocsp.test/"}}
	begin := time.Now().Truncate(time.Second)
	rapid.Check(t, func(rt *rapid.T) {
		store := &book{}
		k := key{issuer.ID, "\x01"}
		var c *Client
		restart := func() {
			c = New(Options{Store: store})
			c.SetIssuers([]Issuer{issuer})
		}
		restart()
		var revokedAsOf time.Time // zero: not revoked
		var newest time.Time      // of what this process and the store know
		for range rapid.IntRange(1, 20).Draw(rt, "answers") {
			if rapid.IntRange(0, 9).Draw(rt, "restart") == 0 {
				restart()
				newest = revokedAsOf
			}
			f := revocation.UpstreamFinding{Status: rapid.SampledFrom([]revocation.Status{revocation.Good, revocation.Revoked, revocation.Unknown}).Draw(rt, "status"),
				ThisUpdate: begin.Add(time.Duration(rapid.IntRange(0, 8).Draw(rt, "as of")) * time.Minute)}
			f.NextUpdate = f.ThisUpdate.Add(time.Hour)
			if f.Status == revocation.Revoked {
				f.Entry = revocation.Entry{RevokedAt: begin, Reason: revocation.CertificateHold}
			}
			err := c.accept((*c.issuers.Load())[issuer.ID], k, &reply{finding: f})
			taken := !f.ThisUpdate.Before(newest)
			if taken && !revokedAsOf.IsZero() && f.Status != revocation.Revoked {
				taken = f.Status == revocation.Good && f.ThisUpdate.After(revokedAsOf)
			}
			if (err == nil) != taken {
				rt.Fatalf("%s as of %v: %v, want taken %v", f.Status, f.ThisUpdate.Sub(begin), err, taken)
			}
			if taken {
				newest = f.ThisUpdate
				switch f.Status {
				case revocation.Revoked:
					revokedAsOf = f.ThisUpdate
				case revocation.Good:
					revokedAsOf = time.Time{}
				}
			}
			kept := store.Upstream(issuer.ID, "\x01")
			if (kept != nil) != !revokedAsOf.IsZero() || kept != nil && !kept.ThisUpdate.Equal(revokedAsOf) {
				rt.Fatalf("kept %+v, revoked as of %v", kept, revokedAsOf)
			}
			if h := c.answers.get(k); h != nil && h.finding != nil && h.finding.ThisUpdate.Before(newest) {
				rt.Fatalf("remembers an answer of %v, newest is %v", h.finding.ThisUpdate, newest)
			}
		}
	})
}
