//go:build unix

package chaos

import (
	"os"
	"syscall"
)

// stop has a process stand still, cont lets it go on.
func stop(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

func cont(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
