//go:build linux || darwin

package app

import "syscall"

// diskOf tells how many bytes are free for us on the disk of a directory, and how many
// there are.
func diskOf(dir string) (free, total uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}
