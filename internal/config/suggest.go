package config

import (
	"slices"
	"strings"
)

// nearest is the known word somebody probably meant, or "": the one fewest edits away when these are few for its length, or the
// only one the word begins or abbreviates.
func nearest(word string, known []string) string {
	const longest = 64 // no key comes near; bounds the work
	if len(word) > longest {
		return ""
	}
	best, fewest := "", 3
	for _, k := range known {
		if d := edits(strings.ToLower(word), k); d < fewest && d <= 1+len(k)/4 {
			best, fewest = k, d
		}
	}
	if best != "" || len(word) < 3 {
		return best
	}
	begins := func(k string) bool { return strings.HasPrefix(k, word) || strings.HasPrefix(word, k) }
	if i := slices.IndexFunc(known, begins); i >= 0 && !slices.ContainsFunc(known[i+1:], begins) {
		return known[i]
	}
	return ""
}

// edits is the number of characters to insert, remove, replace or swap with their neighbour to turn a into b (optimal string
// alignment).
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
