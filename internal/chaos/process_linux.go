package chaos

import "syscall"

// bound has the kernel kill a child when this process is gone, however it went.
func bound() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
