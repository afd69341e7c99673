package revocation_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/revocation"
)

func numbered(number, base string) *revocation.CRLInfo {
	return &revocation.CRLInfo{URL: "http://crl.test/" + number + base, Number: revocation.CRLNumber(number), BaseNumber: revocation.CRLNumber(base),
		ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour)}
}

func TestDeltaIsAppliedByNumbersAndScope(t *testing.T) {
	base := numbered("\x0a", "")
	other := func(change func(*revocation.CRLInfo)) *revocation.CRLInfo {
		d := numbered("\x0b", "\x0a")
		change(d)
		return d
	}
	for _, row := range []struct {
		fact  string
		delta *revocation.CRLInfo
		want  revocation.DeltaFit
	}{
		{"newer, and based on the CRL held", numbered("\x0b", "\x0a"), revocation.DeltaApplies},
		{"newer, and based on one before the CRL held", numbered("\x0b", "\x05"), revocation.DeltaApplies},
		{"as new as the CRL held", numbered("\x0a", "\x05"), revocation.DeltaObsolete},
		{"older than the CRL held", numbered("\x09", "\x05"), revocation.DeltaObsolete},
		{"based on a CRL that is not held yet", numbered("\x0d", "\x0b"), revocation.DeltaAhead},
		{"without a number", numbered("", "\x0a"), revocation.DeltaApart},
		{"of another scope", other(func(d *revocation.CRLInfo) { d.IDP = []byte{0x30, 0} }), revocation.DeltaApart},
		{"of another issuer", other(func(d *revocation.CRLInfo) { d.CRLIssuer = []byte{0x30, 0} }), revocation.DeltaApart},
		{"of another key", other(func(d *revocation.CRLInfo) { d.AuthorityKeyID = []byte{1} }), revocation.DeltaApart},
	} {
		if got := revocation.FitOf(base, row.delta); got != row.want {
			t.Errorf("a delta that is %s: got fit %d, want %d", row.fact, got, row.want)
		}
	}
}

func TestDeltaOnTopOfACompleteCRL(t *testing.T) {
	held := revocation.Entry{RevokedAt: lastWeek, Reason: revocation.CertificateHold}
	gone := revocation.Entry{RevokedAt: lastWeek, Reason: revocation.KeyCompromise}
	lifted := revocation.Entry{RevokedAt: now, Reason: revocation.RemoveFromCRL}
	base := numbered("\x0a", "")
	applies, obsolete, ahead := numbered("\x0b", "\x0a"), numbered("\x0a", "\x05"), numbered("\x0d", "\x0b")
	for _, row := range []struct {
		fact   string
		base   *revocation.Entry
		delta  *revocation.CRLInfo
		says   *revocation.Entry
		status revocation.Status
		reason revocation.Reason
		by     *revocation.CRLInfo
	}{
		{"a serial that neither lists is good by the delta", nil, applies, nil, revocation.Good, 0, applies},
		{"a serial that the delta adds is revoked by it", nil, applies, &gone, revocation.Revoked, revocation.KeyCompromise, applies},
		{"a serial the delta does not mention stays revoked", &held, applies, nil, revocation.Revoked, revocation.CertificateHold, base},
		{"a hold that the delta makes permanent", &held, applies, &gone, revocation.Revoked, revocation.KeyCompromise, applies},
		{"a hold that the delta lifts is good", &held, applies, &lifted, revocation.Good, 0, applies},
		{"a removal of what was never listed is good", nil, applies, &lifted, revocation.Good, 0, applies},
		{"an obsolete delta lifts nothing", &held, obsolete, &lifted, revocation.Revoked, revocation.CertificateHold, base},
		{"an obsolete delta revokes nothing: the newer complete CRL lifted it", nil, obsolete, &held, revocation.Good, 0, base},
		{"a delta ahead of the complete CRL lifts nothing", &held, ahead, &lifted, revocation.Revoked, revocation.CertificateHold, base},
		{"a delta ahead of the complete CRL revokes", nil, ahead, &gone, revocation.Revoked, revocation.KeyCompromise, ahead},
		{"a delta ahead of the complete CRL makes nothing good by itself", nil, ahead, nil, revocation.Good, 0, base},
	} {
		t.Run(row.fact, func(t *testing.T) {
			f := revocation.CRLFinding{Info: base, Covers: whole}
			if row.base != nil {
				f.Listed, f.Entry = true, *row.base
			}
			d := revocation.DeltaFinding{Info: row.delta}
			if row.says != nil {
				d.Listed, d.Entry = true, *row.says
			}
			f.Apply(&d)
			got := revocation.Decide(&revocation.Evidence{CRLs: []revocation.CRLFinding{f}}, now)
			if got.Status != row.status || got.Reason != row.reason || got.CRL != row.by {
				t.Errorf("got %s for %s by %s, want %s for %s by %s", got.Status, got.Reason, got.URL, row.status, row.reason, row.by.URL)
			}
		})
	}
}

// TestDeltaDatesCountWhileItLasts: the combination has the delta's dates (RFC 5280 §5.2.4); a delta that lapsed leaves the complete
// CRL, which was signed to hold by itself.
func TestDeltaDatesCountWhileItLasts(t *testing.T) {
	base, delta := numbered("\x0a", ""), numbered("\x0b", "\x0a")
	base.ThisUpdate, base.NextUpdate = now.Add(-48*time.Hour), now.Add(2*time.Hour)
	for _, row := range []struct {
		fact   string
		at     time.Time
		deltaT time.Duration // its nextUpdate, from now
		status revocation.Status
		by     *revocation.CRLInfo
	}{
		{"both fresh", now, time.Hour, revocation.Good, delta},
		{"the delta lapsed", now.Add(90 * time.Minute), time.Hour, revocation.Good, base},
		{"the complete CRL lapsed, the delta did not", now.Add(3 * time.Hour), 4 * time.Hour, revocation.Good, delta},
		{"both lapsed", now.Add(5 * time.Hour), 4 * time.Hour, revocation.Unknown, delta},
	} {
		delta.NextUpdate = now.Add(row.deltaT)
		f := revocation.CRLFinding{Info: base, Covers: whole}
		f.Apply(&revocation.DeltaFinding{Info: delta})
		got := revocation.Decide(&revocation.Evidence{CRLs: []revocation.CRLFinding{f}}, row.at)
		if got.Status != row.status || got.CRL != row.by || !got.ThisUpdate.Equal(row.by.ThisUpdate) {
			t.Errorf("%s: got %s by %s of %s, want %s by %s", row.fact, got.Status, got.URL, got.ThisUpdate, row.status, row.by.URL)
		}
	}
}

// TestWhatALapsedDeltaLiftedCountsAgain: when the delta is past its time and the complete CRL is not, that is what is left, and it
// lists the serial.
func TestWhatALapsedDeltaLiftedCountsAgain(t *testing.T) {
	base, delta := numbered("\x0a", ""), numbered("\x0b", "\x0a")
	base.NextUpdate = now.Add(3 * time.Hour)
	f := revocation.CRLFinding{Info: base, Covers: whole, Listed: true, Entry: revocation.Entry{RevokedAt: lastWeek, Reason: revocation.CertificateHold}}
	f.Apply(&revocation.DeltaFinding{Info: delta, Listed: true, Entry: revocation.Entry{RevokedAt: now, Reason: revocation.RemoveFromCRL}})
	for _, row := range []struct {
		fact string
		at   time.Time
		want revocation.Status
	}{
		{"the delta counts", now, revocation.Good},
		{"the delta lapsed", now.Add(2 * time.Hour), revocation.Revoked},
		{"both lapsed", now.Add(4 * time.Hour), revocation.Unknown},
	} {
		got := revocation.Decide(&revocation.Evidence{CRLs: []revocation.CRLFinding{f}}, row.at)
		if got.Status != row.want || got.Status == revocation.Revoked && (got.CRL != base || got.Reason != revocation.CertificateHold) {
			t.Errorf("%s: got %s for %s by %s, want %s", row.fact, got.Status, got.Reason, got.URL, row.want)
		}
	}
}

// TestADeltaOnlyMakesGoodWhatItRemoves: whatever the numbers, no delta turns a listed serial good but by removeFromCRL, applied.
func TestADeltaOnlyMakesGoodWhatItRemoves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one := func(label string) string { return string([]byte{byte(rapid.IntRange(1, 5).Draw(t, label))}) }
		base, delta := numbered(one("base"), ""), numbered(one("delta"), one("of"))
		f := revocation.CRLFinding{Info: base, Covers: whole, Listed: rapid.Bool().Draw(t, "listed"), Entry: revocation.Entry{RevokedAt: lastWeek}}
		before := f
		d := revocation.DeltaFinding{Info: delta, Listed: rapid.Bool().Draw(t, "in delta"),
			Entry: revocation.Entry{RevokedAt: now, Reason: rapid.SampledFrom([]revocation.Reason{1, 6, 8}).Draw(t, "reason")}}
		f.Apply(&d)
		if before.Listed && !f.Listed && (revocation.FitOf(base, delta) != revocation.DeltaApplies || !d.Listed || d.Entry.Reason != revocation.RemoveFromCRL) {
			t.Fatalf("a revocation vanished by a delta with fit %d and entry %v", revocation.FitOf(base, delta), d.Entry)
		}
		if f.Listed && f.Entry.Reason == revocation.RemoveFromCRL {
			t.Fatal("a removal was taken for a revocation")
		}
	})
}
