package crlfetch

import (
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vetopki/veto/revocation"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// valid is a CRL issued and lapsing so long before and after noon.
func valid(age, left time.Duration) *revocation.CRLInfo {
	return &revocation.CRLInfo{ThisUpdate: noon.Add(-age), NextUpdate: noon.Add(left)}
}

func TestNext(t *testing.T) {
	const h, m, s = time.Hour, time.Minute, time.Second
	endless := &revocation.CRLInfo{ThisUpdate: noon.Add(-h)}
	tests := []struct {
		name  string
		every time.Duration
		info  *revocation.CRLInfo
		out   Outcome
		want  time.Duration
	}{
		{"a success waits every", 5 * m, valid(h, 23*h), Outcome{}, 5 * m},
		{"zero every is the default", 0, valid(h, 23*h), Outcome{}, 5 * m},
		{"a CRL without nextUpdate is asked for every so often", 2 * h, endless, Outcome{}, 2 * h},
		{"a long every ends where a tenth of the lifetime is left", 48 * h, valid(0, 10*h), Outcome{}, 9 * h},
		{"in the last tenth half of what is left", 48 * h, valid(9*h+30*m, 30*m), Outcome{}, 15 * m},
		{"in the last second still a second", 48 * h, valid(10*h, s), Outcome{}, s},
		{"past nextUpdate every", 5 * m, valid(10*h, -s), Outcome{}, 5 * m},
		{"past nextUpdate at least hourly", 48 * h, valid(10*h, -s), Outcome{}, h},
		{"a CRL that lapsed a year ago is asked for every so often", 5 * m, valid(8766*h, -8000*h), Outcome{}, 5 * m},
		{"every below a second is a second", m / 1000, valid(h, h), Outcome{}, s},
		{"nextUpdate before thisUpdate breaks nothing", 5 * m, valid(-3*h, 2*h), Outcome{}, 5 * m},

		{"the first failure waits ten seconds", 5 * m, valid(h, 23*h), Outcome{Failures: 1}, 10 * s},
		{"the second failure waits twenty", 5 * m, valid(h, 23*h), Outcome{Failures: 2}, 20 * s},
		{"failures back off up to every", 5 * m, valid(h, 23*h), Outcome{Failures: 9}, 5 * m},
		{"failures back off up to an hour", 48 * h, valid(0, 1000*h), Outcome{Failures: 1000}, h},
		{"failures without a CRL back off too", 5 * m, nil, Outcome{Failures: 3}, 40 * s},
		{"failures near the end come more often", 48 * h, valid(10*h, 4*m), Outcome{Failures: 20}, 2 * m},
		{"failures at the very end wait ten seconds", 48 * h, valid(10*h, s), Outcome{Failures: 20}, 10 * s},
		{"a failure with a short every waits every", 3 * s, valid(h, 23*h), Outcome{Failures: 5}, 3 * s},

		{"max-age makes the wait longer", 5 * m, valid(h, 23*h), Outcome{MaxAge: 20 * m}, 21 * m},
		{"max-age makes no wait shorter", 5 * m, valid(h, 23*h), Outcome{MaxAge: s}, 5 * m},
		{"max-age is obeyed for an hour at most", 5 * m, valid(h, 230*h), Outcome{MaxAge: 9000 * h}, 63 * m},
		{"max-age does not let the CRL lapse", 5 * m, valid(10*h, 20*m), Outcome{MaxAge: h}, 10 * m},
		{"max-age is no reason to wait after a failure", 5 * m, valid(h, 23*h), Outcome{Failures: 1, MaxAge: h}, 10 * s},

		{"Retry-After makes the wait longer", 5 * m, valid(h, 23*h), Outcome{Failures: 1, RetryAfter: 20 * m}, 21 * m},
		{"Retry-After never makes it shorter", 5 * m, valid(h, 23*h), Outcome{Failures: 9, RetryAfter: s}, 5 * m},
		{"Retry-After is obeyed for an hour at most", 5 * m, valid(h, 230*h), Outcome{Failures: 1, RetryAfter: 90 * h}, 63 * m},
		{"Retry-After does not let the CRL lapse untried", 5 * m, valid(10*h, 20*m), Outcome{Failures: 1, RetryAfter: h}, 10 * m},
		{"Retry-After counts past nextUpdate", 5 * m, valid(10*h, -m), Outcome{Failures: 1, RetryAfter: 20 * m}, 21 * m},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Next(noon, Source{Every: tt.every}, tt.info, tt.out, 0.5).Sub(noon)
			if got != tt.want {
				t.Errorf("Next waits %s, want %s", got, tt.want)
			}
		})
	}
}

func TestJitterIsTenPercentEitherWay(t *testing.T) {
	src, info := Source{Every: 100 * time.Second}, valid(time.Hour, 23*time.Hour)
	for jitter, want := range map[float64]time.Duration{0: 90 * time.Second, 0.5: 100 * time.Second, 1: 110 * time.Second} {
		if got := Next(noon, src, info, Outcome{}, jitter).Sub(noon); got != want {
			t.Errorf("with jitter %v Next waits %s, want %s", jitter, got, want)
		}
	}
}

func TestNextNeverRushesAndNeverMissesTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		duration := func(name string, most time.Duration) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, name))
		}
		info := valid(duration("age", 1000*time.Hour), duration("left", 1000*time.Hour))
		src := Source{Every: duration("every", 100*time.Hour)}
		out := Outcome{Failures: rapid.IntRange(0, 100).Draw(t, "failures"), RetryAfter: duration("retryAfter", 100*time.Hour),
			MaxAge: duration("maxAge", 100*time.Hour)}
		wait := Next(noon, src, info, out, rapid.Float64Range(0, 1).Draw(t, "jitter")).Sub(noon)
		if wait < minWait {
			t.Fatalf("waits %s, less than %s", wait, minWait)
		}
		if left := info.NextUpdate.Sub(noon); left > 2*time.Minute && wait >= left {
			t.Fatalf("waits %s although the CRL lapses in %s", wait, left)
		}
	})
}

func TestFirstFetch(t *testing.T) {
	const m = time.Minute
	planned := func(d time.Duration) revocation.SourceState { return revocation.SourceState{NextFetch: noon.Add(d)} }
	tests := []struct {
		name string
		info *revocation.CRLInfo
		st   revocation.SourceState
		want time.Duration
	}{
		{"nothing held is fetched at once", nil, planned(3 * m), 0},
		{"a stale CRL is fetched at once", valid(10*m, -m), planned(3 * m), 0},
		{"a fresh CRL follows the plan", valid(m, 1000*m), planned(3 * m), 3 * m},
		{"a missed plan is made up for at once", valid(m, 1000*m), planned(-m), 0},
		{"no plan is fetched at once", valid(m, 1000*m), revocation.SourceState{}, 0},
		{"a plan beyond every is cut to every", valid(m, 1000*m), planned(500 * m), 5 * m},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := firstFetch(noon, Source{Every: 5 * m}, tt.st, tt.info, 0.5).Sub(noon); got != tt.want {
				t.Errorf("first fetch after %s, want %s", got, tt.want)
			}
		})
	}
}

func TestBelieves304(t *testing.T) {
	const h, m = time.Hour, time.Minute
	large := history{whole: noon.Add(-2 * h), took: 3 * m}
	tests := []struct {
		name     string
		info     *revocation.CRLInfo
		h        history
		believed bool
	}{
		{"a CRL in the first half of its life is asked for conditionally", valid(4*h, 6*h), history{}, true},
		{"a CRL in the second half is asked for as a whole", valid(6*h, 4*h), history{}, false},
		{"a stale CRL is asked for as a whole", valid(6*h, -h), history{}, false},
		{"a CRL without nextUpdate is asked for as a whole", &revocation.CRLInfo{ThisUpdate: noon}, history{}, false},
		{"every tenth time the CRL is asked for as a whole", valid(h, 9*h), history{notModified: unconditionalAfter}, false},
		{"every tenth time but for a large CRL that rests", valid(h, 9*h), history{unconditionalAfter, noon.Add(-2 * h), 3 * m}, true},
		{"nothing held is asked for as a whole", nil, history{}, false},

		{"in the second half not sooner than a twentieth of the lifetime", valid(12*h, 8*h), history{whole: noon.Add(-59 * m)}, true},
		{"in the second half after a twentieth of the lifetime", valid(12*h, 8*h), history{whole: noon.Add(-h)}, false},
		{"in the second half not sooner than a poll", valid(6*m, 4*m), history{whole: noon.Add(-4 * m)}, true},
		{"a transfer that took three minutes rests for 150", valid(6*h, 4*h), large, true},
		{"a stale CRL that is large rests too", valid(6*h, -h), large, true},
		{"a large CRL without nextUpdate rests too", &revocation.CRLInfo{ThisUpdate: noon}, large, true},
		{"after its rest it is asked for as a whole", valid(6*h, 4*h), history{whole: noon.Add(-150 * m), took: 3 * m}, false},
		{"a stale CRL waits for no twentieth of its lifetime", valid(200*h, -h), history{whole: noon.Add(-5 * m)}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := believes304(noon, Source{Every: 5 * m}, tt.info, tt.h); got != tt.believed {
				t.Errorf("believed %v, want %v", got, tt.believed)
			}
		})
	}
}

func TestMaxAge(t *testing.T) {
	for _, tt := range []struct {
		name, control, age string
		want               time.Duration
	}{
		{"an answer without Cache-Control", "", "", 0},
		{"an answer fresh for ten minutes", "public, max-age=600, must-revalidate", "", 10 * time.Minute},
		{"less what it spent in a cache", "MAX-AGE=600", "60", 9 * time.Minute},
		{"older than it is fresh", "max-age=600", "6000", 0},
		{"an age that is none", "max-age=600", "old", 10 * time.Minute},
		{"a quoted number", `max-age="600"`, "", 10 * time.Minute},
		{"no-cache", "max-age=600, no-cache", "", 0},
		{"no-store", "no-store, max-age=600", "", 0},
		{"a number that is none", "max-age=soon", "", 0},
		{"a negative number", "max-age=-1", "", 0},
		{"only shared caches", "s-maxage=600", "", 0},
	} {
		h := http.Header{"Cache-Control": {tt.control}, "Age": {tt.age}}
		if got := maxAge(h); got != tt.want {
			t.Errorf("%s: fresh for %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestLateness(t *testing.T) {
	const h = time.Hour
	for _, tt := range []struct {
		name  string
		info  *revocation.CRLInfo
		want  lateness
		until time.Duration // from noon; 0: never
	}{
		{"none held", nil, inTime, 0},
		{"one without nextUpdate", &revocation.CRLInfo{ThisUpdate: noon.Add(-99 * h)}, inTime, 0},
		{"one just issued", valid(0, 8*h), inTime, 6 * h},
		{"a second before three quarters", valid(6*h-time.Second, 2*h+time.Second), inTime, time.Second},
		{"at three quarters", valid(6*h, 2*h), late, 2 * h},
		{"a second before its end", valid(8*h-time.Second, time.Second), late, time.Second},
		{"at its end", valid(8*h, 0), stale, 0},
		{"one from the future", valid(-h, 9*h), inTime, 7 * h},
		{"one that ends before it begins", valid(-2*h, -3*h), stale, 0},
	} {
		got, until := latenessOf(noon, tt.info)
		if got != tt.want || tt.until == 0 != until.IsZero() || tt.until != 0 && until.Sub(noon) != tt.until {
			t.Errorf("%s: %d until %s, want %d until %s", tt.name, got, until, tt.want, tt.until)
		}
	}
}
