package postgres

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

// connectWithin bounds how long one host is waited for.
const connectWithin = 3 * time.Second

// errURL does not hold the cause: it repeats parts of the URL.
var errURL = errors.New("the database's URL cannot be read; write it as postgres://user:password@host:5432/name, " +
	"with %40 for @, %2F for / and %3A for : in the password")

// parse reads a URL and settles how statements run: none is prepared, so that
// any connection of a pooler can run the next one.
func parse(url secret.Value) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(url.RevealString())
	if err != nil {
		return nil, errURL
	}
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	c.StatementCacheCapacity, c.DescriptionCacheCapacity = 0, 0
	if c.ConnectTimeout <= 0 || c.ConnectTimeout > connectWithin {
		c.ConnectTimeout = connectWithin
	}
	c.DialFunc = dialer.DialContext
	if c.ValidateConnect == nil {
		// A standby answers reads and refuses writes: better not to begin.
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if _, named := c.RuntimeParams["application_name"]; !named {
		c.RuntimeParams["application_name"] = "zhanggui"
	}
	return c, nil
}
