//go:build !linux && !darwin && !freebsd

package app

import "math"

// diskFree knows nothing of disks on this system.
func diskFree(string) float64 { return math.NaN() }
