//go:build linux || darwin || freebsd

package app

import "syscall"

// diskOf tells how many bytes are free for us on the disk of a directory, and how many
// there are.
func diskOf(dir string) (free, total uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	// The numbers are of other types on some systems. FreeBSD counts below zero while
	// root writes into what is kept for it.
	size := uint64(s.Bsize)
	return uint64(max(s.Bavail, 0)) * size, s.Blocks * size, nil //nolint:unconvert // not needed everywhere
}
