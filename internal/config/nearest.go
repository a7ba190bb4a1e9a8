package config

import (
	"maps"
	"reflect"
	"slices"
)

// nearest gives the known name that s is most likely a slip of, or "".
func nearest(s string, fields map[string]reflect.StructField) string {
	best, name := 3, ""
	if len(s) > 64 {
		return ""
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if d := distance(s, k); d < best && d < len(k) {
			best, name = d, k
		}
	}
	return name
}

// distance counts the single-byte edits between a and b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
