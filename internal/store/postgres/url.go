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

// described is the first argument of a statement that carries many rows. They
// then travel in binary form; as text, ciphertext has twice its size and both
// sides take longer to write and read it than to do the work. The server is asked
// once on each connection for the types. Nothing is prepared: a pooler's
// connection that never saw the statement runs it.
const described = pgx.QueryExecModeCacheDescribe

// mostDescribed is how many statements' types a connection remembers.
const mostDescribed = 16

// parse reads a URL and settles how statements run: none is prepared, so that
// any connection of a pooler can run the next one.
func parse(url secret.Value) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(url.RevealString())
	if err != nil {
		return nil, errURL
	}
	c.DefaultQueryExecMode = pgx.QueryExecModeExec
	c.StatementCacheCapacity, c.DescriptionCacheCapacity = 0, mostDescribed
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
