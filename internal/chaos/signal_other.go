//go:build !unix

package chaos

import (
	"errors"
	"os"
)

var errNoStop = errors.New("this system cannot stop a process for a while; run zhanggui chaos on Linux")

func stop(*os.Process) error { return errNoStop }

func cont(*os.Process) error { return errNoStop }
