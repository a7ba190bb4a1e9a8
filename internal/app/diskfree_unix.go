//go:build linux || darwin || freebsd

package app

import (
	"math"
	"syscall"
)

// diskFree is how many bytes we may still write where dir is; not a number when nobody
// knows.
func diskFree(dir string) float64 {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return math.NaN()
	}
	return float64(s.Bavail) * float64(s.Bsize) //nolint:unconvert // of other types on some systems
}
