package config

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestUnits(t *testing.T) {
	for _, row := range []struct {
		text string
		want time.Duration
	}{
		{"0", 0}, {"0s", 0}, {"90s", 90 * time.Second}, {"1h30m", 90 * time.Minute}, {"30d", 720 * time.Hour}, {"1d12h", 36 * time.Hour},
		{"", -1}, {"5", -1}, {"-5m", -1}, {"1d-5m", -1}, {"d", -1}, {"1.5d", -1}, {"1d2d", -1}, {"5 m", -1}, {"106752d", -1}, {"106751d24h", -1}, {"5w", -1},
	} {
		if got, err := ParseDuration(row.text); (err != nil) != (row.want < 0) || (err == nil && got != row.want) {
			t.Errorf("duration %q: got %v %v, want %v", row.text, got, err, row.want)
		}
	}
	for _, row := range []struct {
		text string
		want int64
	}{
		{"0", 0}, {"4096", 4096}, {"1GiB", 1 << 30}, {"512MiB", 512 << 20}, {"10MB", 10e6}, {"1 kB", 1000}, {"7B", 7}, {"2TiB", 2 << 40},
		{"9223372036854775807", math.MaxInt64},
		{"", -1}, {"GiB", -1}, {"-1", -1}, {"1.5GiB", -1}, {"1G", -1}, {"9223372036854775808", -1}, {"9007199254740992KiB", -1}, {"1_000", -1},
	} {
		if got, err := ParseSize(row.text); (err != nil) != (row.want < 0) || (err == nil && got != row.want) {
			t.Errorf("size %q: got %v %v, want %v", row.text, got, err, row.want)
		}
	}
	for _, row := range []struct {
		text string
		want float64
	}{{"0%", 0}, {"20%", 20}, {"2.5 %", 2.5}, {"100%", 100}, {"20", -1}, {"101%", -1}, {"-1%", -1}, {"NaN%", -1}, {"%", -1}, {"", -1}} {
		if got, err := ParsePercent(row.text); (err != nil) != (row.want < 0) || (err == nil && got != row.want) {
			t.Errorf("percentage %q: got %v %v, want %v", row.text, got, err, row.want)
		}
	}
}

func TestADurationIsReadAsItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Min(0).Draw(t, "nanoseconds"))
		if got, err := ParseDuration(formatDuration(want)); err != nil || got != want {
			t.Fatalf("%s is read as %v, %v", formatDuration(want), got, err)
		}
	})
}

func TestTheNearestKey(t *testing.T) {
	known := []string{"certificate", "crls", "name", "ocsp", "refresh"}
	for word, want := range map[string]string{
		"certifcate": "certificate", "Certificate": "certificate", "cert": "certificate", "crl": "crls", "nmae": "name", "ocps": "ocsp",
		"refreshes": "refresh", "listen": "", "c": "", "": "", "x": "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}
