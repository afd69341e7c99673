package revocation_test

import (
	"testing"

	"github.com/vetopki/veto/revocation"
)

// TestThePolicyInFull is every finding under every preset, as the words gateways are told.
func TestThePolicyInFull(t *testing.T) {
	findings := []revocation.Finding{revocation.FoundInvalid, revocation.FoundNothing, revocation.FoundRevoked,
		revocation.FoundUnknown, revocation.FoundIndeterminate, revocation.FoundGood}
	presets := revocation.Presets()
	strict, soft, report := presets["strict"], presets["soft"], presets["report"]
	fails, off, softReport := strict, strict, soft
	fails.Indeterminate, off.Mode, softReport.Mode = revocation.Fail, revocation.Off, revocation.Report
	for _, row := range []struct {
		name   string
		policy revocation.Policy
		want   [6]string // invalid, nothing, revoked, unknown, indeterminate, good
	}{
		{"strict", strict, [6]string{"deny", "deny", "deny", "deny", "deny", "allow"}},
		{"soft", soft, [6]string{"deny", "deny", "deny", "allow-degraded", "allow-degraded", "allow"}},
		{"report", report, [6]string{"would-deny", "would-deny", "would-deny", "would-deny", "would-deny", "allow"}},
		{"indeterminate: error", fails, [6]string{"deny", "deny", "deny", "deny", "error", "allow"}},
		{"soft, reporting", softReport, [6]string{"would-deny", "would-deny", "would-deny", "allow-degraded", "allow-degraded", "allow"}},
		{"off", off, [6]string{"allow-degraded", "allow-degraded", "allow-degraded", "allow-degraded", "allow-degraded", "allow-degraded"}},
	} {
		for i, f := range findings {
			d := row.policy.Decide(f)
			if d.String() != row.want[i] {
				t.Errorf("%s, finding %d: %s, want %s", row.name, f, d, row.want[i])
			}
			if allowed := row.want[i] != "deny" && row.want[i] != "error"; d.Allows() != allowed {
				t.Errorf("%s, finding %d: %s allows: %t", row.name, f, d, d.Allows())
			}
		}
	}
	if strict.Decide(revocation.FoundNothing) != revocation.DecisionAsk {
		t.Error("no certificate is not asked for")
	}
	reportFails := fails
	reportFails.Mode = revocation.Report
	if d := reportFails.Decide(revocation.FoundIndeterminate); d != revocation.DecisionWouldDeny {
		t.Errorf("a report answers %s", d)
	}
}

// TestNoEnforcedPolicyAllowsWhatIsRevoked goes through all policies there are.
func TestNoEnforcedPolicyAllowsWhatIsRevoked(t *testing.T) {
	for _, unknown := range []revocation.Choice{revocation.Deny, revocation.Allow} {
		for _, indeterminate := range []revocation.Choice{revocation.Deny, revocation.Allow, revocation.Fail} {
			for _, depth := range []revocation.Depth{revocation.Chain, revocation.Leaf} {
				p := revocation.Policy{Unknown: unknown, Indeterminate: indeterminate, Depth: depth}
				for _, f := range []revocation.Finding{revocation.FoundRevoked, revocation.FoundInvalid, revocation.FoundNothing} {
					if p.Decide(f).Allows() {
						t.Errorf("%+v allows finding %d", p, f)
					}
				}
				if (p.Decide(revocation.FoundIndeterminate) == revocation.DecisionError) != (indeterminate == revocation.Fail) {
					t.Errorf("%+v fails otherwise than by its setting", p)
				}
			}
		}
	}
	if (revocation.Policy{Unknown: revocation.Fail}).Valid() == nil {
		t.Error("unknown may be answered with an error")
	}
}

func TestFindingsOfAllStatuses(t *testing.T) {
	for because, want := range map[revocation.Because]revocation.Finding{
		revocation.BecauseUnknownIssuer: revocation.FoundUnknown, revocation.BecauseNotIssued: revocation.FoundUnknown,
		revocation.BecauseNoCRL: revocation.FoundIndeterminate, revocation.BecauseStale: revocation.FoundIndeterminate,
		revocation.BecauseNotYetValid: revocation.FoundIndeterminate, revocation.BecauseOutOfScope: revocation.FoundIndeterminate,
		revocation.BecauseFenced: revocation.FoundIndeterminate, "": revocation.FoundIndeterminate,
	} {
		if got := revocation.FindingOf(&revocation.CertStatus{Because: because}); got != want {
			t.Errorf("%q: finding %d, want %d", because, got, want)
		}
	}
	if revocation.FindingOf(&revocation.CertStatus{Status: revocation.Good}) != revocation.FoundGood ||
		revocation.FindingOf(&revocation.CertStatus{Status: revocation.Revoked}) != revocation.FoundRevoked {
		t.Error("good and revoked are not found")
	}
}
