package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads a duration of zero or more in Go's syntax ("90s", "1h30m"), which may begin with days of 24 hours ("30d", "1d12h").
func ParseDuration(text string) (time.Duration, error) {
	hint := errors.New("is no duration; write a number with a unit, such as 30s, 5m, 12h or 7d")
	var total time.Duration
	rest := text
	if days, after, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > uint64(math.MaxInt64/int64(24*time.Hour)) {
			return 0, hint
		}
		total, rest = time.Duration(n)*24*time.Hour, after
		if rest == "" {
			return total, nil
		}
		if rest[0] < '0' || rest[0] > '9' {
			return 0, hint
		}
	}
	d, err := time.ParseDuration(rest)
	switch {
	case err != nil:
		return 0, hint
	case d < 0:
		return 0, errors.New("is negative; a duration is zero or more")
	case d > math.MaxInt64-total:
		return 0, hint
	}
	return total + d, nil
}

// sizeUnits are powers of 1024 (IEC) and of 1000 (SI), the longer names first.
var sizeUnits = []struct {
	name   string
	octets int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// ParseSize reads a number of octets: "1GiB" (1024³), "10MB" (1000²) or a plain number.
func ParseSize(text string) (int64, error) {
	digits, factor := text, int64(1)
	for _, u := range sizeUnits {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			digits, factor = strings.TrimSpace(number), u.octets
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, errors.New("is no size; write a whole number with KiB, MiB, GiB, kB, MB or GB, or a plain number of octets")
	}
	if int64(n) > math.MaxInt64/factor {
		return 0, errors.New("is more than can be counted; write a smaller size")
	}
	return int64(n) * factor, nil
}

// ParsePercent reads "20%" as 20. It is between 0 and 100.
func ParsePercent(text string) (float64, error) {
	number, ok := strings.CutSuffix(text, "%")
	p, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(p >= 0 && p <= 100) {
		return 0, errors.New("is no percentage; write a number between 0% and 100% with its sign, such as 20%")
	}
	return p, nil
}

// formatDuration writes whole days as such, other durations as Go does without its trailing zeros.
func formatDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
