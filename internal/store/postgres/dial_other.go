//go:build !linux

package postgres

import "syscall"

// boundSending leaves the system's own patience as it is.
func boundSending(string, string, syscall.RawConn) error { return nil }
