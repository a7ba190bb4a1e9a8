//go:build !linux

package chaos

import "syscall"

// bound is nothing here: a child ends when its input does.
func bound() *syscall.SysProcAttr { return nil }
