package catalogue

import (
	"slices"
	"strings"
)

// Reads tells whether calls to path only read: as it was judged, or by its name
// when it is not in the catalogue.
func (c *Catalogue) Reads(path string) bool {
	if e, ok := c.Lookup(path); ok {
		return !e.Writes
	}
	return ReadsByName(path)
}

// readNames are last segments of paths that only read, readPrefixes the
// beginnings of such segments. The method tells nothing: WeChat's shop APIs use
// POST for reading, and elsewhere GET withdraws a submission or deletes a menu.
var (
	readNames    = []string{"list", "all", "detail", "batchget", "listorderflow"}
	readPrefixes = []string{"get", "search", "query_"}
)

// ReadsByName tells whether the name of a path says that it only reads. What does
// not say so writes.
func ReadsByName(path string) bool {
	name := strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])
	return slices.Contains(readNames, name) ||
		slices.ContainsFunc(readPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}
