//go:build unix

package pgtest

import (
	"errors"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// account is who servers run as. PostgreSQL refuses root.
type account struct {
	drop *syscall.Credential // nil: we are not root, and stay who we are
}

func unprivileged() (*account, error) {
	if os.Geteuid() != 0 {
		return &account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &account{drop: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), NoSetGroups: false}}, nil
	}
	return nil, errors.New("this process is root, and there is no user postgres or nobody to run the server as; make one")
}

// attributes make a process run as the account, out of reach of the terminal's
// signals.
func (a *account) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: a.drop, Setpgid: true}
}

// own makes a directory the account's.
func (a *account) own(dir string) error {
	if a.drop == nil {
		return nil
	}
	return os.Chown(dir, int(a.drop.Uid), int(a.drop.Gid))
}
