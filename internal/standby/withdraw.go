package standby

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/zhanggui/zhanggui/internal/feed"
)

// Withdraw takes clients, shops and grants out of the file at once, which this
// process has just ended or changed in the database. Should the database go away
// before the feed tells of it, they are not served. The feed brings back what may
// be. Only the lists of x count.
func (c *Copy) Withdraw(ctx context.Context, x feed.Change) {
	rows := rowsOf(x)
	if len(rows) == 0 {
		return
	}
	c.mu.Lock()
	maps.Copy(c.heard.withdrawn, rows) // first: what was read before must not be written after
	c.mu.Unlock()
	err := c.write(ctx, func(tx *sql.Tx) error {
		for r := range rows {
			if err := drop(ctx, tx, r.kind, r.id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.broken(ctx, err)
	}
}

// rowsOf gives the rows that a change names, without their values.
func rowsOf(x feed.Change) map[row]bool {
	rows := map[row]bool{}
	for kind, ids := range map[string][]string{kindGrant: x.Grants, kindApp: x.Apps, kindShop: x.Shops, kindClient: x.Clients} {
		for _, id := range ids {
			rows[row{kind: kind, id: id}] = true
		}
	}
	return rows
}

// put writes rows that were read from the source, without those that were
// withdrawn since.
func (c *Copy) put(ctx context.Context, tx *sql.Tx, rows ...row) error {
	c.mu.Lock()
	rows = slices.DeleteFunc(rows, func(r row) bool { return c.heard.withdrawn[row{kind: r.kind, id: r.id}] })
	c.mu.Unlock()
	return c.o.File.putUnspooled(ctx, tx, rows...)
}
