package config

import (
	"maps"
	"reflect"
	"slices"

	"github.com/zhanggui/zhanggui/internal/spell"
)

// nearest gives the known name that s is most likely a slip of, or "".
func nearest(s string, fields map[string]reflect.StructField) string {
	best, name := 3, ""
	if len(s) > 64 {
		return ""
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if d := spell.Distance(s, k); d < best && d < len(k) {
			best, name = d, k
		}
	}
	return name
}
