//go:build !unix

package pgtest

import (
	"errors"
	"syscall"
)

// account is who servers run as. There is none here: sockets, users and signals
// are those of Unix.
type account struct{}

func unprivileged() (*account, error) {
	return nil, errors.New("servers for trials are started on Unix only; name one in " + Variable)
}

func (*account) attributes() *syscall.SysProcAttr { return nil }

func (*account) own(string) error { return nil }
