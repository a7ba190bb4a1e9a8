//go:build !unix

package chaos

import (
	"context"
	"errors"
)

var errNoOwn = errors.New("this system starts no PostgreSQL server of its own here")

func newOwn(context.Context) (base, error) { return nil, errNoOwn }

func newFailover(context.Context) (base, error) { return nil, errNoOwn }
