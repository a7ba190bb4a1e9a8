//go:build unix

package web

import "syscall"

// usualFiles is assumed where the system does not tell.
const usualFiles = 1024

// openFiles is how many descriptors the process may have. The runtime raises
// the soft limit to the hard one at the start; this is the raised one.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return usualFiles
	}
	return uint64(limit.Cur) //nolint:unconvert // signed on some systems
}
