package standby

import (
	"context"
	"database/sql"
	"errors"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
)

// anew empties the file and plans to copy everything. Clients come first: without
// them nobody can be served.
func (c *Copy) anew(ctx context.Context, s State) error {
	if err := c.o.File.empty(ctx, s); err != nil {
		return errors.Join(errFile, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state, c.why = s, nil
	c.heard.anew, c.heard.keyset = false, true
	c.heard.pages = []func(context.Context) (bool, error){
		c.clients,
		pages(c, c.o.Source.ShopsAfter, func(s access.Shop) string { return s.ID }, shopRow),
		pages(c, c.o.Source.AppsAfter, func(a access.App) string { return a.ID }, appRow),
		pages(c, c.o.Source.GrantsAfter, func(g grant.Grant) string { return g.ID }, grantRow),
	}
	return nil
}

// page copies one page of the first kind of rows that is not copied yet. A page
// is read and written by the goroutine that writes changes too, so a row that
// changed after its page was read is written after the page.
func (c *Copy) page(ctx context.Context, page func(context.Context) (bool, error)) error {
	more, err := page(ctx)
	if err != nil || more {
		return err
	}
	c.mu.Lock()
	if len(c.heard.pages) > 0 {
		c.heard.pages = c.heard.pages[1:]
	}
	done := len(c.heard.pages) == 0 && !c.heard.anew
	s := c.stateNow()
	c.mu.Unlock()
	if !done {
		return nil
	}
	c.o.Log.InfoContext(ctx, "standby.db is complete", "entry", s.To.Seq)
	return c.save(ctx, s)
}

// clients copies all of them at once: there are few.
func (c *Copy) clients(ctx context.Context) (more bool, err error) {
	all, err := c.o.Source.Clients(ctx)
	if err != nil {
		return false, err
	}
	rows := make([]row, len(all))
	for i, x := range all {
		rows[i] = clientRow(x)
	}
	return false, c.write(ctx, func(tx *sql.Tx) error { return c.put(ctx, tx, rows...) })
}

// pages gives a function that copies one page more with each call.
func pages[T any](c *Copy, read func(context.Context, string, int) ([]T, error), id func(T) string, to func(T) row) func(context.Context) (bool, error) {
	after := ""
	return func(ctx context.Context) (more bool, err error) {
		ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
		defer cancel()
		page, err := read(ctx, after, c.o.Page)
		if err != nil || len(page) == 0 {
			return false, err
		}
		rows := make([]row, len(page))
		for i, x := range page {
			rows[i] = to(x)
		}
		if err := c.write(ctx, func(tx *sql.Tx) error { return c.put(ctx, tx, rows...) }); err != nil {
			return false, err
		}
		after = id(page[len(page)-1])
		return len(page) == c.o.Page, nil
	}
}
