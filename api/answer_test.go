package api_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/api"
	"github.com/vetopki/veto/revocation"
)

func TestAppendStatusWritesWhatEncodingJSONWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAnswer(t)
		got := api.AppendStatus(nil, &a)
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(a.Object()); err != nil {
			t.Fatal(err)
		}
		if string(got)+"\n" != want.String() {
			t.Fatalf("got  %s\nwant %s", got, &want)
		}
	})
}

func drawAnswer(t *rapid.T) api.Answer {
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "zero") {
			return time.Time{}
		}
		zone := time.FixedZone("", rapid.IntRange(-14, 14).Draw(t, "zone")*3600)
		return time.Unix(rapid.Int64Range(-2e9, 2e11).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nano")).In(zone)
	})
	a := api.Answer{
		Issuer: rapid.String().Draw(t, "issuer"),
		TTL:    rapid.IntRange(0, 3600).Draw(t, "ttl"),
		CertStatus: revocation.CertStatus{
			Status:    revocation.Status(rapid.IntRange(0, 2).Draw(t, "status")),
			Because:   revocation.Because(rapid.SampledFrom([]string{"crl", "admin", "no_crl"}).Draw(t, "because")),
			Reason:    revocation.Reason(rapid.IntRange(0, 12).Draw(t, "reason")),
			RevokedAt: moment.Draw(t, "revoked"), InvalidityDate: moment.Draw(t, "invalidity"),
			ThisUpdate: moment.Draw(t, "this"), NextUpdate: moment.Draw(t, "next"),
			Fresh:  rapid.Bool().Draw(t, "fresh"),
			Source: revocation.Source(rapid.SampledFrom([]string{"", "crl", "admin"}).Draw(t, "source")),
			URL:    rapid.String().Draw(t, "url"), Generation: rapid.Uint64().Draw(t, "generation"),
		},
	}
	serial, err := revocation.SerialFromBig(revocation.Serial(append([]byte{1}, rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "serial")...)).Big())
	if err != nil {
		t.Fatal(err)
	}
	a.Serial = serial
	copy(a.IssuerID[:], rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "id"))
	if rapid.Bool().Draw(t, "crl") {
		number := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "number")
		if len(number) > 0 && len(number) != 1 {
			number[0] |= 1
		}
		a.CRL = &revocation.CRLInfo{Number: revocation.CRLNumber(number)}
		copy(a.CRL.SHA256[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
	}
	return a
}

func TestTTL(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		fact   string
		status revocation.Status
		until  time.Time
		want   int
	}{
		{"good without an end may be kept for the full time", revocation.Good, time.Time{}, 30},
		{"good may be kept no longer than it holds", revocation.Good, now.Add(12*time.Second + 900*time.Millisecond), 12},
		{"good that holds for less than a second is not kept", revocation.Good, now.Add(900 * time.Millisecond), 0},
		{"good that lapsed is not kept", revocation.Good, now.Add(-time.Hour), 0},
		{"good that lapses now is not kept", revocation.Good, now, 0},
		{"unknown is kept for a few seconds", revocation.Unknown, time.Time{}, api.MaxUnknownTTL},
		{"unknown of a stale CRL is kept for a few seconds", revocation.Unknown, now.Add(-time.Hour), api.MaxUnknownTTL},
		{"revoked under a stale CRL may be kept for the full time", revocation.Revoked, now.Add(-time.Hour), 30},
		{"revoked may be kept until its CRL turns stale", revocation.Revoked, now.Add(7 * time.Second), 7},
	} {
		st := revocation.CertStatus{Status: c.status, ValidUntil: c.until}
		if got := api.TTL(&st, now, 30*time.Second); got != c.want {
			t.Errorf("%s: ttl %d, want %d", c.fact, got, c.want)
		}
	}
}

func BenchmarkAppendStatus(b *testing.B) {
	w := newWorld(b)
	a := api.Answer{Issuer: "corp", IssuerID: w.corpID, Serial: "\x0a", CertStatus: w.Status(w.corpID, "\x0a", time.Now()), TTL: 30}
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = api.AppendStatus(buf[:0], &a)
	}
}
