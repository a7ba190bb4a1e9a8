package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// nextHostAfter is how long one host may keep silent before the next one is tried
// beside it. A machine that is gone refuses nothing: it says nothing, until the
// patience of whoever waits for the connection is over.
const nextHostAfter = 250 * time.Millisecond

// hosts makes connections to the one of several hosts that takes writes. The host
// of the last connection is asked first: after a failover, most of a pool's life
// is spent with a host that is not the first one in the URL.
type hosts struct {
	each []driver.Connector
	last atomic.Int64 // index of the host that the newest connection leads to
}

// newHosts makes a connector from what a URL names.
func newHosts(c pgx.ConnConfig, options ...stdlib.OptionOpenDB) driver.Connector {
	h := &hosts{}
	for _, one := range perHost(c) {
		h.each = append(h.each, stdlib.GetConnector(one, options...))
	}
	if len(h.each) == 1 {
		return h.each[0]
	}
	return h
}

// perHost gives a configuration for each host. Ways to one host, with TLS and
// without, stay together.
func perHost(c pgx.ConnConfig) []pgx.ConnConfig {
	ways := append([]*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port, TLSConfig: c.TLSConfig}}, c.Fallbacks...)
	var all []pgx.ConnConfig
	for len(ways) > 0 {
		first := ways[0]
		n := slices.IndexFunc(ways, func(w *pgconn.FallbackConfig) bool { return w.Host != first.Host || w.Port != first.Port })
		if n < 0 {
			n = len(ways)
		}
		one := *c.Copy()
		one.Host, one.Port, one.TLSConfig, one.Fallbacks = first.Host, first.Port, first.TLSConfig, ways[1:n]
		all, ways = append(all, one), ways[n:]
	}
	return all
}

// Driver implements [driver.Connector].
func (h *hosts) Driver() driver.Driver { return h.each[0].Driver() }

// Connect implements [driver.Connector]. The first host that lets us in and takes
// writes is the one; what was begun with others is given up.
func (h *hosts) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	answers := make(chan answer, len(h.each))
	begun, answered := 0, 0
	defer func() {
		cancel()
		go closeLate(answers, begun-answered)
	}()
	next := func() {
		host := (int(h.last.Load()) + begun) % len(h.each)
		begun++
		go func() {
			c, err := h.each[host].Connect(ctx)
			answers <- answer{host, c, err}
		}()
	}
	var errs []error
	patience := time.NewTicker(nextHostAfter)
	defer patience.Stop()
	for next(); ; {
		select {
		case a := <-answers:
			answered++
			if a.err == nil {
				h.last.Store(int64(a.host))
				return a.conn, nil
			}
			if errs = append(errs, a.err); answered == len(h.each) {
				return nil, errors.Join(errs...)
			}
			if begun == answered {
				next()
			}
		case <-patience.C:
			if begun < len(h.each) {
				next()
			}
		}
	}
}

// answer is what came of one host.
type answer struct {
	host int
	conn driver.Conn
	err  error
}

// closeLate closes connections that came after another one was taken.
func closeLate(answers <-chan answer, n int) {
	for range n {
		if a := <-answers; a.err == nil {
			_ = a.conn.Close() // nobody has used it
		}
	}
}
